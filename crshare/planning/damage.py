"""Which slices may stand for which: the damage model, and one layer's plan at a given price.

Filter o of a layer computes w'x. With other weights v on inputs y that may have changed too, its
error has the variance of v'y - w'x. Going through the groups of inputs in turn, all other weights
held, giving slice r to filter o costs, up to a constant,

    importance[o] * (r' S r + 2 r' (S v - X w without this group)),   S = cov(y, y), X = cov(y, x)

which may be negative: a replacement that cancels error made elsewhere (as in GPTQ: Frantar et al.
2022, and the optimal brain surgeon: Hassibi and Stork 1992). A threshold that can move follows its
sum, so there the sum may be a multiple of the original one: what counts is the variance of
v'y / scale - w'x, the scale of each filter found anew after each pass. Choosing which slices to
compute is then a facility location problem for each group: open representatives at a price, serve
every filter at least cost.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crshare.network.graph import Float64Array, Int8Array
from crshare.network.slices import SliceTable, candidates
from crshare.planning.covariance import Moments
from solver import Problem, Selection, dense, serve_quickly

OPENING = 20_000  # a representative's price in the solver's whole numbers
LARGEST = 2**31
SAME_GROUP, OTHER_GROUPS = 5, 4  # fifths of a sampled covariance that are believed
HALVES = 2  # of changed against original inputs, half of the difference is believed
SCALES = (0.5, 2.0)  # the least and the greatest of a new sum
SCALE_STEP = 1 / 64  # a power of two, so that scaled whole numbers stay exact

Solve = Callable[[Problem], Selection]
IntArray = npt.NDArray[np.int64]
Serve = Callable[[Float64Array, float], IntArray]


@dataclass(frozen=True, eq=False)
class Target:
    """One layer's damage model, S and X w in whole numbers so that no order of additions matters.

    S: float64 [inputs, inputs]; aim: X w, [inputs, filters]; importance: [filters], what a unit of
    S costs. scalable: whether a multiple of the original sums is as good.
    """

    S: Float64Array
    aim: Float64Array
    importance: Float64Array
    scalable: bool


def target(
    table: SliceTable, moments: Moments, importance: Float64Array, *, scalable: bool
) -> Target:
    """Shrink the sampled covariances towards what a finite sample tells well.

    importance: [filters], what a unit of the sums' variance costs. scalable: as in Target.
    """
    groups = np.repeat(np.arange(table.n_groups), np.diff(table.starts))
    together = groups[:, None] == groups[None, :]
    belief = np.where(together, SAME_GROUP, OTHER_GROUPS).astype(np.float64)
    unit = SAME_GROUP * HALVES * moments.n_windows**2
    own = belief * moments.own
    cross = OTHER_GROUPS * moments.cross + (SAME_GROUP - OTHER_GROUPS) * moments.within
    aim = np.matmul(own, table.matrix, dtype=np.float64) + cross
    return Target(HALVES * own, aim, importance / unit, scalable)


class Descent:
    """The weights of one layer on their way from the original to a plan.

    response: S v of each filter, [filters, inputs], kept up with the weights v that change.
    """

    def __init__(self, table: SliceTable, aim: Target) -> None:
        self.table, self.target = table, aim
        self.weights = table.matrix.astype(np.float64)
        self.response = np.ascontiguousarray((aim.S @ self.weights).T)
        self.scale = np.ones(table.n_filters)

    def visit(self, group: int, price: float, serve: Serve) -> None:
        """Choose the group's representatives anew, all other weights held."""
        rows = self.table.rows(group)
        patterns = candidates(self.table, group).astype(np.float64)
        own, before = self.target.S[rows, rows], self.weights[rows]
        gradient = self.response[:, rows].T - self.scale * self.target.aim[rows]
        carried = gradient - own @ before
        linear = patterns @ carried
        quadratic = ((patterns @ own) * patterns).sum(axis=1)
        importance = self.target.importance / self.scale**2
        costs = ((quadratic[:, None] - 2 * np.abs(linear)) * importance).T
        taken = serve(costs - costs.min(axis=1, keepdims=True), price)
        signs = np.where(linear[taken, np.arange(len(taken))] > 0, -1, 1)
        after = (patterns[taken] * signs[:, None]).T
        changed = (after != before).any(axis=0)
        self.response[changed] += (after - before)[:, changed].T @ self.target.S[rows]
        self.weights[rows] = after

    def rescale(self) -> None:
        """Set each filter's scale so that the variance of v'y / scale - w'x is least."""
        if self.target.scalable:
            variance = (self.weights * self.response.T).sum(axis=0)
            covariance = (self.weights * self.target.aim).sum(axis=0)
            closest = variance / np.maximum(covariance, 1)
            self.scale = np.rint(closest.clip(*SCALES) / SCALE_STEP) * SCALE_STEP

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
        descent.rescale()
    return descent.result()
