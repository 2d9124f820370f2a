"""Networks with joins, groups and wide taps: executor, slices, plans and counts of them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare.errors import NetworkError
from crshare.evaluation.plan_run import follow
from crshare.executor.execute import compile_network, compile_part, run_onward
from crshare.executor.kernels.native import values_of
from crshare.network import reference
from crshare.network.graph import (
    INPUT,
    Add,
    Concatenate,
    Conv,
    Flatten,
    Input,
    Kind,
    Layer,
    Multiply,
    Network,
    Op,
    Pad,
    Sign,
    Signal,
    SumPool,
    Threshold,
    signal_after,
)
from crshare.network.slices import decompose, matrix_of, with_slices
from crshare.plan.cost import count_layer
from crshare.plan.plan import SharingPlan, exact_layer, parts_of, planned_network
from crshare.planning.layerwise import exact_plan
from tests.networks import random_graph, random_images, random_signs, random_threshold
from tests.plans import planned_kernel, random_plan

SEEDS = st.integers(0, 2**32 - 1)
SMALL = (2, 4, 6)  # channels of the first layer
MOST_COUNTED = 2000  # weights of a layer whose adder graphs are built


@pytest.mark.slow
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
            values = values_of(found, network.signals[name])
            assert values.dtype == expected[name].dtype
            assert np.array_equal(values, expected[name]), name


@pytest.mark.slow
@settings(max_examples=10)
@given(SEEDS)
def test_going_on_takes_the_images_where_one_layer_is_not_enough(seed: int) -> None:
    network = random_graph(seed)
    images = random_images(np.random.default_rng(seed), network.input, 2)
    names = [layer.name for layer in network.layers]
    native = compile_part(network, start=INPUT, targets=names, n_threads=1).run(images)
    for at, value in native.items():
        for to in names[names.index(at) :]:
            found = run_onward(network, images, at, value, {to, at})
            assert np.array_equal(found[to], native[to])


@pytest.mark.slow
def test_the_graphs_are_of_every_kind() -> None:
    found: Counter[str] = Counter()
    for seed in range(200):
        network = random_graph(seed)
        found.update({type(layer.op).__name__ for layer in network.layers})
        for layer, conv in network.convs():
            channels = network.input_of(layer).shape[2]
            found["strided"] += conv.strides != (1, 1)
            found["dilated"] += conv.dilation != (1, 1)
            found["rectangular"] += conv.kernel.shape[0] != conv.kernel.shape[1]
            found["grouped"] += 1 < conv.groups < channels
            found["depthwise"] += conv.groups == channels > 1
            found["multiplied"] += conv.groups == channels > 1 and conv.kernel.shape[3] > channels
            for pad_value in (None, 0, 1, -1):
                found[f"padded with {pad_value}"] += conv.pad_value == pad_value
    kinds = ("strided", "dilated", "rectangular", "grouped", "depthwise", "multiplied")
    pads = (f"padded with {pad_value}" for pad_value in (None, 0, 1, -1))
    joins = (
        "Add",
        "Multiply",
        "Pad",
        "Concatenate",
        "BitPool",
        "SumPool",
        "Sign",
        "Threshold",
        "RealConv",
    )
    assert min(found[name] for name in (*kinds, *pads, *joins)) >= 10, found


@pytest.mark.slow
@settings(max_examples=25)
@given(SEEDS)
def test_graphs_under_any_plan_equal_the_reference_of_the_planned_kernels(seed: int) -> None:
    network = random_graph(seed, SMALL)
    rng = np.random.default_rng(seed)
    images = random_images(rng, network.input, 2)
    tables = {table.layer: table for table in decompose(network)}
    plans = {name: random_plan(rng, table) for name, table in tables.items()}
    moved: dict[str, Op] = {
        layer.name: random_threshold(rng, network.input_of(layer))
        for layer in network.layers
        if isinstance(layer.op, Threshold) and rng.random() < 0.5
    }
    plan = SharingPlan("", tuple(plans.values()), moved)  # type: ignore[arg-type]
    by_hand: dict[str, Op] = {
        layer.name: replace(
            conv, kernel=planned_kernel(conv, tables[layer.name], plans[layer.name])
        )
        for layer, conv in network.convs()
    }
    expected = reference.run(network.replace(moved | by_hand), images)
    names = [layer.name for layer in network.layers]
    planned = planned_network(network, plan)
    native = compile_part(planned, start=INPUT, targets=names, n_threads=1).run(images)
    for name in names:
        assert np.array_equal(values_of(native[name], network.signals[name]), expected[name]), name
    scores = compile_network(planned, n_threads=1).scores(images)
    assert np.array_equal(scores.reshape(2, -1), expected[names[-1]].reshape(2, -1))


@settings(max_examples=15)
@given(SEEDS)
@pytest.mark.slow
def test_what_a_run_of_a_plan_counts_is_what_the_plan_says(seed: int) -> None:
    network = random_graph(seed, SMALL)
    rng = np.random.default_rng(seed)
    n_images = int(rng.integers(1, 4))
    images = random_images(rng, network.input, n_images)
    tables = decompose(network)
    plan = SharingPlan("", tuple(random_plan(rng, table) for table in tables))
    counted = follow(network, plan, images)  # raises where sums differ
    for table in tables:
        own, run = plan.layer(table.layer), counted[table.layer]
        height, width, n_filters = network.signals[table.layer].shape
        places = height * width * n_images
        assert run.slice_operations == places * sum(p.size for p in own.representatives)
        assert run.popcount_additions == places * sum(p.size - len(p) for p in own.representatives)
        assert run.corrections == places * own.differing(table)[own.corrected].sum()
        of_part = len(own.use) // network.conv(table.layer).groups
        assert run.accumulations == places * n_filters * (of_part - 1)
        if table.matrix.size <= MOST_COUNTED:
            totals = count_layer(table, own, network.input_of(network.layer(table.layer)))
            assert run.slice_operations == totals.after.slice_operations * n_images
            taps = network.conv(table.layer).kernel.size
            assert totals.before.slice_operations == height * width * taps


@pytest.mark.slow
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
        assert np.array_equal(with_slices(conv, table.matrix).kernel, conv.kernel)


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


@pytest.mark.slow
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
        (Multiply(), (BITS, Signal(Kind.REALS, (1, 1, 3))), REALS),
        (Pad((1, 0), (2, 3), 1), (BITS,), Signal(Kind.BITS, (5, 5, 3), 1)),
        (Pad((1, 0), (2, 3), 0), (BITS,), Signal(Kind.INTEGERS, (5, 5, 3), 1)),
        (Pad((1, 0), (2, 3), -11), (INTEGERS,), Signal(Kind.INTEGERS, (5, 5, 3), 11)),
        (Pad((1, 0), (2, 3), 0), (REALS,), Signal(Kind.REALS, (5, 5, 3))),
    ],
)
def test_the_signal_behind_a_join(op: Op, given: tuple[Signal, ...], result: Signal) -> None:
    assert signal_after(op, *given) == result


def test_joins_that_do_not_fit_are_refused() -> None:
    flat = Signal(Kind.BITS, (1, 1, 12), 1)
    for op, sentence in (
        (Add(), "adds maps of 2x2x3 and 1x1x12, which must have one shape"),
        (Concatenate(), "joins maps of 2x2x3 and 1x1x12, which must have one size"),
        (
            Multiply(),
            "multiplies maps of 2x2x3 and 1x1x12, which must have one shape, or one position",
        ),
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
