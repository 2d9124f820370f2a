"""A layer's plan of patterns: its groups of filters, and what every group's inputs take."""

import numpy as np

from crshare.network.slices import SliceTable
from crshare.plan.luts import graph_luts
from crshare.plan.plan import LayerPlan, Members, pattern_layer
from crshare.planning.patterns.codebook import INPUT_LUTS, Prices, chosen_weights
from crshare.planning.target import Target
from solver.adder_graph.clusters import clustered

FILTERS = 8  # of a group


def filter_groups(table: SliceTable) -> Members:
    """Filters that agree or disagree on many inputs, so that few patterns occur in a group."""
    groups = clustered(table.matrix.T.astype(np.int64), -(-table.n_filters // FILTERS))
    return tuple(np.sort(group).astype(np.int32) for group in groups)


def table_luts(table: SliceTable, n_groups: int) -> float:
    """Of an exact graph, what it takes a group to recover its sums, about: all but its inputs."""
    each = graph_luts(table.matrix) / n_groups
    return max(each - INPUT_LUTS * len(table.matrix), 0.0)


def planned_patterns(table: SliceTable, aim: Target, damage: float) -> LayerPlan:
    """The patterns of every group of filters, each group by itself: errors of filters add up.

    damage: that a LUT is worth.
    """
    members = filter_groups(table)
    prices = Prices(damage, table_luts(table, len(members)))
    weights = np.zeros_like(table.matrix)
    for own in members:
        weights[:, own] = chosen_weights(aim, table.matrix, own, prices)
    return pattern_layer(table, weights, members)
