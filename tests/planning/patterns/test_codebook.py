"""The search for patterns: each step against all choices there are, and what comes of the whole."""

import numpy as np
import pytest

from crshare.arrays import Float64Array, Int8Array
from crshare.network.slices import SliceTable
from crshare.planning.patterns import kernels
from crshare.planning.patterns.codebook import (
    FEWEST,
    INPUT_LUTS,
    Group,
    Prices,
    chosen_weights,
    prices_of,
)
from crshare.planning.patterns.layer import filter_groups, group_luts, planned_patterns
from crshare.planning.target import Target
from tests.networks import random_signs

N_WINDOWS, N_INPUTS, N_FILTERS = 60, 10, 4
EVERY = np.arange(N_FILTERS, dtype=np.int32)
PRICE = 0.3 / INPUT_LUTS  # of a LUT
PRICES = Prices(PRICE, 8.0)
SEEDS = range(5)


def about(weights: Int8Array) -> int:
    """LUTs: inputs that are read, and patterns."""
    used = weights[weights.any(axis=1)]
    first = used[np.arange(len(used)), (used != 0).argmax(axis=1)]
    return len(used) + 4 * len(np.unique(used * first[:, None], axis=0))


class Layer:
    """Inputs of which some resemble others, on windows that have changed by a few bits."""

    def __init__(self, seed: int, n_filters: int = N_FILTERS) -> None:
        rng = np.random.default_rng(seed)
        then = random_signs(rng, (N_WINDOWS, N_INPUTS)).astype(np.float64)
        then[:, 3] = np.where(rng.random(N_WINDOWS) < 0.9, then[:, 0], then[:, 3])
        then[:, 7] = np.where(rng.random(N_WINDOWS) < 0.95, 1, then[:, 7])
        now = np.where(rng.random(then.shape) < 0.1, -then, then)
        self.weights: Int8Array = random_signs(rng, (N_INPUTS, n_filters))
        both = N_WINDOWS**2 * np.cov(now.T, then.T, bias=True)
        self.target = Target(
            np.rint(both[:N_INPUTS, :N_INPUTS]),
            np.rint(both[:N_INPUTS, N_INPUTS:]) @ self.weights,
            rng.uniform(0.5, 2, n_filters) / N_WINDOWS**2,
            scalable=True,
        )

    def damage(self, weights: Float64Array, scale: Float64Array) -> float:
        """Up to what no weight changes."""
        own = (weights * (self.target.S @ weights)).sum(axis=0) / scale**2
        cross = (weights * self.target.aim).sum(axis=0) / scale
        return float((self.target.importance * (own - 2 * cross)).sum())


def group_of(layer: Layer) -> Group:
    group = Group(layer.target, layer.weights, EVERY, PRICES)
    group.scale = np.array([0.5, 0.75, 1.0, 1.25])
    return group


def patterns_of(seed: int) -> Float64Array:
    rng = np.random.default_rng(100 + seed)
    found = rng.integers(-1, 2, (5, N_FILTERS)).astype(np.float64)
    found[:, 0] = 1
    return np.unique(found, axis=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_input_takes_what_costs_least_all_others_held(seed: int) -> None:
    layer, patterns = Layer(seed), patterns_of(seed)
    group = group_of(layer)
    group.scalable = False
    held, scale = group.weights.copy(), group.scale.copy()
    missed = np.zeros(len(patterns))
    for row in range(N_INPUTS):
        choices = [np.zeros(N_FILTERS), *patterns, *(-patterns)]
        costs = []
        for weights in choices:
            held[row] = weights
            costs.append(layer.damage(held, scale) + 0.3 * bool(weights.any()))
        best = int(np.argmin(costs))
        held[row] = choices[best]
        if best:
            number = (best - 1) % len(patterns)
            others = [
                cost
                for place, cost in enumerate(costs)
                if place in (0,) or ((place - 1) % len(patterns) != number)
            ]
            missed[number] += min(others) - costs[best]
    kept, regret = group._assigned(patterns)
    assert np.array_equal(group.weights, held)
    used = missed > 0
    assert np.array_equal(kept, patterns[used])
    assert regret == pytest.approx(missed[used])
    applied = np.where(group.taken == kernels.NONE, 0, group.signs)[:, None] * kept[group.taken]
    assert np.array_equal(applied, held)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_refitted_pattern_is_the_best_for_its_inputs(seed: int) -> None:
    layer = Layer(seed)
    group = group_of(layer)
    group.scalable = False
    patterns, _ = group._assigned(patterns_of(seed))
    held, expected = group.weights.copy(), patterns.copy()
    for pattern in range(len(patterns)):
        rows = np.flatnonzero(group.taken == pattern)
        for filter_ in range(N_FILTERS):
            costs = {}
            for weight in (1.0, -1.0, 0.0):
                held[rows, filter_] = group.signs[rows] * weight
                costs[weight] = layer.damage(held, group.scale)
            best = min(costs, key=lambda weight: costs[weight])
            held[rows, filter_], expected[pattern, filter_] = group.signs[rows] * best, best
    gradient = group._gradient()
    kernels.refit(group.covariance, group.weights, gradient, patterns, group.taken, group.signs)
    assert np.array_equal(patterns, expected)
    assert np.array_equal(group.weights, held)
    assert np.array_equal(gradient + (group.scale * group.aim).T, (layer.target.S @ held).T)


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_by_themselves_do_no_more_damage(seed: int) -> None:
    layer = Layer(seed)
    group = group_of(layer)
    before = layer.damage(group.weights, group.scale)
    kernels.freed(group.covariance, group.weights, group._gradient())
    assert layer.damage(group.weights, group.scale) < before
    assert set(np.unique(group.weights)) <= {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("seed", SEEDS)
def test_higher_prices_leave_fewer_patterns_and_inputs(seed: int) -> None:
    layer, seen = Layer(seed), []
    for price in (1e-9, 1.0, 1e9):
        weights = chosen_weights(layer.target, layer.weights, EVERY, price, about)
        used = weights[weights.any(axis=1)]
        first = used[np.arange(len(used)), (used != 0).argmax(axis=1)]
        seen.append((len(np.unique(used * first[:, None], axis=0)), len(used)))
    assert seen == sorted(seen, reverse=True)
    assert 1 <= seen[-1][0] <= FEWEST and seen[-1][1] >= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_chosen_costs_less_than_the_weights_as_they_were(seed: int) -> None:
    layer = Layer(seed)
    group = Group(layer.target, layer.weights, EVERY, PRICES)
    n_patterns = len(np.unique(layer.weights * layer.weights[:, :1], axis=0))
    before = layer.damage(group.weights, group.scale) + PRICE * PRICES.luts(N_INPUTS, n_patterns)
    group.search()
    n_used, n_patterns = int((group.taken != kernels.NONE).sum()), int(group.taken.max()) + 1
    after = layer.damage(group.weights, group.scale) + PRICE * PRICES.luts(n_used, n_patterns)
    assert after < before


def test_groups_hold_every_filter_once_and_alike_ones_together() -> None:
    rng = np.random.default_rng(2)
    kinds = random_signs(rng, (40, 3))
    weights = kinds[:, np.arange(18) % 3] * random_signs(rng, (18,))
    table = SliceTable("conv", weights, (0, 40), 1, False)
    groups = filter_groups(table)
    assert sorted(np.concatenate(groups).tolist()) == list(range(18))
    assert sorted({tuple(np.unique(group % 3)) for group in groups}) == [(0,), (1,), (2,)]


def test_a_layer_is_planned_group_by_group() -> None:
    layer = Layer(7, n_filters=19)
    table = SliceTable("conv", layer.weights, (0, N_INPUTS), 1, False)
    plan = planned_patterns(table, layer.target, 50.0)
    assert not np.array_equal(plan.effective(table), table.matrix)
    for own in plan.members or ():
        alone = chosen_weights(layer.target, layer.weights, own, 50.0, group_luts)
        assert np.array_equal(plan.effective(table)[:, own], alone)


def test_a_group_whose_graph_gets_no_smaller_stays_as_it_is() -> None:
    layer = Layer(3)
    for luts in (lambda weights: 10, lambda weights: int((weights == 0).sum())):
        found = chosen_weights(layer.target, layer.weights, EVERY, 10.0, luts)
        assert np.array_equal(found, layer.weights[:, EVERY])


def test_the_original_weights_cost_what_their_graph_does() -> None:
    layer = Layer(4)
    n_patterns = len(np.unique(layer.weights * layer.weights[:, :1], axis=0))
    assert prices_of(layer.weights, 90, 1.0).luts(N_INPUTS, n_patterns) == pytest.approx(90)
