"""The multiple-choice knapsack as a value, its answer, and the check that every answer must pass.

Choose exactly one option of each group, at least total cost, total weight within a budget. A group
may be a layer, its options the ways to build it, weight their loss and cost their LUTs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from solver.arrays import Ints
from solver.errors import AnswerError, ProblemError
from solver.facility.problem import Integers, as_integers, check_total
from solver.facility.selection import Answer


@dataclass(frozen=True, slots=True, eq=False)
class Knapsack:
    """Groups 0..G-1 of options; option k of group g stands at place starts[g] + k.

    `starts` has shape (G+1,); `weight` and `cost` have shape (N,), any integers. Raises
    ProblemError: a knapsack that exists can be filled.
    """

    starts: Ints
    weight: Ints
    cost: Ints
    budget: int
    group: Ints = field(repr=False)

    def __init__(self, starts: Integers, weight: Integers, cost: Integers, budget: int) -> None:
        arrays = {
            "starts": as_integers("starts", starts),
            "weight": as_integers("weight", weight),
            "cost": as_integers("cost", cost),
        }
        _check_groups(**arrays)
        sizes = np.diff(arrays["starts"])
        arrays["group"] = np.repeat(np.arange(len(sizes)), sizes)
        for name, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "budget", int(budget))
        _check_fillable(self)

    @property
    def n_groups(self) -> int:
        return len(self.starts) - 1

    @property
    def n_options(self) -> int:
        return len(self.weight)


def knapsack(
    weights: Sequence[Sequence[int]], costs: Sequence[Sequence[int]], budget: int
) -> Knapsack:
    """Build a knapsack from one sequence of weights and one of costs for each group."""
    for g, (of_weight, of_cost) in enumerate(zip(weights, costs, strict=False)):
        if len(of_weight) != len(of_cost):
            raise ProblemError(f"group {g} has {len(of_weight)} weights and {len(of_cost)} costs")
    if len(weights) != len(costs):
        raise ProblemError(f"{len(weights)} groups of weights, {len(costs)} groups of costs")
    starts = np.cumsum([0, *(len(group) for group in weights)])
    flat = chain.from_iterable
    return Knapsack(starts, list(flat(weights)), list(flat(costs)), budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Answer):
    """options[g] is the option chosen in group g, counted within its group; `cost` is the total."""

    options: tuple[int, ...]
    weight: int


def choose(
    problem: Knapsack,
    places: Ints,
    *,
    bound: int,
    backend: str,
    remarks: tuple[str, ...] = (),
) -> Choice:
    """Make the choice of the options at `places`, shape (G,), one of each group in order."""
    return Choice(
        options=tuple((places - problem.starts[:-1]).tolist()),
        weight=int(problem.weight[places].sum()),
        cost=int(problem.cost[places].sum()),
        bound=bound,
        backend=backend,
        remarks=remarks,
    )


def verify_choice(problem: Knapsack, choice: Choice) -> None:
    """Recheck a choice against its problem from scratch; raise AnswerError."""
    fault = _fault(problem, choice)
    if fault:
        raise AnswerError(f"{choice.backend}: {fault}")


def _fault(problem: Knapsack, choice: Choice) -> str | None:
    if len(choice.options) != problem.n_groups:
        return f"{len(choice.options)} options chosen for {problem.n_groups} groups"
    options = np.array(choice.options, dtype=np.int64)
    wrong = np.flatnonzero((options < 0) | (options >= np.diff(problem.starts)))
    if wrong.size:
        return f"group {wrong[0]} has no option {options[wrong[0]]}"
    places = problem.starts[:-1] + options
    cost, weight = int(problem.cost[places].sum()), int(problem.weight[places].sum())
    if (cost, weight) != (choice.cost, choice.weight):
        return f"cost and weight are {cost} and {weight}, not {choice.cost} and {choice.weight}"
    if weight > problem.budget:
        return f"the weight is {weight}, above its budget {problem.budget}"
    return None


def _check_groups(starts: Ints, weight: Ints, cost: Ints) -> None:
    if len(weight) != len(cost):
        raise ProblemError(f"{len(weight)} weights and {len(cost)} costs; options have both")
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != len(weight):
        raise ProblemError(f"starts must run from 0 to {len(weight)}, the number of options")
    empty = np.flatnonzero(np.diff(starts) <= 0)
    if empty.size:
        raise ProblemError(f"group {empty[0]} has no option")


def _check_fillable(problem: Knapsack) -> None:
    groups = problem.starts[:-1]
    check_total("costs", np.maximum.reduceat(np.abs(problem.cost), groups))
    check_total("weights", np.maximum.reduceat(np.abs(problem.weight), groups))
    least = int(np.minimum.reduceat(problem.weight, groups).sum())
    if least > problem.budget:
        raise ProblemError(
            f"the budget is {problem.budget}, but one option of each group weighs at least {least}"
        )
