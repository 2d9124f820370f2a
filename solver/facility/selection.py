"""Answers, what is proven about them, and the check that every selection must pass."""

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from solver.arrays import Flags, Floats, Ints
from solver.errors import AnswerError
from solver.facility.problem import Problem

WORK = 10.0
"""Units of work that a problem may take: about ten seconds, but counted."""


class Status(Enum):
    """How an answer ended: proven best, or valid with a gap."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a backend may do, and the gap, a share of the cost, at which it may stop.

    work: units for one problem, the same on every machine. time_s: seconds, which no machine has
    the same of.
    """

    time_s: float = math.inf
    gap: float = 0.0
    work: float = WORK


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What every answer says about itself.

    Nothing costs less than `bound`. `remarks` say what the solver had to do without, such as time;
    `refusals` say which backends were asked before and why they could not run. `work`: units that
    an engine has done. `seconds` is not compared, so equal answers are equal whatever the clock
    said.
    """

    cost: int
    bound: int
    backend: str
    remarks: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    work: float = 0.0
    seconds: float = field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        if self.bound > self.cost:
            raise AnswerError(f"{self.backend}: bound {self.bound} is above the cost {self.cost}")

    @property
    def status(self) -> Status:
        return Status.OPTIMAL if self.bound == self.cost else Status.FEASIBLE

    @property
    def gap(self) -> float:
        """(cost - bound) / |cost|, and 0 for a proven optimum; a share, not per cent."""
        return (self.cost - self.bound) / max(1, abs(self.cost))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Answer):
    """The answer to a Problem: which candidates are open, and who serves each item.

    `opened` is sorted; `assignment[i]` is the open candidate that serves item i.
    """

    opened: tuple[int, ...]
    assignment: tuple[int, ...]


def verify(problem: Problem, selection: Selection) -> None:
    """Recheck a selection against its problem from scratch; raise AnswerError."""
    fault = _fault(problem, selection)
    if fault:
        raise AnswerError(f"{selection.backend}: {fault}")


def _fault(problem: Problem, selection: Selection) -> str | None:
    if len(selection.assignment) != problem.n_items:
        return f"{len(selection.assignment)} assignments for {problem.n_items} items"
    opened = np.array(selection.opened, dtype=np.int64)
    if np.any(np.diff(opened) <= 0) or np.any((opened < 0) | (opened >= problem.n_candidates)):
        return "the open candidates are not sorted, not distinct or out of range"
    assignment = np.array(selection.assignment, dtype=np.int64)
    closed = np.flatnonzero(~np.isin(assignment, opened))
    if closed.size:
        return f"item {closed[0]} is served by candidate {assignment[closed[0]]}, which is closed"
    chosen = find_pairs(problem, assignment)
    if np.any(chosen < 0):
        item = int(np.flatnonzero(chosen < 0)[0])
        return f"item {item} may not be served by candidate {assignment[item]}"
    cost = int(problem.opening[opened].sum()) + int(problem.cost[chosen].sum())
    if cost != selection.cost:
        return f"the cost is {cost}, not {selection.cost}"
    return None


def find_pairs(problem: Problem, assignment: Ints) -> Ints:
    """Shape (I,): the pair of each item with its given candidate, -1 where there is none."""
    keys = problem.item * problem.n_candidates + problem.candidate
    wanted = np.arange(problem.n_items) * problem.n_candidates + assignment
    place = np.minimum(np.searchsorted(keys, wanted), problem.n_pairs - 1)
    return np.where(keys[place] == wanted, place, -1)


def cheapest_pairs(problem: Problem, is_open: Flags, price: Ints | Floats) -> Ints:
    """Shape (I,): the pair of least `price` per item among open candidates, -1 where none is.

    `is_open` has shape (F,), `price` shape (P,). Ties go to the lowest candidate.
    """
    offered = np.where(is_open[problem.candidate], price.astype(float), np.inf)
    least = np.minimum.reduceat(offered, problem.starts[:-1])
    hits = np.flatnonzero(offered == least[problem.item])
    first = hits[np.searchsorted(problem.item[hits], np.arange(problem.n_items))]
    return np.where(np.isfinite(least), first, -1)


def cost_of(problem: Problem, chosen: Ints) -> int:
    """Cost of serving along the pairs `chosen`, one per item, and opening what they use."""
    used = np.unique(problem.candidate[chosen])
    return int(problem.opening[used].sum()) + int(problem.cost[chosen].sum())


def select(
    problem: Problem, chosen: Ints, *, bound: int, backend: str, remarks: tuple[str, ...] = ()
) -> Selection:
    """Make the selection that uses the pairs `chosen`, shape (I,), and opens nothing else."""
    assignment = problem.candidate[chosen]
    return Selection(
        opened=tuple(np.unique(assignment).tolist()),
        assignment=tuple(assignment.tolist()),
        cost=cost_of(problem, chosen),
        bound=bound,
        backend=backend,
        remarks=remarks,
    )


def transfer(problem: Problem, start: Selection) -> Ints | None:
    """Shape (I,): the pairs that a selection, made for other costs perhaps, leads to here.

    Its open candidates count first, then its assignment; None if neither serves all.
    """
    opened = np.array(start.opened, dtype=np.int64)
    is_open = np.zeros(problem.n_candidates, dtype=bool)
    is_open[opened[opened < problem.n_candidates]] = True
    options = [cheapest_pairs(problem, is_open, problem.cost)]
    if len(start.assignment) == problem.n_items:
        options.append(find_pairs(problem, np.array(start.assignment, dtype=np.int64)))
    for chosen in options:
        if np.all(chosen >= 0):
            return chosen
    return None
