"""A good selection and a proven lower bound, without branch and bound.

Lagrangian relaxation of "every item is served", after Cornuejols, Fisher & Nemhauser (1977): any
dual prices of the items prove a bound. Erlenkotter's dual ascent (1978) gives the first prices,
subgradient steps better ones; the candidates that the prices open are improved by local search
(Resende & Werneck 2007). A loss budget is relaxed too, by a multiplier of losses.

Prices are searched for in floating point; the bound is then worked out in whole numbers, so that it
holds exactly.
"""

import time
from dataclasses import dataclass, replace

import numpy as np

from solver.arrays import Floats, Ints
from solver.errors import BackendUnavailableError
from solver.facility.greedy import least_loss_pairs
from solver.facility.problem import Problem
from solver.facility.selection import (
    Limits,
    Selection,
    cheapest_pairs,
    cost_of,
    fits_budget,
    select,
    transfer,
)

N_MULTIPLIERS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Duals:
    """Dual prices of items, shape (I,), and the multiplier of losses, in whole numbers.

    unit: how many of them make one unit of cost.
    """

    price: Ints
    loss_multiplier: int
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
    given = None if start is None else transfer(problem, start)
    free = _at_multiplier(problem, 0.0, given, deadline)
    if not fits_budget(problem, free.chosen):
        return _within_budget(problem, free, given, deadline)
    return replace(free, bound=min(free.bound, cost_of(problem, free.chosen)))


def _within_budget(
    problem: Problem, free: Enclosure, given: Ints | None, deadline: float
) -> Enclosure:
    """Search for the multiplier of losses at which the budget is just kept; keep the best seen."""
    chosen = least_loss_pairs(problem) if given is None else given
    best, low, high = free, 0.0, np.inf
    middle = _typical_multiplier(problem)
    for _ in range(N_MULTIPLIERS):
        found = _at_multiplier(problem, middle, chosen, deadline)
        best = max(best, found, key=lambda enclosure: enclosure.bound)
        if fits_budget(problem, found.chosen):
            high = middle
            chosen = min(chosen, found.chosen, key=lambda pairs: cost_of(problem, pairs))
        else:
            low = middle
        if time.perf_counter() > deadline or best.bound >= cost_of(problem, chosen):
            break
        middle = low * 8 if np.isinf(high) else (low + high) / 2
    return Enclosure(chosen, min(best.bound, cost_of(problem, chosen)), best.duals)


def _typical_multiplier(problem: Problem) -> float:
    costs = float(problem.opening.mean()) + float(np.ptp(problem.cost))
    return max(costs, 1.0) / max(1.0, float(problem.loss.mean())) / 8


def _at_multiplier(
    problem: Problem, loss_multiplier: float, given: Ints | None, deadline: float
) -> Enclosure:
    """Enclose the problem without its budget, losses times a multiplier added to the costs.

    What is chosen may break the budget; the bound holds for the problem with its budget.
    """
    try:
        from solver.facility.lagrange import relax
    except ImportError as error:
        raise BackendUnavailableError(
            "numba, which the bounds are computed with, is not installed; try pip install numba"
        ) from error
    cost = problem.cost + loss_multiplier * problem.loss
    found = relax(problem, cost, given, deadline)
    duals = _whole(problem, found.price, loss_multiplier)
    chosen = cheapest_pairs(problem, found.is_open, cost)
    return Enclosure(chosen, proven_bound(problem, duals), duals)


def _whole(problem: Problem, price: Floats, loss_multiplier: float) -> Duals:
    """Round prices to the finest power of two at which no sum leaves int64."""
    largest = float(problem.opening.sum()) + 2 * float(np.abs(price).sum())
    dearest = np.abs(problem.cost) + loss_multiplier * problem.loss
    largest += float(np.maximum.reduceat(dearest, problem.starts[:-1]).sum())
    largest += loss_multiplier * float(problem.loss_budget or 0)
    unit = 2 ** int(np.clip(60 - np.ceil(np.log2(max(largest, 1.0))), 0, 16))
    whole = np.rint(price * unit).astype(np.int64)
    return Duals(whole, round(loss_multiplier * unit), unit)


def proven_bound(problem: Problem, duals: Duals) -> int:
    """Lower bound on every selection's cost, from prices alone, in exact arithmetic."""
    return -(-_value(problem, duals, _slacks(problem, duals)) // duals.unit)


def least_costs(problem: Problem, duals: Duals) -> Ints:
    """Shape (P,): lower bounds on the cost of the selections that use each pair."""
    slack = _slacks(problem, duals)
    excess = _penalised_costs(problem, duals) - duals.price[problem.item]
    dearer = np.maximum(excess, 0) + np.maximum(slack, 0)[problem.candidate]
    least: Ints = -(-(_value(problem, duals, slack) + dearer) // duals.unit)
    return least


def _value(problem: Problem, duals: Duals, slack: Ints) -> int:
    relaxed = int(duals.price.sum()) + int(np.minimum(slack, 0).sum())
    return relaxed - duals.loss_multiplier * (problem.loss_budget or 0)


def _slacks(problem: Problem, duals: Duals) -> Ints:
    """Opening costs less what the items would pay for them, over all pairs, exactly."""
    from solver.facility.kernels import exact_slacks

    return exact_slacks(
        problem.opening * duals.unit,
        problem.starts,
        problem.candidate,
        _penalised_costs(problem, duals),
        duals.price,
    )


def _penalised_costs(problem: Problem, duals: Duals) -> Ints:
    return problem.cost * duals.unit + problem.loss * duals.loss_multiplier
