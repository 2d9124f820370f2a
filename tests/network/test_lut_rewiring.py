"""A network without repeated, constant and dead nodes gives the same scores for every input."""

import numpy as np
import pytest

from crshare.network import reference
from crshare.network.graph import Input, Lut, Network
from crshare.network.lut_ops import class_sums, modulation
from crshare.network.lut_rewiring import LayerNodes, n_tables, nodes_of, simplified
from tests.lut_networks import chain, random_lut_network
from tests.networks import random_images


def redundant(network: Network, seed: int) -> Network:
    """The same network with nodes that are made constants, repeats, inverses and wires."""
    rng = np.random.default_rng(seed)
    ops = {}
    for layer in network.layers:
        if not isinstance(layer.op, Lut):
            continue
        connections, tables = layer.op.connections.copy(), layer.op.tables.copy()
        everything = np.uint64((1 << layer.op.n_entries) - 1)
        for node in range(layer.op.n_nodes):
            other, kind = rng.integers(layer.op.n_nodes), rng.integers(8)
            if kind == 0:
                tables[node] = 0
            elif kind == 1:
                tables[node] = everything
            elif kind == 2:
                connections[node], tables[node] = connections[other], tables[other]
            elif kind == 3:
                connections[node], tables[node] = connections[other], tables[other] ^ everything
            elif kind == 4:
                connections[node] = connections[node, 0]
        ops[layer.name] = Lut(connections, tables, layer.op.size, layer.op.strides, layer.op.same)
    return network.replace(dict(ops))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_scores_stay_what_they_were(seed: int) -> None:
    network = redundant(random_lut_network(seed), seed)
    small = simplified(network)
    images = random_images(np.random.default_rng(seed), network.input, 20)
    last = network.layers[-1].name
    before, after = (reference.run(one, images)[last] for one in (network, small))
    assert np.array_equal(before, after)
    counted = nodes_of(network)
    assert n_tables(small) <= n_tables(network) == sum(one.left for one in counted)
    for one in counted:
        others = one.constant + one.wires + one.repeated + one.inverse + one.dead
        assert others <= one.n_nodes >= one.left


def test_each_node_is_counted_at_what_it_is() -> None:
    rows = [([0, 1], 0b0110), ([1, 0], 0b0110), ([1, 0], 0b1001), ([0, 2], 0b1010)]
    rows += [([2, 2], 0b1010), ([0, 1], 0b1111), ([0, 1], 0b0001)]
    first = Lut(
        np.array([places for places, _ in rows], np.int32),
        np.array([table for _, table in rows], np.uint64),
    )
    second = Lut(
        np.array([[0, 1], [2, 3], [4, 5]], np.int32),
        np.array([0b1000, 0b0110, 0b0100], np.uint64),
    )
    network = chain(
        Input((1, 1, 3), high=1), modulation(1, 3, high=1), first, second, class_sums(3)
    )
    # 0 = xor; 1 repeats it, 2 is its inverse; 3 and 4 are wires; 5 is constant; 6 is not read.
    # Behind them: 0 and 1 is a wire then; 2 xor 3 stays; "5 and not 4" is not 4.
    assert nodes_of(network) == [
        LayerNodes("layer1", 7, constant=1, wires=2, repeated=1, inverse=1, dead=1, left=1),
        LayerNodes("layer2", 3, constant=0, wires=0, repeated=0, inverse=0, dead=0, left=1),
    ]
    small = simplified(network)
    assert [small.signals[name].shape[2] for name in ("layer1", "layer2")] == [3, 3]
