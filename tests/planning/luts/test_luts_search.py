"""Plans of LUT networks: a change does what its trial said, and a plan keeps its budget."""

import numpy as np
import pytest

from crshare.accuracy import compare
from crshare.errors import PlanError
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet
from crshare.network import reference
from crshare.network.graph import Flatten, Input, Lut, Network
from crshare.network.lut_ops import class_sums, modulation
from crshare.network.lut_rewiring import n_tables
from crshare.planning.luts import kernels
from crshare.planning.luts.gates import Gates, gates_of, n_bits, start_of
from crshare.planning.luts.search import Tried, halved, search
from crshare.planning.luts.state import Working
from solver.arrays import Flags
from tests.lut_networks import chain, random_lut_network
from tests.networks import random_images

pytestmark = pytest.mark.slow  # the search is compiled, once


def has_plan(network: Network) -> bool:
    try:
        start_of(network)
    except PlanError:
        return False
    return True


PLANNED = [seed for seed in range(60) if has_plan(random_lut_network(seed))][:12]


def working(network: Network, n: int) -> Working:
    rng = np.random.default_rng(n)
    images = random_images(rng, network.input, n)
    labels = rng.integers(0, network.output.shape[2], n)
    return Working(gates_of(network, images), labels)


def expect_as_run(work: Working, n: int) -> None:
    """The state's counts are those of the network as it is now, run by the reference."""
    network = work.network()
    images = random_images(np.random.default_rng(n), network.input, n)
    last = network.layers[-1]
    scores = reference.run(network, images)[last.name][:, 0, 0]
    sums = work.gates.sums
    assert np.array_equal(work.state.counts * sums.weights.astype(np.int64) + sums.offsets, scores)


@pytest.mark.parametrize("seed", PLANNED)
def test_every_change_is_what_the_trial_said(seed: int) -> None:
    work = working(random_lut_network(seed), 70)
    near = work.alike(5, seed)
    rng = np.random.default_rng(seed)
    expect_as_run(work, 70)
    for _ in range(12):
        node = int(rng.choice(np.concatenate(work.layers())))
        change = work.best(node, near[node])
        if change is None:
            continue
        before, left = float(work.state.divergence.sum()), work.n_live
        work.make(change)
        assert work.n_live < left
        assert work.state.divergence.sum() - before == pytest.approx(change.grown, abs=1e-9)
        expect_as_run(work, 70)
        assert n_tables(work.network()) <= work.n_live


@pytest.mark.parametrize("seed", PLANNED[:6])
def test_a_change_flips_as_many_bits_as_it_says(seed: int) -> None:
    work = working(random_lut_network(seed), 70)
    state, near = work.state, work.alike(5, seed)
    bits = np.unpackbits(state.real.view(np.uint8)).sum()
    assert bits == 70 * work.gates.frames
    for node in np.concatenate(work.layers()).astype(int)[::7].tolist():
        for change, flips in work.options(node, near[node]):
            expected = state.values.copy()
            what = (change.kind, change.other, change.inverse, change.table)
            kernels.attempt(state, node, *what)
            gates = state.first_gate[node] + state.stride[node] * np.arange(state.n_positions[node])
            rows = [row for row in state.n_inputs + gates if state.stamp[row] == state.clock[0]]
            differ = (state.trial[rows] ^ expected[rows]) & state.real
            assert flips == np.unpackbits(differ.view(np.uint8)).sum()
            assert 2 * flips <= bits * len(gates) or change.kind == kernels.NARROWED


def digits() -> tuple[Network, ImageSet]:
    """A random LUT network on images whose label is its own answer."""
    rng = np.random.default_rng(0)
    sizes, ops = (36, 60, 40, 20), []
    for given, n in zip(sizes, sizes[1:], strict=False):
        connections = rng.integers(0, given, (n, 6)).astype(np.int32)
        ops.append(Lut(connections, rng.integers(0, 2**64, n, dtype=np.uint64)))
    network = chain(Input((6, 6, 1)), modulation(3, 1), Flatten(), *ops, class_sums(5, 3))
    images = random_images(rng, network.input, 1500)
    labels = compile_network(network).classify(images)
    return network, ImageSet("drawn", images, labels)


def quiet(what: str, share: float) -> None:
    """No progress."""


def test_a_plan_keeps_its_budget_on_validation_images_and_is_the_same_again() -> None:
    network, images = digits()
    halves = images.half(0), images.half(1)
    found = search(network, *halves, 5.0, quiet)
    assert found.chosen is not None
    assert found.chosen.n_luts < n_tables(network)
    assert found.chosen.accuracy.loss_points <= 5.0
    assert found.chosen.accuracy.n_images == len(halves[1])
    again = search(network, *halves, 5.0, quiet)
    assert [one.n_luts for one in again.tried] == [one.n_luts for one in found.tried]
    assert found.images == "750 images of a half of drawn; validation images: a half of drawn"


@pytest.mark.parametrize("budget", [0, 1, 37, 98.5, 99])
def test_networks_are_measured_where_the_budget_ends(budget: float) -> None:
    """Losses of 0, 1, 2, ... points: of 100 networks, seven are measured, and the last one within
    the budget is among them."""
    labels, network = np.ones(1000, np.int64), digits()[0]
    networks = [network.replace({}) for _ in range(100)]
    places = {id(one): place for place, one in enumerate(networks)}

    def measured(found: Network) -> Tried:
        after = labels * (np.arange(1000) >= 10 * places[id(found)])
        return Tried(found, 0, compare(labels, after, labels, "drawn"))

    tried = halved(networks, measured, lambda one: one.accuracy.loss_points <= budget)
    found = [places[id(one.network)] for one in tried]
    assert len(found) <= 7
    assert found == sorted(found)
    assert max(place for place in found if place <= budget) == int(budget)


@pytest.mark.parametrize("seed", PLANNED)
def test_the_work_of_an_image_is_told_before_its_gates_are_made(seed: int) -> None:
    network = random_lut_network(seed)
    gates = gates_of(network, random_images(np.random.default_rng(0), network.input, 1))
    n_nodes = np.diff(gates.first_node)
    assert n_bits(network) == int(np.dot(n_nodes, gates.n_positions))


@pytest.mark.parametrize("n_images", [3, 70])
def test_some_frames_of_an_image_are_those_of_all_of_them(n_images: int) -> None:
    networks = map(random_lut_network, PLANNED)
    network = next(one for one in networks if one.signals[start_of(one)].frames > 2)
    images = random_images(np.random.default_rng(1), network.input, n_images)
    every, some = gates_of(network, images), gates_of(network, images, 2)
    assert (some.frames, some.of_frames, every.of_frames) == (2, every.frames, every.frames)
    bits = [unpacked(gates, n_images) for gates in (every, some)]
    for image in range(n_images):
        for place, frame in enumerate((0, every.frames // 2)):
            kept = bits[0][:, (image + frame) % every.frames, image]
            assert np.array_equal(bits[1][:, place, image], kept)


def unpacked(gates: Gates, n_images: int) -> Flags:
    """[inputs, frames, images]"""
    bits = np.unpackbits(gates.values[: gates.n_inputs].view(np.uint8), axis=1, bitorder="little")
    found: Flags = bits.reshape(gates.n_inputs, gates.frames, -1)[:, :, :n_images] > 0
    return found


def test_tables_before_weights_are_left_alone_and_no_tables_are_refused() -> None:
    network, _ = digits()
    with pytest.raises(PlanError, match="a LUT network is planned up to its sums by class, which"):
        start_of(Network(network.input, network.layers[:-1]))
    bare = chain(Input((1, 1, 4)), modulation(1, 4), class_sums(2))
    with pytest.raises(PlanError, match="no layer of tables leads to the sums by class; there is"):
        start_of(bare)
