"""LUTs of all that stands around unrolled layers: every stage counts once."""

from crshare.hardware.architecture import size_of
from crshare.hardware.around import around_of
from crshare.hardware.costs import graph_cost
from crshare.hardware.other_stages import other_luts
from crshare.images.digits import demo_model
from crshare.model.read import read_network
from hwgen.targets import XILINX
from tests.networks import random_graph

LAYERS = ("conv1", "conv2", "conv3", "dense1", "dense2")


def test_around_graphs_alone_stand_windows_pools_and_the_decision() -> None:
    network = read_network(demo_model())
    around = sum(graph_cost(size_of(network, layer), 0, XILINX).luts for layer in LAYERS)
    assert other_luts(network, LAYERS) == around_of(network).resources.luts + around


def test_layers_that_are_not_unrolled_count_as_they_would_be_built() -> None:
    network = read_network(demo_model())
    counted = [other_luts(network, LAYERS[:n]) or 0 for n in range(len(LAYERS) + 1)]
    assert all(more > fewer for more, fewer in zip(counted, counted[1:], strict=False))


def test_a_network_without_hardware_has_no_other_stages() -> None:
    networks = (random_graph(seed) for seed in range(9))
    assert any(other_luts(network, []) is None for network in networks)
