"""A valid selection always, with numpy alone: the last resort, and a start for the others.

Greedy addition after Kuehn & Hamburger (1963): open the candidate that saves most until none saves
anything.
"""

import numpy as np

from solver.arrays import Flags, Floats, Ints
from solver.facility.problem import Problem
from solver.facility.selection import (
    Limits,
    Selection,
    cheapest_pairs,
    cost_of,
    select,
)


def solve_greedily(problem: Problem, limits: Limits, start: Selection | None) -> Selection:
    """The backend: `greedy_pairs` with the cheap bound. Takes no notice of limits and start."""
    chosen = greedy_pairs(problem)
    bound = min(even_bound(problem), cost_of(problem, chosen))
    return select(problem, chosen, bound=bound, backend="greedy")


def greedy_pairs(problem: Problem) -> Ints:
    """Shape (I,): the pair that serves each item, found greedily."""
    return cheapest_pairs(problem, _open_greedily(problem), problem.cost)


def even_bound(problem: Problem) -> int:
    """No selection costs less: each opening cost is shared evenly by all items it may serve."""
    users = np.bincount(problem.candidate, minlength=problem.n_candidates)
    share = problem.opening // np.maximum(users, 1)
    alone = problem.cost + share[problem.candidate]
    return int(np.minimum.reduceat(alone, problem.starts[:-1]).sum())


def _open_greedily(problem: Problem) -> Flags:
    cost = problem.cost.astype(float)
    alone = cost + problem.opening[problem.candidate]
    paid = np.minimum.reduceat(alone, problem.starts[:-1])
    is_open = np.zeros(problem.n_candidates, dtype=bool)
    while True:
        saved = np.maximum(paid[problem.item] - cost, 0.0)
        gain = np.bincount(problem.candidate, saved, problem.n_candidates) - problem.opening
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        is_open[best] = True
        mine = problem.candidate == best
        paid[problem.item[mine]] = np.minimum(paid[problem.item[mine]], cost[mine])
    return is_open | _needed_alone(problem, cost, alone, is_open)


def _needed_alone(problem: Problem, cost: Floats, alone: Floats, is_open: Flags) -> Flags:
    """Open the candidates that serve an item more cheaply, opening included, than the open ones."""
    best_open = np.minimum.reduceat(
        np.where(is_open[problem.candidate], cost, np.inf), problem.starts[:-1]
    )
    cheapest = cheapest_pairs(problem, np.ones_like(is_open), alone)
    needy = cheapest[alone[cheapest] < best_open]
    needed = np.zeros_like(is_open)
    needed[problem.candidate[needy]] = True
    return needed
