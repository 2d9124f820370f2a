"""Prices of a search: the rising fit against brute force, and what each round asks for."""

from collections.abc import Callable
from itertools import combinations
from math import inf, log2

import numpy as np
import pytest

from crshare.planning.multipliers import (
    CLOSE,
    FINE,
    FIRST,
    LEAST,
    MOST,
    SAFEST,
    kept_and_broken,
    next_multipliers,
    next_upwards,
    rising_fit,
    surely_kept,
)


def slow_fit(values: list[float]) -> list[float]:
    """The best of all ways to cut the sequence into blocks whose means do not fall."""
    best, least = values, inf
    for n_cuts in range(len(values)):
        for cuts in combinations(range(1, len(values)), n_cuts):
            blocks = np.split(np.array(values), cuts)
            means = [float(block.mean()) for block in blocks]
            fit = [mean for mean, block in zip(means, blocks, strict=True) for _ in block]
            error = float(np.sum((np.array(fit) - values) ** 2))
            if means == sorted(means) and error < least:
                best, least = fit, error
    return best


@pytest.mark.parametrize("seed", range(20))
def test_the_rising_fit_is_the_closest_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-4, 5, int(rng.integers(1, 8))).astype(float).tolist()
    assert rising_fit(values) == pytest.approx(slow_fit(values))


def test_a_lucky_measurement_between_worse_ones_is_not_believed() -> None:
    points = [(1.0, 0.2), (2.0, 1.3), (3.0, 0.9), (4.0, 2.0)]
    assert kept_and_broken(points, 1.0) == (1.0, 2.0)


def test_an_unlucky_measurement_before_better_ones_is_forgiven() -> None:
    points = [(1.0, 0.2), (2.0, 1.1), (3.0, 0.7), (4.0, 2.0)]
    assert kept_and_broken(points, 1.0) == (3.0, 4.0)


def test_nothing_kept_asks_for_lower_prices_and_nothing_broken_for_higher() -> None:
    assert next_multipliers([(8.0e-5, 5.0)], 1.0) == (4.0e-5, 2.0e-5)
    assert next_multipliers([(8.0e-5, 0.5)], 1.0) == (1.6e-4, 3.2e-4)


def test_a_round_closes_in_evenly_and_the_next_is_empty() -> None:
    points = [(1.0e-4, 0.5), (2.0e-4, 1.5)]
    between = next_multipliers(points, 1.0)
    steps = [b / a for a, b in zip((1.0e-4, *between), (*between, 2.0e-4), strict=True)]
    assert steps == pytest.approx([2 ** (1 / 5)] * 5)
    assert max(steps) <= CLOSE
    closer = sorted([*points, *((multiplier, 0.5) for multiplier in between)])
    assert next_multipliers(closer, 1.0) == ()


@pytest.mark.parametrize("loss", [0.0, 2.0])
def test_rounds_end_where_every_price_keeps_the_budget_or_none_does(loss: float) -> None:
    points = [(multiplier, loss) for multiplier in FIRST]
    for _ in range(40):
        multipliers = next_multipliers(points, 1.0)
        if not multipliers:
            break
        points = sorted([*points, *((multiplier, loss) for multiplier in multipliers)])
    assert not multipliers
    assert LEAST <= points[0][0] <= points[-1][0] <= MOST


def climbed(losses: Callable[[float], float], budget: float = 1.0) -> list[tuple[float, float]]:
    """All that the ways up ask for, with the upper ends that `losses` gives."""
    points: list[tuple[float, float]] = []
    while multipliers := next_upwards(points, budget):
        points = sorted(
            [*points, *((multiplier, losses(multiplier)) for multiplier in multipliers)]
        )
    return points


@pytest.mark.parametrize("last", [SAFEST * 2**power for power in (0.1, 1.0, 2.7, 3.5, 4.99)])
def test_the_ways_up_end_just_below_the_last_that_is_sure(last: float) -> None:
    points = climbed(lambda multiplier: multiplier / last)
    kept, broken = surely_kept(points, 1.0)
    assert kept <= last * (1 + 1e-9) < broken * (1 + 1e-9) <= kept * FINE * (1 + 2e-9)


def test_where_the_safest_is_not_sure_the_ways_up_end_at_once() -> None:
    assert [multiplier for multiplier, _ in climbed(lambda _: 2.0)] == [SAFEST, 2 * SAFEST]
    assert surely_kept([(SAFEST, 2.0), (2 * SAFEST, 0.5)], 1.0) == (0.0, SAFEST)


def test_where_all_are_sure_the_way_up_ends_at_the_most() -> None:
    assert climbed(lambda _: 0.5)[-1][0] <= MOST < 2 * climbed(lambda _: 0.5)[-1][0]


def test_few_of_many_noisy_climbs_end_beyond_the_budget() -> None:
    """Losses rise with the multiplier; each is measured with noise that the upper end allows for,
    in part common to all multipliers. One test of 97.5 % for each of two ways up: 5 %."""
    rng = np.random.default_rng(0)
    beyond, n_climbs, deviation = 0, 1000, 0.3
    for _ in range(n_climbs):
        common, last = rng.normal(), SAFEST * 2 ** rng.uniform(1, 5)

        def upper(multiplier: float, common: float = common, last: float = last) -> float:
            noise = deviation * (0.6 * common + 0.8 * rng.normal())
            return 1 + 0.5 * log2(multiplier / last) + noise + 1.96 * deviation

        beyond += surely_kept(climbed(upper), 1.0)[0] > last
    assert beyond <= 0.05 * n_climbs
