"""The facility-location problem as a value: candidates to open, items to serve, integer costs.

Serve every item by exactly one open candidate along an allowed pair, at least total cost: opening
costs of the open candidates plus assignment costs of the pairs used. A Problem that exists has an
answer: every item has a pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from solver.arrays import Flags, Ints
from solver.errors import ProblemError

Integers = Sequence[int] | npt.NDArray[np.integer[Any]]

LARGEST_TOTAL = 2**50
"""No answer may cost or weigh more: below it, sums are exact in int64 and in float64."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Candidates 0..F-1, items 0..I-1, and P allowed pairs (item, candidate), all integers.

    `opening` has shape (F,), not negative. `item`, `candidate` and `cost` have shape (P,); a cost
    may be negative. Pairs are kept sorted by item, then candidate; `starts`, shape (I+1,), says
    where the pairs of each item begin. Raises ProblemError.
    """

    opening: Ints
    n_items: int
    item: Ints
    candidate: Ints
    cost: Ints
    starts: Ints = field(repr=False)

    def __init__(
        self,
        opening: Integers,
        n_items: int,
        item: Integers,
        candidate: Integers,
        cost: Integers,
    ) -> None:
        pairs = [as_integers("item", item), as_integers("candidate", candidate)]
        pairs.append(as_integers("cost", cost))
        opening = as_integers("opening", opening)
        _check_shapes(opening, n_items, *pairs)
        pairs = _in_order(pairs, len(opening))
        starts = np.searchsorted(pairs[0], np.arange(n_items + 1))
        names = ("item", "candidate", "cost", "opening", "starts")
        for name, array in zip(names, (*pairs, opening, starts), strict=True):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_items", int(n_items))
        _check_solvable(self)

    @property
    def n_candidates(self) -> int:
        return len(self.opening)

    @property
    def n_pairs(self) -> int:
        return len(self.item)


def dense(
    opening: Integers,
    cost: npt.NDArray[np.integer[Any]],
    *,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> Problem:
    """Build a problem from tables of shape (I, F); where `allowed` is false there is no pair."""
    table = np.asarray(cost)
    mask = np.ones(table.shape, dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool)
    if table.ndim != 2 or mask.shape != table.shape:
        raise ProblemError(
            f"cost has shape {table.shape} and allowed has shape {mask.shape}; "
            "both must be (items, candidates)"
        )
    item, candidate = np.nonzero(mask)
    return Problem(opening, len(table), item, candidate, table[mask])


def restrict(problem: Problem, keep: Flags) -> tuple[Problem, Ints]:
    """The problem with only the pairs in `keep`, shape (P,), and the place of each pair kept.

    Candidates without pairs go, the others are numbered anew in their order.
    """
    kept = np.flatnonzero(keep)
    used, candidate = np.unique(problem.candidate[kept], return_inverse=True)
    small = Problem(
        opening=problem.opening[used],
        n_items=problem.n_items,
        item=problem.item[kept],
        candidate=candidate,
        cost=problem.cost[kept],
    )
    return small, kept


def as_integers(name: str, values: Integers) -> Ints:
    """Return an own one-dimensional int64 copy; raise ProblemError for anything else."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ProblemError(f"{name} has {array.ndim} dimensions; one is needed")
    if array.size and array.dtype.kind not in "iu":
        raise ProblemError(f"{name} holds {array.dtype} values; integers are needed")
    return array.astype(np.int64)


def _check_shapes(opening: Ints, n_items: int, item: Ints, *others: Ints) -> None:
    if not len(opening) or n_items < 1:
        raise ProblemError(f"{len(opening)} candidates and {n_items} items; one of each is needed")
    for name, array in zip(("candidate", "cost"), others, strict=True):
        if len(array) != len(item):
            raise ProblemError(f"{name} has {len(array)} values for {len(item)} pairs")
    _check_range("item", item, n_items)
    _check_range("candidate", others[0], len(opening))


def _check_range(name: str, index: Ints, count: int) -> None:
    wrong = np.flatnonzero((index < 0) | (index >= count))
    if wrong.size:
        pair = int(wrong[0])
        raise ProblemError(
            f"pair {pair} names {name} {index[pair]}; {name}s run from 0 to {count - 1}"
        )


def _in_order(pairs: list[Ints], n_candidates: int) -> list[Ints]:
    key = pairs[0] * n_candidates + pairs[1]
    if np.all(key[1:] > key[:-1]):
        return pairs
    order = np.argsort(key, kind="stable")
    key = key[order]
    twice = np.flatnonzero(key[1:] == key[:-1])
    if twice.size:
        item, candidate = divmod(int(key[twice[0]]), n_candidates)
        raise ProblemError(f"item {item} and candidate {candidate} are paired twice")
    return [array[order] for array in pairs]


def _check_solvable(problem: Problem) -> None:
    alone = np.flatnonzero(np.diff(problem.starts) == 0)
    if alone.size:
        raise ProblemError(f"item {alone[0]} has no candidate that may serve it")
    _check_sign("opening cost of candidate", problem.opening)
    costliest = np.maximum.reduceat(np.abs(problem.cost), problem.starts[:-1])
    check_total("costs", problem.opening, costliest)


def _check_sign(name: str, values: Ints) -> None:
    wrong = np.flatnonzero(values < 0)
    if wrong.size:
        raise ProblemError(f"{name} {wrong[0]} is {values[wrong[0]]}; it must not be negative")


def check_total(name: str, *parts: Ints) -> None:
    """Raise ProblemError if the sizes of all parts may add up to more than LARGEST_TOTAL."""
    total = sum(float(np.abs(part.astype(float)).sum()) for part in parts)
    if total > LARGEST_TOTAL:
        raise ProblemError(
            f"{name} may add up to {total:.3g}, more than {LARGEST_TOTAL:.3g}; scale them down"
        )
