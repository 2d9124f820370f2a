"""A facility location on a dense table of costs, in some microseconds, with no bound.

For the early passes of a search, whose answers are soon thrown away; `solve` gives answers that
are checked and bounded.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from solver.arrays import Ints
from solver.compiled import compiled

Table = npt.NDArray[np.float32]


def serve_quickly(costs: npt.NDArray[Any], opening: float) -> Ints:
    """The candidate that serves each item: costs [items, candidates], one opening cost for all.

    Greedy addition (Kuehn & Hamburger 1963), then dropping what no longer pays.
    """
    table = np.ascontiguousarray(costs, np.float32)
    first = int(table.sum(axis=0).argmin())
    opened = _drop(table, _add(table, first, float(opening)), float(opening))
    taken: Ints = opened[table[:, opened].argmin(axis=1)]
    return taken


@compiled
def _add(table: Table, first: int, opening: float) -> Ints:
    """Open what saves most, after the first, for as long as it saves more than it costs."""
    n_items, n_candidates = table.shape
    opened = np.empty(n_candidates, np.int64)
    opened[0] = first
    count = 1
    paid, gain = np.empty(n_items, np.float32), np.empty(n_candidates, np.float32)
    for i in range(n_items):
        paid[i] = table[i, first]
    while count < n_candidates:
        for j in range(n_candidates):
            gain[j] = 0
        for i in range(n_items):
            for j in range(n_candidates):
                gain[j] += max(paid[i] - table[i, j], np.float32(0))
        best = 0
        for j in range(n_candidates):
            if gain[j] > gain[best]:
                best = j
        if gain[best] <= opening:
            break
        opened[count] = best
        count += 1
        for i in range(n_items):
            paid[i] = min(paid[i], table[i, best])
    return opened[:count]


@compiled
def _drop(table: Table, opened: Ints, opening: float) -> Ints:
    """Close what saves less than it costs, the least useful first."""
    n_items = len(table)
    count = len(opened)
    saved = np.empty(count)
    while count > 1:
        for k in range(count):
            saved[k] = 0
        for i in range(n_items):
            nearest, least, second = 0, np.inf, np.inf
            for k in range(count):
                cost = float(table[i, opened[k]])
                if cost < least:
                    nearest, least, second = k, cost, least
                elif cost < second:
                    second = cost
            saved[nearest] += second - least
        worst = 0
        for k in range(count):
            if saved[k] < saved[worst]:
                worst = k
        if saved[worst] >= opening:
            break
        count -= 1
        for k in range(worst, count):
            opened[k] = opened[k + 1]
    return opened[:count]
