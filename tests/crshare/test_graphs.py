"""Networks with joins, groups and wide taps: executor, slices, plans and counts of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare import reference
from crshare.counts import count_layer
from crshare.errors import NetworkError
from crshare.execute import compile_network, compile_part, run_onward
from crshare.kernels.native import plain
from crshare.measure import follow
from crshare.network import (
    INPUT,
    Add,
    Concatenate,
    Conv,
    Flatten,
    Input,
    Kind,
    Layer,
    Network,
    Sign,
    Signal,
    SumPool,
    signal_after,
)
from crshare.plan import exact_layer, parts_of
from crshare.slices import decompose, matrix_of, rebuild
from crshare.trial import exact_plan
from tests.networks import random_graph, random_images, random_signs

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=50)
@given(SEEDS)
def test_random_graphs_equal_the_reference(seed: int) -> None:
    network = random_graph(seed)
    images = random_images(np.random.default_rng(seed), network.input, 3)
    expected = reference.run(network, images)
    names = [layer.name for layer in network.layers]
    for targets in (names, names[-1:]):
        part = compile_part(network, start=INPUT, targets=targets, n_threads=1)
        for name, found in part.run(images).items():
            values = plain(found, network.signals[name])
            assert values.dtype == expected[name].dtype
            assert np.array_equal(values, expected[name]), name


@settings(max_examples=10)
@given(SEEDS)
def test_going_on_takes_the_images_where_one_layer_is_not_enough(seed: int) -> None:
    network = random_graph(seed)
    images = random_images(np.random.default_rng(seed), network.input, 2)
    names = [layer.name for layer in network.layers]
    native = compile_part(network, start=INPUT, targets=names, n_threads=1).run(images)
    for at, value in native.items():
        for to in names[names.index(at) :]:
            assert np.array_equal(run_onward(network, images, at, value, to), native[to])


@settings(max_examples=10)
@given(SEEDS)
def test_exact_plans_of_graphs_can_be_followed_and_change_nothing(seed: int) -> None:
    network = random_graph(seed)
    images = random_images(np.random.default_rng(seed), network.input, 2)
    plan = exact_plan(network, "fingerprint")
    counted = follow(network, plan, images)  # raises where sums or counts differ
    assert list(counted) == [layer.name for layer, _ in network.convs()]
    for table in decompose(network):
        conv = network.conv(table.layer)
        assert np.array_equal(rebuild(table, conv).kernel, conv.kernel)


def test_slices_of_groups_are_those_of_the_filters_that_read_a_channel() -> None:
    kernel = random_signs(np.random.default_rng(0), (2, 3, 4, 10))
    matrix = matrix_of(kernel, parts=5)
    assert matrix.shape == (5 * 4 * 6, 2)
    for part in range(5):
        for channel in range(4):
            for place in range(2):
                rows = slice((part * 4 + channel) * 6, (part * 4 + channel + 1) * 6)
                own = kernel[:, :, channel, part * 2 + place].reshape(-1)
                assert np.array_equal(matrix[rows, place], own)


@pytest.mark.parametrize(("groups", "depth"), [(2, 3), (6, 1), (3, 2)])
def test_a_convolution_in_groups_counts_as_its_groups_side_by_side(groups: int, depth: int) -> None:
    rng = np.random.default_rng(groups)
    kernel = random_signs(rng, (3, 3, depth, 4 * groups))
    network = Network(
        Input((6, 5, groups * depth)), (Layer("conv", Conv(kernel, groups=groups), INPUT),)
    )
    table = decompose(network)[0]
    whole = count_layer(table, exact_layer(table), network.signals[INPUT])
    parts = []
    for part in range(groups):
        own = kernel[..., part * 4 : part * 4 + 4]
        alone = Network(Input((6, 5, depth)), (Layer("conv", Conv(own), INPUT),))
        one = decompose(alone)[0]
        parts.append(count_layer(one, exact_layer(one), alone.signals[INPUT]))
    for name in ("before", "after", "graph"):
        totals = [getattr(part, name) for part in parts]
        assert getattr(whole, name) == sum(totals[1:], totals[0])
    assert whole.before.slice_operations == 4 * 3 * 9 * depth * 4 * groups
    assert whole.n_slices == sum(part.n_slices for part in parts)
    assert len(list(parts_of(table, exact_layer(table)))) == groups


def test_a_sign_of_zero_is_minus_one_where_it_is_strict() -> None:
    values = np.array([-1.0, -0.0, 0.0, 1e-30])
    assert reference.apply(Sign(zero_is_plus=False), values).tolist() == [-1, -1, -1, 1]
    assert reference.apply(Sign(), values).tolist() == [-1, 1, 1, 1]


BITS, INTEGERS = Signal(Kind.BITS, (2, 2, 3), 1), Signal(Kind.INTEGERS, (2, 2, 3), 9)
REALS = Signal(Kind.REALS, (2, 2, 3))


@pytest.mark.parametrize(
    ("op", "given", "result"),
    [
        (Add(), (BITS, BITS), Signal(Kind.INTEGERS, (2, 2, 3), 2)),
        (Add(), (BITS, INTEGERS, REALS), REALS),
        (Concatenate(), (BITS, BITS), Signal(Kind.BITS, (2, 2, 6), 1)),
        (Concatenate(), (BITS, INTEGERS), Signal(Kind.INTEGERS, (2, 2, 6), 9)),
        (SumPool((2, 2), (1, 1)), (BITS,), Signal(Kind.INTEGERS, (1, 1, 3), 4)),
        (SumPool((2, 1), (1, 1)), (REALS,), Signal(Kind.REALS, (1, 2, 3))),
    ],
)
def test_the_signal_behind_a_join(
    op: Add | Concatenate | SumPool, given: tuple[Signal, ...], result: Signal
) -> None:
    assert signal_after(op, *given) == result


def test_joins_that_do_not_fit_are_refused() -> None:
    flat = Signal(Kind.BITS, (1, 1, 12), 1)
    for op, sentence in (
        (Add(), "adds maps of 2x2x3 and 1x1x12, which must have one shape"),
        (Concatenate(), "joins maps of 2x2x3 and 1x1x12, which must have one size"),
        (Flatten(), "reads 2 layers, where it takes one"),
    ):
        with pytest.raises(NetworkError) as error:
            signal_after(op, BITS, flat)
        assert str(error.value) == sentence
    with pytest.raises(NetworkError) as error:
        Conv(random_signs(np.random.default_rng(0), (1, 1, 2, 4)), groups=3)
    assert str(error.value) == "4 filters make no 3 equal groups"


def test_a_layer_that_is_read_twice_is_run_once_for_both() -> None:
    network = random_graph(7)
    images = random_images(np.random.default_rng(7), network.input, 5)
    scores = compile_network(network, n_threads=1).scores(images)
    last = reference.run(network, images)[network.layers[-1].name]
    assert np.array_equal(scores.reshape(5, -1), last.reshape(5, -1))
