"""What statistics say of slices and thresholds, against counting them one by one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from crshare.arrays import Array
from crshare.errors import PlanError
from crshare.network.graph import ALWAYS, INPUT, Conv, Input, Layer, Network, Threshold
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import LayerPlan, SharingPlan, exact_layer, layer_from_weights
from crshare.report.slice_statistics import (
    N_PATTERNS,
    channel_statistics,
    inverse,
    layer_statistics,
    signs_of,
    threshold_statistics,
    typical_channel,
)
from tests.networks import random_signs


def network_of(rng: np.random.Generator, size: tuple[int, int]) -> Network:
    """One layer of seven channels and nine filters, some of them equal."""
    kernel = random_signs(rng, (*size, 7, 9))[..., rng.integers(0, 9, 9)]
    at = rng.integers(-9, 9, 9).astype(np.int32)
    layers = (
        Layer("conv", Conv(kernel, (1, 1), 0), INPUT),
        Layer("conv/sign", Threshold(at, np.ones(9, np.bool_)), "conv"),
    )
    return Network(Input((5, 5, 7)), layers)


def flipped(table: SliceTable, rng: np.random.Generator) -> LayerPlan:
    """A plan whose effective weights differ here and there."""
    flips = np.where(rng.random(table.matrix.shape) < 0.2, -1, 1).astype(np.int8)
    return layer_from_weights(table, table.matrix * flips)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 3)])
def test_patterns_are_counted_with_their_inverses(seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    network = network_of(rng, size)
    table = decompose(network)[0]
    plan = flipped(table, rng)
    statistics = layer_statistics(network, SharingPlan("", (plan,)))[0]
    before, after = (count_slowly(table, m) for m in (table.matrix, plan.effective(table)))
    pairs = {frozenset((signs, inverse(signs))) for signs in before}
    assert statistics.n_patterns == len(pairs)
    assert len(statistics.patterns) == min(N_PATTERNS, len(pairs))
    for pattern in statistics.patterns:
        twin = inverse(pattern.signs)
        assert pattern.n == before[pattern.signs] >= pattern.n_inverse == before[twin]
        assert (pattern.n_after, pattern.n_inverse_after) == (after[pattern.signs], after[twin])
    totals = [pattern.n + pattern.n_inverse for pattern in statistics.patterns]
    most = sorted((sum(before[signs] for signs in pair) for pair in pairs), reverse=True)
    assert totals == most[: len(totals)]


def count_slowly(table: SliceTable, matrix: Array) -> Counter[str]:
    return Counter(
        signs_of(matrix[table.rows(group), filter_])
        for group in range(table.n_groups)
        for filter_ in range(table.n_filters)
    )


@pytest.mark.parametrize("seed", range(6))
def test_uses_rebuild_what_every_filter_takes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = network_of(rng, (3, 3))
    table = decompose(network)[0]
    plan = flipped(table, rng)
    statistics = layer_statistics(network, SharingPlan("", (plan,)))[0]
    own_patterns = [signs_of(row) for row in table.slices_of(statistics.channel.channel)]
    taken = plan.effective(table)[table.rows(statistics.channel.channel)].T
    for use, own, row in zip(statistics.channel.uses, own_patterns, taken, strict=True):
        pattern = statistics.channel.representatives[use.representative]
        assert (inverse(pattern) if use.negated else pattern) == signs_of(row)
        assert use.distance == sum(a != b for a, b in zip(own, signs_of(row), strict=True))
    differing = plan.differing(table)
    assert statistics.taken == tuple(np.bincount(differing.reshape(-1)).tolist())
    assert sum(statistics.taken) == statistics.n_slices


def test_the_typical_channel_has_the_median_number_of_representatives() -> None:
    rng = np.random.default_rng(1)
    plan = exact_layer(decompose(network_of(rng, (3, 3)))[0])
    sizes = [len(patterns) for patterns in plan.representatives]
    assert sizes[typical_channel(plan)] == int(np.median(sizes))


def test_a_channel_that_the_layer_lacks_is_refused() -> None:
    table = decompose(network_of(np.random.default_rng(1), (3, 3)))[0]
    with pytest.raises(PlanError) as error:
        channel_statistics(table, exact_layer(table), 7)
    assert str(error.value) == "layer conv has no channel 7; its channels run from 0 to 6"


def test_thresholds_leave_out_constant_and_turned_channels() -> None:
    network = network_of(np.random.default_rng(2), (3, 3))
    old = network.layers[1].op
    assert isinstance(old, Threshold)
    at, rising = old.at + 2, old.rising.copy()
    at[0], rising[1] = ALWAYS, False
    plan = SharingPlan("", (), {"conv/sign": replace(old, at=at, rising=rising)})
    (seen,) = threshold_statistics(network, plan)
    assert (seen.n_constant, seen.n_turned) == (1, 1)
    assert seen.before == tuple(old.at[2:].tolist())
    assert seen.after == tuple((old.at[2:] + 2).tolist())
