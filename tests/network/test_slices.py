"""Slices: there and back, classes against every pair, the chance row, the CNV's known shares."""

from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crshare.model.read import read_network
from crshare.network.graph import INPUT, Conv, Input, Layer, Network
from crshare.network.slices import (
    SliceTable,
    chance,
    classify,
    decompose,
    group_starts,
    kernel_of,
    matrix_of,
    nearest_distances,
    with_slices,
)
from tests.networks import random_network, random_signs

CNV = Path(__file__).parents[3] / "shared/models/cnv_w1a1_cifar10.h5"
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def tables(draw: st.DrawFn) -> SliceTable:
    """Small layers of any kernel, where equal and inverse slices are common."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = tuple(draw(st.sampled_from([(1, 1), (1, 2), (2, 2), (3, 3), (2, 5), (5, 5)])))
    kernel = random_signs(rng, (*shape, int(rng.integers(1, 20)), int(rng.integers(1, 14))))
    copied = rng.integers(0, kernel.shape[3], kernel.shape[3])
    if draw(st.booleans()):
        kernel = kernel[..., copied] * rng.choice(np.array([-1, 1], np.int8), kernel.shape[2:])
    conv = Conv(kernel, (1, 1), 0)
    network = Network(Input((5, 4, kernel.shape[2])), (Layer("conv", conv, INPUT),))
    return decompose(network)[0]


def groups_of(table: SliceTable) -> Iterator[list[tuple[int, ...]]]:
    """The slices of each group, filter by filter, read off the matrix one weight at a time."""
    for first, end in zip(table.starts, table.starts[1:], strict=False):
        yield [
            tuple(int(table.matrix[row, filter_]) for row in range(first, end))
            for filter_ in range(table.n_filters)
        ]


def inverse(pattern: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-weight for weight in pattern)


@given(SEEDS)
def test_rebuilding_undoes_decomposing(seed: int) -> None:
    network = random_network(seed)
    tables = decompose(network)
    assert [table.layer for table in tables] == [layer.name for layer, _ in network.convs()]
    for table, (_, conv) in zip(tables, network.convs(), strict=True):
        again = with_slices(conv, table.matrix)
        assert np.array_equal(again.kernel, conv.kernel)
        assert (again.strides, again.pad_value) == (conv.strides, conv.pad_value)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_rows_are_channels_and_within_them_taps_row_by_row(size: tuple[int, int]) -> None:
    kernel = random_signs(np.random.default_rng(0), (*size, 3, 4))
    places = product(range(3), range(size[0]), range(size[1]))
    expected = np.array([kernel[i, j, channel] for channel, i, j in places])
    assert np.array_equal(matrix_of(kernel), expected)
    assert np.array_equal(kernel_of(expected, kernel.shape), kernel)


@pytest.mark.parametrize(
    ("shape", "starts"),
    [
        ((3, 3, 2, 5), (0, 9, 18)),
        ((1, 2, 3, 5), (0, 2, 4, 6)),
        ((1, 1, 20, 5), (0, 8, 16, 20)),
        ((1, 1, 16, 5), (0, 8, 16)),
        ((1, 1, 3, 5), (0, 3)),
    ],
)
def test_a_group_is_a_channel_or_eight_inputs_and_a_rest(
    shape: tuple[int, ...], starts: tuple[int, ...]
) -> None:
    assert group_starts(np.ones(shape, np.int8)) == starts


@given(tables())
def test_classes_join_exactly_the_equal_and_the_inverse_slices(table: SliceTable) -> None:
    for slices, classes in zip(groups_of(table), table.classes, strict=True):
        use = classes.use.tolist()
        for (a, one), (b, other) in combinations(enumerate(slices), 2):
            assert (use[a] == use[b]) == (one == other)
            assert (use[a] == -use[b]) == (one == inverse(other))
        for pattern, number in zip(slices, use, strict=True):
            taken = tuple(classes.patterns[abs(number) - 1].tolist())
            assert pattern == (taken if number > 0 else inverse(taken))


@given(tables())
def test_classes_are_numbered_by_first_use_and_have_its_sign(table: SliceTable) -> None:
    for classes in table.classes:
        seen: list[int] = []
        for number in classes.use.tolist():
            if abs(number) not in map(abs, seen):
                seen.append(number)
        assert seen == list(range(1, len(classes.patterns) + 1))


@given(tables())
def test_distinct_slices_are_counted_with_their_inverses_apart(table: SliceTable) -> None:
    assert table.n_distinct == sum(len(set(slices)) for slices in groups_of(table))


def test_one_filter_and_all_equal_filters_make_one_class() -> None:
    single = np.array([[-1, 1, -1]], np.int8)
    assert classify(single).use.tolist() == [1]
    many = classify(np.concatenate([single, -single, single]))
    assert many.use.tolist() == [1, -1, 1]
    assert many.patterns.tolist() == single.tolist()


def test_a_table_counts_its_slices_and_operations() -> None:
    conv = Conv(np.ones((3, 3, 5, 7), np.int8), (2, 1), None)
    table = decompose(Network(Input((9, 8, 5)), (Layer("conv", conv, INPUT),)))[0]
    assert (table.positions, table.n_groups, table.n_slices) == (4 * 6, 5, 35)
    assert table.slice_operations == 24 * 9 * 5 * 7
    assert table.integer_input


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("n_slices", "n_taps"), [(1, 1), (3, 1), (4, 2), (3, 3)])
def test_chance_is_the_mean_over_all_ways_to_draw(
    n_slices: int, n_taps: int, inverse: bool
) -> None:
    patterns = list(product((-1, 1), repeat=n_taps))
    draws = list(product(patterns, repeat=n_slices))
    shares = [len({max(p, tuple(-w for w in p)) if inverse else p for p in d}) for d in draws]
    expected = sum(shares) / len(draws) / n_slices
    assert chance(n_slices, n_taps, inverse=inverse) == pytest.approx(expected)


def test_chance_is_as_the_design_states_it() -> None:
    shares = [chance(n, 9, inverse=True) for n in (64, 128, 256, 512)]
    assert shares == pytest.approx([0.886, 0.788, 0.633, 0.432], abs=0.0007)
    assert chance(512, 200, inverse=False) == pytest.approx(1)


@given(tables())
def test_nearest_distances_equal_the_search_through_all_pairs(table: SliceTable) -> None:
    found: list[int] = []
    for slices in groups_of(table):
        leaders = sorted({max(pattern, inverse(pattern)) for pattern in slices})
        for one in leaders:
            others = [p for q in leaders if q != one for p in (q, inverse(q))]
            if others:
                found.append(min(sum(a != b for a, b in zip(one, p, strict=True)) for p in others))
    histogram = nearest_distances(table)
    assert histogram.sum() == len(found)
    assert all(histogram[d] == found.count(d) for d in range(len(histogram)))


@pytest.mark.needs_shared("models/cnv_w1a1_cifar10.h5")
def test_the_cnv_leaves_the_known_shares_of_slices() -> None:
    tables = decompose(read_network(CNV))[1:6]
    classes = [sum(len(group.patterns) for group in table.classes) for table in tables]
    shares = [n / table.n_slices for n, table in zip(classes, tables, strict=True)]
    assert [round(share, 3) for share in shares] == [0.771, 0.570, 0.620, 0.555, 0.540]
    before = sum(table.slice_operations for table in tables)
    after = sum(n * table.positions * 9 for n, table in zip(classes, tables, strict=True))
    assert round(after / before, 3) == 0.683
