"""Which slices may stand for which: the damage model, and one layer's plan at a given price.

Filter o of a layer computes w'x. With other weights v on inputs y that may have changed too, its
error has the variance of v'y - w'x. Going through the groups of inputs in turn, all other weights
held, giving slice r to filter o costs, up to a constant,

    importance[o] * (r' S r + 2 r' (S v - X w without this group)),   S = cov(y, y), X = cov(y, x)

which may be negative: a replacement that cancels error made elsewhere (as in GPTQ: Frantar et al.
2022, and the optimal brain surgeon: Hassibi and Stork 1992). Choosing which slices to compute is
then a facility location problem for each group: open representatives at a price, serve every
filter at least cost.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crshare.network import Float64Array, Int8Array
from crshare.slices import SliceTable, candidates
from crshare.windows import Moments
from solver import Problem, Selection, dense, serve_quickly

OPENING = 20_000  # a representative's price in the solver's whole numbers
LARGEST = 2**31
SAME_GROUP, OTHER_GROUPS = 5, 4  # fifths of a sampled covariance that are believed
HALVES = 2  # of changed against original inputs, half of the difference is believed

Solve = Callable[[Problem], Selection]
IntArray = npt.NDArray[np.int64]
Serve = Callable[[Float64Array, float], IntArray]


@dataclass(frozen=True, eq=False)
class Target:
    """One layer's damage model, S and X w in whole numbers so that no order of additions matters.

    S: float64 [inputs, inputs]; aim: X w, [inputs, filters]; importance: [filters], what a unit of
    S costs.
    """

    S: Float64Array
    aim: Float64Array
    importance: Float64Array


def target(table: SliceTable, moments: Moments, importance: Float64Array) -> Target:
    """Shrink the sampled covariances towards what a finite sample tells well.

    importance: [filters], what a unit of the sums' variance costs.
    """
    groups = np.repeat(np.arange(table.n_groups), np.diff(table.starts))
    together = groups[:, None] == groups[None, :]
    belief = np.where(together, SAME_GROUP, OTHER_GROUPS).astype(np.float64)
    unit = SAME_GROUP * HALVES * moments.n_windows**2
    own = HALVES * belief * moments.own
    cross = belief * (moments.own + moments.cross)
    return Target(own, np.matmul(cross, table.matrix, dtype=np.float64), importance / unit)


class Descent:
    """The weights of one layer on their way from the original to a plan."""

    def __init__(self, table: SliceTable, aim: Target) -> None:
        self.table, self.target = table, aim
        self.weights = table.matrix.astype(np.float64)

    def visit(self, group: int, price: float, serve: Serve) -> None:
        """Choose the group's representatives anew, all other weights held."""
        rows = self.table.rows(group)
        patterns = candidates(self.table, group).astype(np.float64)
        own = self.target.S[rows, rows]
        gradient = self.target.S[rows] @ self.weights - self.target.aim[rows]
        carried = gradient - own @ self.weights[rows]
        linear = patterns @ carried
        quadratic = ((patterns @ own) * patterns).sum(axis=1)
        costs = ((quadratic[:, None] - 2 * np.abs(linear)) * self.target.importance).T
        taken = serve(costs - costs.min(axis=1, keepdims=True), price)
        signs = np.where(linear[taken, np.arange(len(taken))] > 0, -1, 1)
        self.weights[rows] = (patterns[taken] * signs[:, None]).T

    def result(self) -> Int8Array:
        return self.weights.astype(np.int8)


def posed(solve: Solve) -> Serve:
    """A solver of whole-number problems as one of a table of costs and a price."""

    def serve(costs: Float64Array, price: float) -> IntArray:
        whole = np.minimum(np.rint(costs * (OPENING / price)), LARGEST).astype(np.int64)
        return np.array(solve(dense(np.full(costs.shape[1], OPENING), whole)).assignment)

    return serve


def sweep(table: SliceTable, aim: Target, price: float, n_passes: int, last: Solve) -> Int8Array:
    """Visit all groups n_passes times, the last time with the given solver.

    price: what one bit operation saved in every output position is worth, in units of disturbance.
    Returns the effective weights [inputs, filters].
    """
    descent = Descent(table, aim)
    for serve in [*[serve_quickly] * (n_passes - 1), posed(last)]:
        for group in range(table.n_groups):
            n_taps = table.starts[group + 1] - table.starts[group]
            descent.visit(group, price * n_taps, serve)
    return descent.result()
