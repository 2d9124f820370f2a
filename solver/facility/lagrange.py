"""The search for prices and candidates, in floating point.

Imports the compiled loops, so whoever needs it imports it late.
"""

import time
from dataclasses import dataclass

import numpy as np

from solver.arrays import Flags, Floats, Ints
from solver.facility.kernels import Lists, ascend, dual_value, sorted_lists, subgradient
from solver.facility.local_search import improve
from solver.facility.problem import Problem

N_CHUNKS = 12
N_ROUNDS = 25
PATIENCE = 10
LEAST_SCALE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """Prices of the items, shape (I,), and the best open candidates found, shape (F,)."""

    price: Floats
    is_open: Flags


def relax(problem: Problem, given: Ints | None, deadline: float) -> Relaxed:
    """Search from dual ascent and the pairs `given`, shape (I,).

    Prices and candidates lead to each other in turn: the candidates that the prices open are
    improved by local search, and their cost is the target of the next subgradient steps.
    """
    opening = problem.opening.astype(float)
    cost = problem.cost.astype(float)
    lists = sorted_lists(opening, problem.starts, problem.candidate, cost)
    price = ascend(lists)
    best, target = _better(lists, _opened_by(lists, price), np.zeros(0, bool), np.inf)
    if given is not None:
        best, target = _better(lists, _opened_for(problem, given), best, target)
    value, scale = -np.inf, 1.0
    for _ in range(N_CHUNKS):
        if target - value < 0.99 or scale < LEAST_SCALE or time.perf_counter() > deadline:
            break
        price, value, scale = subgradient(lists, price, target, N_ROUNDS, PATIENCE, scale)
        best, target = _better(lists, _opened_by(lists, price), best, target)
    return Relaxed(price, best)


def _better(lists: Lists, fresh: Flags, best: Flags, target: float) -> tuple[Flags, float]:
    """Improve the candidates `fresh` and return them with their cost, if below `target`."""
    cost = improve(lists, fresh)
    return (fresh, cost) if cost < target else (best, target)


def _opened_by(lists: Lists, price: Floats) -> Flags:
    """The candidates that the items would pay for at these prices."""
    slack = np.empty_like(lists.opening)
    dual_value(lists, price, slack)
    return slack <= 0


def _opened_for(problem: Problem, pairs: Ints) -> Flags:
    is_open = np.zeros(problem.n_candidates, dtype=bool)
    is_open[problem.candidate[pairs]] = True
    return is_open
