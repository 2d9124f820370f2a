"""Fewer additions for given weights: slices corrected from representatives, no output changed.

Computing a slice shares the sums of its halves with other slices of its group and costs one
addition more; correcting it from another costs one for each weight that differs (adding 2x). So
the cost of a representative depends on which others are open. Each group is solved as a
facility location at several opening costs of a representative, and the least additions are kept.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from crshare.arrays import BoolArray, Int8Array, Int32Array
from crshare.network.graph import Network
from crshare.network.slices import SliceTable, candidate_patterns, classify, decompose
from crshare.plan.plan import LayerPlan, SharingPlan
from solver import dense, solve

OPENINGS = (1, 2, 3, 4, 6, 8)  # additions of a representative; at 1 nothing is worth a correction

Progress = Callable[[str, float], None]
Shared = tuple[Int8Array, Int32Array, BoolArray]


def corrected_plan(network: Network, plan: SharingPlan, on_progress: Progress) -> SharingPlan:
    """The plan with its layers' slices corrected where that saves additions; no output changes."""
    tables = decompose(network)
    layers = []
    for number, (table, layer) in enumerate(zip(tables, plan.layers, strict=True)):
        on_progress(f"correcting slices of {table.layer}", number / len(tables))
        layers.append(corrected_layer(table, layer.effective(table)))
    return replace(plan, layers=tuple(layers))


def corrected_layer(table: SliceTable, weights: Int8Array) -> LayerPlan:
    """A plan of few additions whose effective weights are these, int8 [inputs, filters].

    Where a slice is the filter's own it may be corrected from any pattern; where it is not, which
    is where it is similar, it is computed or shared as it is.
    """
    shared = [_least(table, group, weights) for group in range(table.n_groups)]
    representatives, use, corrected = zip(*shared, strict=True)
    return LayerPlan(table.layer, representatives, np.stack(use), np.stack(corrected))


def _least(table: SliceTable, group: int, weights: Int8Array) -> Shared:
    """Of one group: the representatives, and by filter which it takes and whether it mends it."""
    part, own = weights[table.rows(group)], table.matrix[table.rows(group)]
    classes = classify(part.T)
    patterns = candidate_patterns(table, group, part)
    agreement = classes.patterns.astype(np.int32) @ patterns.astype(np.int32).T
    distance = (len(part) - np.abs(agreement)) // 2
    which = np.abs(classes.use) - 1
    similar = np.bincount(which, (part != own).any(axis=0)) > 0
    allowed = (distance == 0) | ~similar[:, None]

    def at(opening: int) -> Shared:
        problem = dense(np.full(len(patterns), opening), distance, allowed=allowed)
        served = np.array(solve(problem, "lagrangian").assignment)[which]
        opened, index = np.unique(served, return_inverse=True)
        taken = patterns[served].T
        signs = np.where((part.astype(np.int32) * taken).sum(axis=0) < 0, -1, 1)
        use = (signs * (index + 1)).astype(np.int32)
        return patterns[opened], use, (taken * signs != part).any(axis=0)

    return min(map(at, OPENINGS), key=lambda shared: group_additions(shared, part))


def group_additions(shared: Shared, weights: Int8Array) -> int:
    """Of halves, of representatives from two halves, and of corrections, each once.

    weights: the effective ones of the group, int8 [taps, filters]. As counted on the netlist
    (solver.adder_graph.plan_sums), which may save more where whole filters are equal.
    """
    patterns, use, corrected = shared
    cut = patterns.shape[1] // 2
    halves = [half for half in (patterns[:, :cut], patterns[:, cut:]) if half.shape[1]]
    made = sum(len(classify(half).patterns) * (half.shape[1] - 1) for half in halves)
    joined = len(patterns) * (len(halves) - 1)
    wanted = (weights * np.sign(use)).T[corrected]
    which = np.abs(use)[corrected] - 1
    mended = np.unique(np.column_stack([which, wanted]), axis=0)
    return made + joined + int((mended[:, 1:] != patterns[mended[:, 0]]).sum())
