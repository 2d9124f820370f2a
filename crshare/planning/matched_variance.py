"""Damage as the variance of each sum's error, with compensation between groups of inputs.

Filter o of a layer computes w'x. With other weights v on inputs y that may have changed too, its
error has the variance of v'y - w'x. Going through the groups of inputs in turn, all other weights
held, giving slice r to filter o costs, up to a constant,

    importance[o] * (r' S r + 2 r' (S v - X w without this group)),   S = cov(y, y), X = cov(y, x)

which may be negative: a replacement that cancels error made elsewhere (as in GPTQ: Frantar et al.
2022, and the optimal brain surgeon: Hassibi and Stork 1992). A threshold that can move follows its
sum, so there the sum may be a multiple of the original one: what counts is the variance of
v'y / scale - w'x, the scale of each filter found anew after each pass. Choosing which slices to
compute is then a facility-location problem for each group: representatives are opened at a cost
each, and every filter is served at least cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from crshare.arrays import Float64Array, Int8Array
from crshare.network.graph import Network, Scale, Threshold
from crshare.network.slices import SliceTable, candidate_patterns
from crshare.planning.baseline import BaselineLayer, layer_histogram, norm_for
from crshare.planning.calibrate import recalibrate
from crshare.planning.covariance import Moments, moments, sample_windows
from crshare.planning.damage import LayerState, Opening
from crshare.planning.group_problem import Serve, Solve, posed
from crshare.planning.target import Target
from solver import serve_quickly

SAME_GROUP, OTHER_GROUPS = 5, 4  # fifths of a sampled covariance that are believed
HALVES = 2  # of changed against original inputs, half of the difference is believed
SCALES = (0.5, 2.0)  # the least and the greatest of a new sum
SCALE_STEP = 1 / 64  # a power of two, so that scaled whole numbers stay exact


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

    def visit(self, group: int, opening_cost: float, serve: Serve) -> None:
        """Choose the group's representatives anew, all other weights held."""
        rows = self.table.rows(group)
        patterns = candidate_patterns(self.table, group).astype(np.float64)
        own, before = self.target.S[rows, rows], self.weights[rows]
        gradient = self.response[:, rows].T - self.scale * self.target.aim[rows]
        carried = gradient - own @ before
        linear = patterns @ carried
        quadratic = ((patterns @ own) * patterns).sum(axis=1)
        importance = self.target.importance / self.scale**2
        costs = ((quadratic[:, None] - 2 * np.abs(linear)) * importance).T
        taken = serve(costs - costs.min(axis=1, keepdims=True), opening_cost)
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


def sweep(
    table: SliceTable,
    aim: Target,
    openings: Sequence[float],
    passes: Sequence[float],
    last: Serve,
) -> Int8Array:
    """Visit all groups once for each pass, the last time with the given solver.

    openings: what a representative costs in each group, in units of damage. passes: the share of
    it that counts in each pass. Returns the effective weights [inputs, filters].
    """
    descent = Descent(table, aim)
    serves = [*[serve_quickly] * (len(passes) - 1), last]
    for serve, share in zip(serves, passes, strict=True):
        for group, opening in enumerate(openings):
            descent.visit(group, opening * share, serve)
        descent.rescale()
    return descent.result()


@dataclass(frozen=True)
class MatchedVariance:
    """The damage model of `crshare optimize`; a variant overrides what it does otherwise.

    n_windows: sampled to tell how inputs vary. n_passes: over all groups of a layer.
    """

    n_windows: int = 20_000
    n_passes: int = 6

    def plans(self, baseline_layer: BaselineLayer) -> bool:
        return baseline_layer.similar

    def importance(self, state: LayerState) -> Float64Array:
        """What a unit of each sum's variance costs, [filters]."""
        return state.baseline.importance

    def worth(self, baseline_layer: BaselineLayer) -> float:
        """What a bit operation saved at every position may cost this layer, against others.

        Filters over inputs, since an error counts for each filter as a share of its inputs; and the
        fourth root of the positions that are left after pooling, since many errors meet at the same
        thresholds further on. Found by trying (docs/decisions.md).
        """
        n_inputs, n_filters = baseline_layer.table.matrix.shape
        return sqrt(sqrt(baseline_layer.positions_read)) * n_filters / n_inputs

    def target(self, state: LayerState, found: Moments) -> Target:
        baseline_layer = state.baseline
        scalable = baseline_layer.movable is not None
        return target(baseline_layer.table, found, self.importance(state), scalable=scalable)

    def passes(self) -> Sequence[float]:
        return (1.0,) * self.n_passes

    def aim(self, state: LayerState) -> Target:
        return self.target(state, seen_moments(state, self.n_windows))

    def weights(
        self, state: LayerState, objective: Opening, multiplier: float, solve: Solve
    ) -> Int8Array:
        table, aim = state.baseline.table, self.aim(state)
        damage_per_unit = multiplier * self.worth(state.baseline)
        groups = range(table.n_groups)
        openings = [damage_per_unit * objective.opening_cost(table, group) for group in groups]
        return sweep(table, aim, openings, self.passes(), posed(solve))

    def threshold(self, state: LayerState, planned: Network) -> Threshold | None:
        """Where every channel fires as often as it did in the original network."""
        baseline_layer = state.baseline
        if baseline_layer.threshold is None or baseline_layer.movable is None:
            return None
        histogram = layer_histogram(planned, baseline_layer.layer, state.inputs)
        return recalibrate(histogram, baseline_layer.movable, baseline_layer.fired)

    def norm(self, state: LayerState, planned: Network) -> Scale | None:
        """With which every channel has the mean that it had in the original network."""
        return norm_for(state.baseline, planned, state.inputs)


def seen_moments(state: LayerState, n_windows: int) -> Moments:
    """How the layer's inputs vary, over windows sampled from the calibration images."""
    network, baseline_layer = state.network, state.baseline
    name = baseline_layer.layer.name
    return moments(
        network.conv(name),
        network.input_of(baseline_layer.layer),
        state.inputs,
        baseline_layer.inputs if state.changed else None,
        sample_windows(len(state.inputs), network.signals[name], n_windows, state.seed),
        baseline_layer.table,
    )
