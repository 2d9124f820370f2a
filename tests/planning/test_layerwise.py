"""What a plan's solver proves, against every choice there is, on small problems."""

from itertools import combinations, product

import numpy as np
import pytest

from crshare.planning.group_problem import OPENING
from crshare.planning.layerwise import SolverTally
from solver import Problem, dense, solve

Choice = tuple[int, int]  # operations, disturbance


def choices(problem: Problem, operations: int) -> list[Choice]:
    """Of each set of open candidates, with every item served at least cost."""
    cost = problem.cost.reshape(problem.n_items, problem.n_candidates)
    sets = [
        list(opened)
        for size in range(1, problem.n_candidates + 1)
        for opened in combinations(range(problem.n_candidates), size)
    ]
    return [(operations * len(opened), cost[:, opened].min(axis=1).sum()) for opened in sets]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("backend", ["greedy", "lagrangian", "highs"])
def test_no_choice_of_no_more_disturbance_saves_more_than_the_gap(backend: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes, sizes = [(6, 5), (7, 4), (4, 6)], [36, 9, 4]
    tally, disturbance = SolverTally(), 0.0
    curves: list[list[Choice]] = []
    for (items, candidates), operations in zip(shapes, sizes, strict=True):
        cost = rng.integers(0, OPENING, (items, candidates))
        problem = dense(np.full(candidates, OPENING), cost)
        selection = solve(problem, backend)
        tally.add(selection, operations)
        # A layer of more positions pays more for a representative: its disturbance counts as much
        # more, as operations for a representative's opening cost.
        disturbance += operations * cost[range(items), selection.assignment].sum()
        curves.append([(o, operations * d) for o, d in choices(problem, operations)])
    least = min(
        sum(o for o, _ in taken)
        for taken in product(*curves)
        if sum(d for _, d in taken) <= disturbance
    )
    assert least >= tally.opened * (1 - tally.objective_gap) - 1e-9
    if backend == "highs":
        assert tally.objective_gap == 0
