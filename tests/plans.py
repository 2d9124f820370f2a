"""Random sharing plans, and the kernels that they stand for, spelt out weight by weight."""

import numpy as np

from crshare.arrays import Int8Array
from crshare.network.graph import Conv
from crshare.network.slices import SliceTable
from crshare.plan.plan import LayerPlan, pattern_layer
from tests.networks import random_signs


def random_plan(rng: np.random.Generator, table: SliceTable) -> LayerPlan:
    """Any representatives, some of them a filter's own; any use of them, some of it exact."""
    representatives, use = [], []
    for group in range(table.n_groups):
        slices = table.slices_of(group)
        n = int(rng.integers(1, table.n_filters + 1))
        patterns = random_signs(rng, (n, slices.shape[1]))
        own = rng.random(n) < 0.7
        patterns[own] = slices[rng.integers(0, len(slices), int(own.sum()))]
        taken = rng.permutation(np.arange(table.n_filters) % n) + 1
        inverted = (patterns[taken - 1] == -slices).all(axis=1)
        sign = np.where(inverted | (rng.random(len(taken)) < 0.3), -1, 1)
        representatives.append(patterns)
        use.append(taken * sign)
    flags = rng.random((table.n_groups, table.n_filters)) < 0.4
    return LayerPlan(table.layer, tuple(representatives), np.array(use, np.int32), flags)


def random_pattern_plan(rng: np.random.Generator, table: SliceTable) -> LayerPlan:
    """Any groups of filters; weights that repeat, some of another sign, some 0, inputs left out."""
    n_inputs, n_filters = table.matrix.shape
    weights = table.matrix[rng.integers(0, max(1, n_inputs // 2), n_inputs)]
    weights = weights * np.where(rng.random((n_inputs, 1)) < 0.5, 1, -1)
    groups = rng.integers(0, max(1, n_filters // 2), n_filters)
    members = [np.flatnonzero(groups == group).astype(np.int32) for group in np.unique(groups)]
    for own in members:
        weights[np.ix_(rng.random(n_inputs) < 0.3, own)] = 0
    weights[rng.random(weights.shape) < 0.05] = 0
    weights[0] = 1  # no group leaves all inputs out
    return pattern_layer(table, weights.astype(np.int8), tuple(members))


def planned_kernel(conv: Conv, table: SliceTable, plan: LayerPlan) -> Int8Array:
    """A convolution's kernel as the plan has it: filter by filter, group by group, tap by tap."""
    planned = conv.kernel.copy()
    kh, kw, depth, n_filters = conv.kernel.shape
    of_part = n_filters // conv.groups
    for group, (patterns, use) in enumerate(zip(plan.representatives, plan.use, strict=True)):
        for place in range(of_part):
            if plan.corrected[group, place]:
                continue
            taken = patterns[abs(use[place]) - 1] * (1 if use[place] > 0 else -1)
            for tap, row in enumerate(range(table.starts[group], table.starts[group + 1])):
                part, inside = divmod(row, depth * kh * kw)
                channel, position = divmod(inside, kh * kw)
                i, j = divmod(position, kw)
                planned[i, j, channel, part * of_part + place] = taken[tap]
    return planned
