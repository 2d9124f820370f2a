"""The facility-location problem as a value: candidates to open, items to serve, integer costs.

Serve every item by exactly one open candidate along an allowed pair, at least total cost: opening
costs of the open candidates plus assignment costs of the pairs used. Optionally the losses of the
pairs used may add up to a budget at most.

A Problem that exists has an answer: every item has a pair, and the budget admits at least the
selection that serves each item at its own least loss.
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
"""No selection may cost or lose more: below it, sums are exact in int64 and in float64."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Candidates 0..F-1, items 0..I-1, and P allowed pairs (item, candidate), all integers.

    `opening` has shape (F,), not negative. `item`, `candidate`, `cost` and `loss` have shape (P,);
    a cost may be negative, a loss may not. Pairs are kept sorted by item, then candidate;
    `starts`, shape (I+1,), says where the pairs of each item begin. Without `loss_budget` losses
    are recorded and not limited. Raises ProblemError.
    """

    opening: Ints
    n_items: int
    item: Ints
    candidate: Ints
    cost: Ints
    loss: Ints
    loss_budget: int | None
    starts: Ints = field(repr=False)

    def __init__(
        self,
        opening: Integers,
        n_items: int,
        item: Integers,
        candidate: Integers,
        cost: Integers,
        loss: Integers | None = None,
        loss_budget: int | None = None,
    ) -> None:
        pairs = [as_integers("item", item), as_integers("candidate", candidate)]
        pairs.append(as_integers("cost", cost))
        pairs.append(np.zeros_like(pairs[0]) if loss is None else as_integers("loss", loss))
        opening = as_integers("opening", opening)
        _check_shapes(opening, n_items, *pairs)
        pairs = _in_order(pairs, len(opening))
        starts = np.searchsorted(pairs[0], np.arange(n_items + 1))
        names = ("item", "candidate", "cost", "loss", "opening", "starts")
        for name, array in zip(names, (*pairs, opening, starts), strict=True):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_items", int(n_items))
        object.__setattr__(self, "loss_budget", loss_budget)
        _check_solvable(self)

    @property
    def n_candidates(self) -> int:
        return len(self.opening)

    @property
    def n_pairs(self) -> int:
        return len(self.item)

    def least_losses(self) -> Ints:
        """Shape (I,): the smallest loss at which each item can be served."""
        return np.minimum.reduceat(self.loss, self.starts[:-1])


def dense(
    opening: Integers,
    cost: npt.NDArray[np.integer[Any]],
    *,
    allowed: npt.NDArray[np.bool_] | None = None,
    loss: npt.NDArray[np.integer[Any]] | None = None,
    loss_budget: int | None = None,
) -> Problem:
    """Build a problem from tables of shape (I, F); where `allowed` is false there is no pair."""
    table = np.asarray(cost)
    mask = np.ones(table.shape, dtype=bool) if allowed is None else np.asarray(allowed, dtype=bool)
    for name, other in (("allowed", mask), ("loss", table if loss is None else np.asarray(loss))):
        if table.ndim != 2 or other.shape != table.shape:
            raise ProblemError(
                f"cost has shape {table.shape} and {name} has shape {other.shape}; "
                "both must be (items, candidates)"
            )
    item, candidate = np.nonzero(mask)
    losses = None if loss is None else np.asarray(loss)[mask]
    return Problem(opening, len(table), item, candidate, table[mask], losses, loss_budget)


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
        loss=problem.loss[kept],
        loss_budget=problem.loss_budget,
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
    for name, array in zip(("candidate", "cost", "loss"), others, strict=True):
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
    _check_sign("loss of pair", problem.loss)
    costliest = np.maximum.reduceat(np.abs(problem.cost), problem.starts[:-1])
    check_total("costs", problem.opening, costliest)
    check_total("losses", np.maximum.reduceat(problem.loss, problem.starts[:-1]))
    least = int(problem.least_losses().sum())
    if problem.loss_budget is not None and problem.loss_budget < least:
        raise ProblemError(
            f"the loss budget is {problem.loss_budget}, but serving every item loses "
            f"at least {least}"
        )


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
