"""A constant matrix in, a checked adder graph out: the cheapest of several candidates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from solver.adder_graph.adder_trees import lower
from solver.adder_graph.clusters import clustered
from solver.adder_graph.cse import share_pairs
from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.given_groups import Groups, checked_groups, groups_of_rows
from solver.adder_graph.graph import AdderGraph
from solver.adder_graph.heaps import lower_to_heaps
from solver.adder_graph.interpret import check
from solver.adder_graph.measures import measure as measure_graph
from solver.adder_graph.methods import (
    HUGE,
    LARGE,
    Candidate,
    best_by_some,
    descended,
    families,
    group_numbers,
    grouped_sums,
)
from solver.adder_graph.narrow import narrow_bucket_sums
from solver.adder_graph.plan_sums import Slices, effective_matrix, slice_sums
from solver.adder_graph.regroup import default_rounds, race
from solver.adder_graph.sums import Sums, distinct_rows, from_matrix, spread
from solver.arrays import Ints
from solver.choices import LUT6, MEASURES, METHODS


@dataclass(frozen=True, slots=True)
class _Goal:
    """What the caller wants of a graph."""

    measure: str
    low: Ints
    high: Ints
    max_depth: int | None
    rounds: int | None
    deadline: float | None
    seed: int
    groups: Groups = ()


def build(
    matrix: npt.ArrayLike,
    *,
    method: str = "auto",
    measure: str = "additions",
    input_range: tuple[int, int] | npt.ArrayLike = (0, 1),
    max_depth: int | None = None,
    search_rounds: int | None = None,
    time_limit_s: float | None = None,
    seed: int = 0,
    slices: Slices | None = None,
    groups: Sequence[npt.ArrayLike] = (),
) -> AdderGraph:
    """An adder graph whose outputs are exactly matrix @ x, proved by `check`.

    matrix [n_outputs, n_inputs] of -1, 0 and +1. input_range: (low, high) for all inputs, or an
    array [n_inputs, 2]. max_depth limits the two-operand additions on any path. Methods:
    "separate" (each output on its own), "slices" (a sharing plan; the outputs are then
    effective_matrix(matrix, slices) @ x), "buckets", "subexpressions", "combined" (buckets whose
    sums share subexpressions) and "auto" (the best of the last three, then local search).
    search_rounds is the effort of the search (for widths: how many orders of a group's outputs are
    tried besides the first), None a default for the size, 0 none, and only what is nearly always
    best is tried at all. The same arguments give the same graph, except that time_limit_s may cut
    the search short.
    groups: outputs, each in one of them, that are known to have few sign patterns together; their
    buckets are tried beside those found, and alone with method "buckets".
    Raises AdderGraphError for arguments that cannot be.
    """
    weights = _checked_matrix(matrix)
    low, high = _checked_range(input_range, weights.shape[1])
    _check_names(method, measure, slices)
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    goal = _Goal(measure, low, high, max_depth, search_rounds, deadline, seed)
    goal = replace(goal, groups=checked_groups(groups, len(weights))) if groups else goal
    if slices is not None:
        graph = _within_depth(_lowered(slice_sums(weights, slices), goal, share=False), goal)
        weights = effective_matrix(weights, slices)
    elif method == "separate":
        graph = _within_depth(_lowered(from_matrix(weights), goal, share=False), goal)
    else:
        graph = _with_given_groups(weights, method, goal)
    check(graph, weights)
    return graph


def _check_names(method: str, measure: str, slices: Slices | None) -> None:
    if method not in METHODS:
        raise AdderGraphError(f"method {method!r} is none of {', '.join(METHODS)}")
    if measure not in MEASURES:
        raise AdderGraphError(f"measure {measure!r} is none of {', '.join(MEASURES)}")
    if (method == "slices") != (slices is not None):
        raise AdderGraphError("method 'slices' and the argument slices go together")


def _checked_matrix(matrix: npt.ArrayLike) -> Ints:
    weights = np.asarray(matrix)
    if weights.ndim != 2:
        raise AdderGraphError(f"matrix has {weights.ndim} axes; expected [n_outputs, n_inputs]")
    bad = ~np.isin(weights, (-1, 0, 1))
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise AdderGraphError(
            f"matrix[{row}, {column}] is {weights[row, column]}; entries are -1, 0 or +1"
        )
    return weights.astype(np.int64)


def _checked_range(input_range: npt.ArrayLike, n_inputs: int) -> tuple[Ints, Ints]:
    ranges = np.asarray(input_range)
    if ranges.shape not in ((2,), (n_inputs, 2)) or not np.issubdtype(ranges.dtype, np.integer):
        raise AdderGraphError(
            f"input_range has shape {ranges.shape}; expected two integers, or [{n_inputs}, 2]"
        )
    low, high = np.broadcast_to(ranges.astype(np.int64), (n_inputs, 2)).T
    return low.copy(), high.copy()


def _lowered(sums: Sums, goal: _Goal, *, share: bool = True) -> AdderGraph:
    if goal.measure == LUT6 and goal.max_depth is None:
        return lower_to_heaps(sums, goal.low, goal.high)
    return lower(sums, goal.low, goal.high, shallow=goal.max_depth is not None, share=share)


def _within_depth(graph: AdderGraph, goal: _Goal) -> AdderGraph:
    depth = measure_graph(graph).depth
    if goal.max_depth is not None and depth > goal.max_depth:
        raise AdderGraphError(
            f"max_depth {goal.max_depth} is too small for this method: its graph is {depth} deep; "
            "allow more, or use method 'auto'"
        )
    return graph


def _with_given_groups(weights: Ints, method: str, goal: _Goal) -> AdderGraph:
    """The buckets of the groups that are given, where they are cheaper than what is found."""
    if not goal.groups:
        return _shared_graph(weights, method, goal)
    rows, which, sign = distinct_rows(weights)
    sums = _ordered_buckets(rows, groups_of_rows(goal.groups, which), goal)
    given = _lowered(spread(sums, which, sign), goal)
    if method == "buckets":
        return _within_depth(given, goal)
    found = _shared_graph(weights, method, goal)
    cheaper = _fits(given, goal) and _cost(given, goal) < _cost(found, goal)
    return given if cheaper else found


def _shared_graph(weights: Ints, method: str, goal: _Goal) -> AdderGraph:
    """The best candidate of a method, on the distinct rows of the matrix, for all its rows."""
    rows, which, sign = distinct_rows(weights)

    def made(family: list[Candidate]) -> list[Sums]:
        return [spread(sums, which, sign) for make in family if (sums := make()) is not None]

    tried = families(rows, method, goal.seed, goal.max_depth)
    if _is_quick(goal):
        tried = _fewer(tried, rows, goal)
    if goal.measure == "additions":
        sums = _by_additions([made(family) for family in tried.values()], method, goal)
        return _first_that_fits(sums, goal)
    whole = [one for family in _narrow_too(tried, rows, goal) for one in made(family)]
    wide = bool(
        ((goal.low < 0) | (goal.high > 1)).any()
    )  # no bits to count: additions decide widths as well
    return _cheapest([*whole, *(_by_additions([whole], method, goal)[:1] if wide else [])], goal)


def _is_quick(goal: _Goal) -> bool:
    return goal.rounds == 0 and goal.max_depth is None


def _fewer(
    tried: dict[str, list[Candidate]], rows: Ints, goal: _Goal
) -> dict[str, list[Candidate]]:
    """The families without what hardly ever wins, and combined ones along their slope only."""
    if "combined" not in tried:
        return tried
    if "buckets" in tried and goal.measure != "additions":
        return {"buckets": tried["buckets"]}
    kept = {name: family for name, family in tried.items() if name != "buckets"}
    return kept | {"combined": [partial(_least_combined, rows, goal.seed)]}


def _least_combined(rows: Ints, seed: int) -> Sums:
    numbers = group_numbers(rows)
    if rows.size > HUGE:
        return _paired(rows, best_by_some(rows, numbers, partial(_paired_additions, seed)), seed)
    slope = [partial(_paired, rows, number, seed) for number in numbers]
    return descended(slope, _additions)[1]


def _paired(rows: Ints, n_groups: int, seed: int) -> Sums:
    return share_pairs(grouped_sums(rows, n_groups), seed)


def _paired_additions(seed: int, sums: Sums) -> int:
    return share_pairs(sums, seed).additions


def _by_additions(tried: list[list[Sums]], method: str, goal: _Goal) -> list[Sums]:
    """Fewest additions first; "auto" without a depth limit searches on from the best of each
    family."""
    if method != "auto" or goal.max_depth is not None:
        return sorted((sums for family in tried for sums in family), key=_additions)
    starts = [min(family, key=_additions) for family in tried if family]
    fewest = min(starts, key=_additions)
    rounds = default_rounds(fewest) if goal.rounds is None else goal.rounds
    return [race(starts, rounds=rounds, seed=goal.seed, deadline=goal.deadline)]


def _first_that_fits(ranked: list[Sums], goal: _Goal) -> AdderGraph:
    """Additions are known before lowering: no more is lowered than the depth limit asks for."""
    for sums in ranked:
        graph = _lowered(sums, goal)
        if _fits(graph, goal):
            return graph
    raise _too_deep(goal)


def _additions(sums: Sums) -> int:
    return sums.additions


def _narrow_too(
    tried: dict[str, list[Candidate]], rows: Ints, goal: _Goal
) -> list[list[Candidate]]:
    """The families for a measure of widths: with buckets, the narrow ones among them.

    The narrow ones try what plain buckets are; on a large matrix they win so clearly that the
    others, each of which would have to be lowered, are left out. A depth limit may need them all.
    """
    if "buckets" not in tried:
        return list(tried.values())
    narrow: list[Candidate] = [partial(_narrow, rows, goal)]
    if goal.max_depth is not None:
        return [*tried.values(), narrow]
    others = [] if rows.size > LARGE else [tried[name] for name in tried if name != "buckets"]
    return [*others, narrow]


def _cheapest(tried: Iterable[Sums], goal: _Goal) -> AdderGraph:
    """Widths are known only after lowering: every candidate is lowered and measured."""
    graphs = (_lowered(sums, goal) for sums in tried)
    best = min(
        (graph for graph in graphs if _fits(graph, goal)),
        key=lambda graph: _cost(graph, goal),
        default=None,
    )
    if best is None:
        raise _too_deep(goal)
    return best


def _narrow(rows: Ints, goal: _Goal) -> Sums:
    """Buckets for the best number of groups, every group's order and recovery chosen by cost."""

    cost = partial(_lowered_cost, goal)
    numbers = group_numbers(rows)
    tables = [partial(grouped_sums, rows, number) for number in numbers]
    if _is_quick(goal) and rows.size > HUGE:
        n_groups = best_by_some(rows, numbers, cost)
    elif _is_quick(goal):
        n_groups = numbers[descended(tables, cost)[0]]
    else:
        n_groups = min(zip(numbers, tables, strict=True), key=lambda pair: cost(pair[1]()))[0]
    return _ordered_buckets(rows, clustered(rows, n_groups), goal)


def _ordered_buckets(rows: Ints, groups: list[Ints], goal: _Goal) -> Sums:
    """Buckets of these groups, every group's order and recovery chosen by cost."""
    default = 1 if rows.size > LARGE else 3
    orders = 1 + (default if goal.rounds is None else goal.rounds)
    cost = partial(_lowered_cost, goal)
    return narrow_bucket_sums(
        rows, groups, cost, orders=orders, seed=goal.seed, deadline=goal.deadline
    )


def _lowered_cost(goal: _Goal, sums: Sums) -> int:
    return _cost(_lowered(sums, goal), goal)


def _cost(graph: AdderGraph, goal: _Goal) -> int:
    return measure_graph(graph).of(goal.measure)


def _fits(graph: AdderGraph, goal: _Goal) -> bool:
    return goal.max_depth is None or measure_graph(graph).depth <= goal.max_depth


def _too_deep(goal: _Goal) -> AdderGraphError:
    return AdderGraphError(
        f"max_depth {goal.max_depth} is too small for this matrix or method: an output of n "
        "inputs is at least ceil(log2(n)) deep; allow more depth"
    )
