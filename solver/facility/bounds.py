"""A good selection and a proven lower bound, without branch and bound.

Lagrangian relaxation of "every item is served", after Cornuejols, Fisher & Nemhauser (1977): any
dual prices of the items prove a bound. Erlenkotter's dual ascent (1978) gives the first prices,
subgradient steps better ones; the candidates that the prices open are improved by local search
(Resende & Werneck 2007).

Prices are searched for in floating point; the bound is then worked out in whole numbers, so that it
holds exactly.
"""

import time
from dataclasses import dataclass

import numpy as np

from solver.arrays import Floats, Ints
from solver.errors import BackendUnavailableError
from solver.facility.problem import Problem
from solver.facility.selection import (
    Limits,
    Selection,
    cheapest_pairs,
    cost_of,
    select,
    transfer,
)


@dataclass(frozen=True, slots=True, eq=False)
class Duals:
    """Whole dual prices of items, shape (I,); `unit` of them make one cost."""

    price: Ints
    unit: int


@dataclass(frozen=True, slots=True, eq=False)
class Enclosure:
    """The best selection known, as the pair of each item, shape (I,), and prices that bound it."""

    chosen: Ints
    bound: int
    duals: Duals


def solve_by_bounds(problem: Problem, limits: Limits, start: Selection | None) -> Selection:
    """The backend: as near as the relaxation comes, whatever gap would do; in milliseconds."""
    deadline = time.perf_counter() + limits.time_s
    found = enclose(problem, start, deadline)
    late = time.perf_counter() > deadline
    remark = f"lagrangian was stopped by its time limit of {limits.time_s:g} s"
    return select(
        problem,
        found.chosen,
        bound=found.bound,
        backend="lagrangian",
        remarks=(remark,) if late else (),
    )


def enclose(problem: Problem, start: Selection | None, deadline: float) -> Enclosure:
    """Find a selection and a bound; stop soon after `deadline`, on the clock of perf_counter."""
    try:
        from solver.facility.lagrange import relax
    except ImportError as error:
        raise BackendUnavailableError(
            "numba, which the bounds are computed with, is not installed; try pip install numba"
        ) from error
    given = None if start is None else transfer(problem, start)
    found = relax(problem, given, deadline)
    duals = _whole(problem, found.price)
    chosen = cheapest_pairs(problem, found.is_open, problem.cost)
    return Enclosure(chosen, min(proven_bound(problem, duals), cost_of(problem, chosen)), duals)


def _whole(problem: Problem, price: Floats) -> Duals:
    """Round prices to the finest power of two at which no sum leaves int64."""
    largest = float(problem.opening.sum()) + 2 * float(np.abs(price).sum())
    largest += float(np.maximum.reduceat(np.abs(problem.cost), problem.starts[:-1]).sum())
    unit = 2 ** int(np.clip(60 - np.ceil(np.log2(max(largest, 1.0))), 0, 16))
    return Duals(np.rint(price * unit).astype(np.int64), unit)


def proven_bound(problem: Problem, duals: Duals) -> int:
    """Lower bound on every selection's cost, from prices alone, in exact arithmetic."""
    return -(-_value(duals, _slacks(problem, duals)) // duals.unit)


def least_costs(problem: Problem, duals: Duals) -> Ints:
    """Shape (P,): lower bounds on the cost of the selections that use each pair."""
    slack = _slacks(problem, duals)
    excess = problem.cost * duals.unit - duals.price[problem.item]
    dearer = np.maximum(excess, 0) + np.maximum(slack, 0)[problem.candidate]
    least: Ints = -(-(_value(duals, slack) + dearer) // duals.unit)
    return least


def _value(duals: Duals, slack: Ints) -> int:
    return int(duals.price.sum()) + int(np.minimum(slack, 0).sum())


def _slacks(problem: Problem, duals: Duals) -> Ints:
    """Opening costs less what the items would pay for them, over all pairs, exactly."""
    from solver.facility.kernels import exact_slacks

    return exact_slacks(
        problem.opening * duals.unit,
        problem.starts,
        problem.candidate,
        problem.cost * duals.unit,
        duals.price,
    )
