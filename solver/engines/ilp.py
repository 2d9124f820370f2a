"""The one formulation of each problem as an integer program, held as sparse arrays."""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from solver.arrays import Flags, Floats, Ints
from solver.facility.knapsack import Knapsack
from solver.facility.problem import Problem
from solver.facility.selection import WORK

WHOLE = 0.999
"""A gap below one proves the optimum where every cost is whole."""

ENTRIES_PER_UNIT = 100_000
"""Entries of a program that an engine which does not count its own work goes over in a unit."""


@dataclass(frozen=True, slots=True, eq=False)
class Ilp:
    """Minimise objective @ x, lower <= A x <= upper, 0 <= x <= 1, x integer where it says so.

    `objective` and `integer` have shape (n,). A has m rows in compressed form: row r has `values`
    at `columns`, both sliced by `starts[r]:starts[r+1]`. `lower` and `upper` have shape (m,), with
    infinities.
    """

    objective: Ints
    integer: Flags
    starts: Ints
    columns: Ints
    values: Ints
    lower: Floats
    upper: Floats

    @property
    def n_columns(self) -> int:
        return len(self.objective)

    @property
    def n_rows(self) -> int:
        return len(self.lower)


@dataclass(frozen=True, slots=True)
class Stop:
    """When an engine stops.

    gap: its best solution is proven to be within it, an absolute difference of objectives. work: so
    many units, each about a second on one core, but counted and so the same on every machine.
    time_s: so many seconds, by which the answer depends on the machine.
    """

    gap: float = WHOLE
    work: float = WORK
    time_s: float = math.inf

    def passes(self, ilp: Ilp) -> int:
        """How often an engine that does not count its own work may go over a program."""
        return int(self.work * ENTRIES_PER_UNIT) // max(1, len(ilp.columns))


def work_of(ilp: Ilp, passes: int) -> float:
    """Units of work that so many passes over a program are."""
    return passes * len(ilp.columns) / ENTRIES_PER_UNIT


class Ending(Enum):
    """Why an engine stopped: within the gap, or by one of its limits."""

    DONE = "done"
    OUT_OF_TIME = "time"
    OUT_OF_WORK = "work"


@dataclass(frozen=True, slots=True, eq=False)
class IlpAnswer:
    """What an engine found: values of shape (n,) or None, and a proven lower bound or -inf.

    work: units of it that were done.
    """

    values: Floats | None
    bound: float
    ending: Ending
    work: float = 0.0


class Engine(Protocol):
    """A solver of integer programs; raises BackendUnavailableError if it cannot run here.

    With one thread, a fixed seed and no limit of time: same program, same answer.
    """

    name: str

    def optimise(self, ilp: Ilp, start: Floats | None, stop: Stop) -> IlpAnswer: ...


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A family of rows that differ only in their entries."""

    lengths: Ints
    columns: Ints
    values: Ints
    lower: float
    upper: float


def assemble(objective: Ints, integer: Flags, families: list[Rows]) -> Ilp:
    """Stack families of rows, in order, into one program."""
    lengths = np.concatenate([rows.lengths for rows in families])
    return Ilp(
        objective=objective,
        integer=integer,
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        columns=np.concatenate([rows.columns for rows in families]),
        values=np.concatenate([rows.values for rows in families]),
        lower=np.concatenate([np.full(len(rows.lengths), rows.lower) for rows in families]),
        upper=np.concatenate([np.full(len(rows.lengths), rows.upper) for rows in families]),
    )


def formulate(problem: Problem) -> Ilp:
    """One column per candidate, then one per pair, each in the problem's order.

    Only the candidates need be integer: with them fixed, some best assignment is integer by itself.
    """
    pairs = problem.n_candidates + np.arange(problem.n_pairs)
    ones = np.ones_like(pairs)
    served_once = Rows(np.diff(problem.starts), pairs, ones, 1.0, 1.0)
    candidate_open = Rows(
        np.full_like(pairs, 2),
        np.stack([problem.candidate, pairs], axis=1).ravel(),
        np.tile([-1, 1], problem.n_pairs),
        -np.inf,
        0.0,
    )
    objective = np.concatenate([problem.opening, problem.cost])
    integer = np.arange(len(objective)) < problem.n_candidates
    return assemble(objective, integer, [served_once, candidate_open])


def formulate_choice(problem: Knapsack) -> Ilp:
    """One column per option, in the problem's order."""
    options = np.arange(problem.n_options)
    one_of_each = Rows(np.diff(problem.starts), options, np.ones_like(options), 1.0, 1.0)
    within_budget = budget_row(options, problem.weight, problem.budget)
    integer = np.ones(problem.n_options, dtype=bool)
    return assemble(problem.cost, integer, [one_of_each, within_budget])


def budget_row(columns: Ints, weights: Ints, budget: int) -> Rows:
    """The single row: weights @ columns <= budget, zero weights left out."""
    counted = np.flatnonzero(weights)
    return Rows(np.array([len(counted)]), columns[counted], weights[counted], -np.inf, budget)


def columns_of(problem: Problem, chosen: Ints) -> Floats:
    """The solution vector of `formulate` that serves along the pairs `chosen`, shape (I,)."""
    values = np.zeros(problem.n_candidates + problem.n_pairs)
    values[problem.candidate[chosen]] = 1.0
    values[problem.n_candidates + chosen] = 1.0
    return values
