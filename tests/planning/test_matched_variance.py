"""What a descent chooses, against every choice there is, on small layers."""

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crshare.arrays import Float64Array
from crshare.network.slices import SliceTable
from crshare.planning.group_problem import posed
from crshare.planning.matched_variance import SCALE_STEP, Descent, sweep
from crshare.planning.target import Target
from solver import Problem, Selection, solve
from tests.networks import random_signs

N_WINDOWS, N_INPUTS, N_FILTERS, N_TAPS = 40, 6, 3, 2
PRICE = 0.4
Values = npt.NDArray[np.float64]


class Layer:
    """Three groups of two inputs and three filters, on windows that have changed by a few bits."""

    def __init__(self, seed: int, *, scalable: bool = True) -> None:
        rng = np.random.default_rng(seed)
        self.then = random_signs(rng, (N_WINDOWS, N_INPUTS)).astype(np.float64)
        self.then[:, 1] = np.where(rng.random(N_WINDOWS) < 0.8, self.then[:, 0], self.then[:, 1])
        self.now = np.where(rng.random(self.then.shape) < 0.2, -self.then, self.then)
        self.table = SliceTable(
            "conv", random_signs(rng, (N_INPUTS, N_FILTERS)), (0, 2, 4, 6), 1, False
        )
        self.importance = rng.uniform(0.5, 2, N_FILTERS)
        both: Any = N_WINDOWS**2 * np.cov(self.now.T, self.then.T, bias=True)
        self.target = Target(
            both[:N_INPUTS, :N_INPUTS],
            both[:N_INPUTS, N_INPUTS:] @ self.table.matrix,
            self.importance / N_WINDOWS**2,
            scalable,
        )

    def disturbance(self, weights: Values, scale: Float64Array) -> Values:
        """Of each filter: the variance of its new sum over its scale, less its original sum."""
        sums, original = self.now @ weights, self.then @ self.table.matrix
        found: Values = self.importance * (sums / scale - original).var(axis=0)
        return found

    def cost(self, weights: Values, scale: Float64Array) -> float:
        opened = sum(n_patterns(weights[self.table.rows(g)]) for g in range(self.table.n_groups))
        return float(self.disturbance(weights, scale).sum() + PRICE * N_TAPS * opened)


def n_patterns(slices: Values) -> int:
    """Different ones up to inverse; slices: [taps, filters]."""
    return len({tuple(column * column[0]) for column in slices.T})


def exactly(problem: Problem) -> Selection:
    return solve(problem, "highs")


@pytest.mark.parametrize("seed", range(6))
def test_no_choice_for_a_group_costs_less_than_the_one_it_takes(seed: int) -> None:
    layer = Layer(seed)
    descent = Descent(layer.table, layer.target)
    descent.scale = np.array([0.75, 1.0, 1.5])
    for group in (1, 0, 2):
        descent.visit(group, PRICE * N_TAPS, posed(exactly))
        least = np.inf
        for signs in product((-1, 1), repeat=N_TAPS * N_FILTERS):
            weights = descent.weights.copy()
            weights[layer.table.rows(group)] = np.reshape(signs, (N_TAPS, N_FILTERS))
            least = min(least, layer.cost(weights, descent.scale))
        assert layer.cost(descent.weights, descent.scale) == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_the_scale_leaves_the_least_disturbance(seed: int) -> None:
    layer = Layer(seed)
    descent = Descent(layer.table, layer.target)
    descent.rescale()
    assert (descent.scale != 1).any()
    least = layer.disturbance(descent.weights, descent.scale)
    for other in np.arange(0.5, 2, 4 * SCALE_STEP):
        there = layer.disturbance(descent.weights, np.full(N_FILTERS, other))
        assert (least <= there + 1e-3).all()


def test_a_sum_whose_threshold_stays_is_not_scaled() -> None:
    layer = Layer(0, scalable=False)
    descent = Descent(layer.table, layer.target)
    descent.rescale()
    assert (descent.scale == 1).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_sweep_costs_less_than_the_original_weights(seed: int) -> None:
    layer = Layer(seed)
    weights = sweep(
        layer.table, layer.target, [PRICE * N_TAPS] * 3, [1.0] * 4, posed(exactly)
    ).astype(np.float64)
    scales = [np.full(N_FILTERS, scale) for scale in np.arange(0.5, 2, SCALE_STEP)]
    disturbances = np.array([layer.disturbance(weights, scale) for scale in scales])
    best = np.array(scales)[disturbances.argmin(axis=0), np.arange(N_FILTERS)]
    original = layer.table.matrix.astype(np.float64)
    assert layer.cost(weights, best) < layer.cost(original, np.ones(N_FILTERS))
