"""A multiple-choice knapsack by its linear relaxation: near the best, proven, in milliseconds.

After Sinha & Zoltners (1979): only the lower convex hull of each group matters to the relaxation,
and taking the hulls' steps by falling saving per weight solves it. The step that no longer fits
gives the multiplier of weight; the multiplier gives the bound, in exact arithmetic, and tells which
options no better choice can use.
"""

from dataclasses import dataclass

import numpy as np

from solver.arrays import Flags, Ints
from solver.facility.knapsack import Choice, Knapsack, choose
from solver.facility.selection import Limits


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """The best choice known, as a place for each group, shape (G,), and its exact enclosure.

    `least` has shape (N,): no choice that uses the option costs less.
    """

    places: Ints
    bound: int
    least: Ints


def fill_by_hull(problem: Knapsack, limits: Limits) -> Choice:
    """The backend. Takes no notice of limits: it is done in milliseconds."""
    found = fill(problem)
    return choose(problem, found.places, bound=found.bound, backend="hull")


def fill(problem: Knapsack) -> Filling:
    """Fill greedily along the hulls, use up what room is left, and bound every choice."""
    hull = hull_places(problem)
    places, multiplier = _take_steps(problem, hull)
    places = _use_room(problem, places)
    cost = int(problem.cost[places].sum())
    value, reduced, unit = _relaxed(problem, multiplier)
    bound = min(-(-value // unit), cost)
    return Filling(places, bound, -(-(value + reduced) // unit))


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """What is left to decide: `problem` over the groups `live`, shape (L,), the others as known.

    `kept` has shape (options of problem,): the place of each option in the whole knapsack.
    """

    problem: Knapsack
    live: Ints
    kept: Ints
    cost_elsewhere: int


def core_of(problem: Knapsack, known: Filling) -> Core:
    """Leave out the options that no better choice uses, and the groups that have but one left."""
    keep = known.least < problem.cost[known.places].sum()
    keep[known.places] = True
    sizes = np.add.reduceat(keep, problem.starts[:-1], dtype=np.int64)
    is_live = sizes > 1
    is_live[0] |= not is_live.any()
    kept = np.flatnonzero(keep & is_live[problem.group])
    settled = known.places[~is_live]
    return Core(
        problem=Knapsack(
            starts=np.concatenate([[0], np.cumsum(sizes[is_live])]),
            weight=problem.weight[kept],
            cost=problem.cost[kept],
            budget=problem.budget - int(problem.weight[settled].sum()),
        ),
        live=np.flatnonzero(is_live),
        kept=kept,
        cost_elsewhere=int(problem.cost[settled].sum()),
    )


def hull_places(problem: Knapsack) -> Ints:
    """Places of the options on the lower left convex hull of each group, by rising weight."""
    order = np.lexsort((problem.cost, problem.weight, problem.group))
    hull: Ints = order[_cheaper_than_lighter(problem, order)]
    while True:
        inner = _inner(problem, hull)
        if not inner.any():
            return hull
        hull = hull[~inner]


def _cheaper_than_lighter(problem: Knapsack, order: Ints) -> Flags:
    """Keep the options that cost less than every option of their group before them."""
    group = problem.group[order]
    rank = np.unique(problem.cost[order], return_inverse=True)[1]
    falling = rank - group * len(order)
    before = np.minimum.accumulate(falling)
    first = np.r_[True, group[1:] != group[:-1]]
    cheaper: Flags = first | np.r_[True, falling[1:] < before[:-1]]
    return cheaper


def _inner(problem: Knapsack, order: Ints) -> Flags:
    """Mark options on or above the line between their neighbours: never on the hull."""
    inner = np.zeros(len(order), dtype=bool)
    group, weight, cost = problem.group[order], problem.weight[order], problem.cost[order]
    same = group[1:] == group[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.diff(cost) / np.diff(weight)
    inner[1:-1] = same[1:] & same[:-1] & (slope[:-1] >= slope[1:])
    return inner


def _take_steps(problem: Knapsack, hull: Ints) -> tuple[Ints, float]:
    """The greedy choice, and the saving per weight of the first step that did not fit."""
    group = problem.group[hull]
    step = np.flatnonzero(group[1:] == group[:-1])
    weight = np.diff(problem.weight[hull])[step]
    saving = -np.diff(problem.cost[hull])[step] / weight
    order = np.argsort(-saving, kind="stable")
    lightest = np.searchsorted(group, np.arange(problem.n_groups))
    room = problem.budget - int(problem.weight[hull[lightest]].sum())
    n_taken = int(np.searchsorted(np.cumsum(weight[order]), room, side="right"))
    n_steps = np.bincount(group[step[order[:n_taken]]], minlength=problem.n_groups)
    multiplier = float(saving[order[n_taken]]) if n_taken < len(order) else 0.0
    return hull[lightest + n_steps], multiplier


def _use_room(problem: Knapsack, places: Ints) -> Ints:
    """Exchange one option at a time for the one that saves most, while any fits and saves."""
    places = places.copy()
    room = problem.budget - int(problem.weight[places].sum())
    while True:
        weight = problem.weight - problem.weight[places][problem.group]
        saving = problem.cost[places][problem.group] - problem.cost
        saving[weight > room] = 0
        best = int(np.argmax(saving))
        if saving[best] <= 0:
            return places
        places[problem.group[best]] = best
        room -= int(weight[best])


def _relaxed(problem: Knapsack, multiplier: float) -> tuple[int, Ints, int]:
    """The relaxation at a multiplier of weight, times a unit, and what each option adds to it.

    Returns (value, reduced cost of shape (N,), unit), all whole numbers.
    """
    groups = problem.starts[:-1]
    largest = np.maximum.reduceat(
        np.abs(problem.cost) + multiplier * np.abs(problem.weight), groups
    )
    size = max(1.0, float(largest.sum()) + multiplier * abs(problem.budget))
    unit = 2 ** int(np.clip(60 - np.ceil(np.log2(size)), 0, 24))
    whole = round(multiplier * unit)
    weighted = problem.cost * unit + problem.weight * whole
    least = np.minimum.reduceat(weighted, groups)
    value = int(least.sum()) - whole * problem.budget
    return value, weighted - least[problem.group], unit
