"""A layer's plan of patterns: its groups of filters, and what every group's inputs take."""

import numpy as np

from crshare.arrays import Int8Array
from crshare.network.slices import SliceTable
from crshare.plan.luts import graph_luts
from crshare.plan.plan import LayerPlan, Members, pattern_layer
from crshare.planning.patterns.codebook import chosen_weights
from crshare.planning.target import Target
from solver.adder_graph.clusters import clustered

FILTERS = 6  # of a group: what an exact graph has, too


def filter_groups(table: SliceTable) -> Members:
    """Filters that agree or disagree on many inputs, so that few patterns occur in a group."""
    groups = clustered(table.matrix.T.astype(np.int64), -(-table.n_filters // FILTERS))
    return tuple(np.sort(group).astype(np.int32) for group in groups)


def group_luts(weights: Int8Array) -> int:
    """Of the graph of one group of filters, [inputs, filters]."""
    return graph_luts(weights, (np.arange(weights.shape[1], dtype=np.int32),))


def planned_patterns(table: SliceTable, aim: Target, damage: float) -> LayerPlan:
    """The patterns of every group of filters, each group by itself: errors of filters add up, and
    so do LUTs.

    damage: that a LUT is worth. A group whose patterns are not worth it stays as it is.
    """
    members = filter_groups(table)
    weights = np.zeros_like(table.matrix)
    for own in members:
        weights[:, own] = chosen_weights(aim, table.matrix, own, damage, group_luts)
    return pattern_layer(table, weights, members)
