"""Bucket sums for narrow adders: each group's recovery chosen by the cost of its own graph."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from solver.adder_graph.buckets import RECOVERIES, Recovery, bucket_sums
from solver.adder_graph.sums import Sums
from solver.arrays import Ints


def narrow_bucket_sums(
    matrix: Ints,
    groups: list[Ints],
    cost: Callable[[Sums], int],
    *,
    orders: int,
    seed: int,
    deadline: float | None = None,
) -> Sums:
    """Buckets of the given groups, every group in the cheapest of some orders and recoveries.

    The order of a group's outputs decides which patterns are built on which. cost: the cost of
    the sums of one group, by the measure that is asked for. deadline: a time.monotonic() value
    from which on a group keeps its first order.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for group in groups:
        late = deadline is not None and time.monotonic() >= deadline
        chosen.append(_cheapest(matrix, group, cost, 1 if late else orders, rng))
    return bucket_sums(matrix, [group for group, _ in chosen], [how for _, how in chosen])


def _cheapest(
    matrix: Ints,
    group: Ints,
    cost: Callable[[Sums], int],
    orders: int,
    rng: np.random.Generator,
) -> tuple[Ints, Recovery]:
    tried = [group, *(rng.permutation(group) for _ in range(orders - 1))]
    pairs = [(order, how) for order in tried for how in RECOVERIES]
    return min(pairs, key=lambda pair: cost(_alone(matrix[pair[0]], pair[1])))


def _alone(rows: Ints, how: Recovery) -> Sums:
    return bucket_sums(rows, [np.arange(len(rows))], [how])
