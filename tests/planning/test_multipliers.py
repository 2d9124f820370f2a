"""Prices of a search: the rising fit against brute force, and what each round asks for."""

from itertools import combinations
from math import inf

import numpy as np
import pytest

from crshare.planning.multipliers import (
    CLOSE,
    FIRST,
    LEAST,
    MOST,
    kept_and_broken,
    next_multipliers,
    rising_fit,
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
