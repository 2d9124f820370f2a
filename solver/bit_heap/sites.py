"""The LUT sites of many heaps at once."""

from __future__ import annotations

import numpy as np

from solver.arrays import Ints
from solver.bit_heap.search import search
from solver.compiled import compiled

QUICK_NODES = 30


@compiled
def sites(heights: Ints, ones: Ints, columns: Ints, max_nodes: int) -> Ints:
    """LUT sites of each heap's sum. [n]

    heights, ones [n, most columns]: see `search`; columns [n]: how many of them a heap has.
    """
    found = np.zeros(len(columns), np.int64)
    for heap in range(len(columns)):
        n = columns[heap]
        found[heap] = search(heights[heap, :n], ones[heap, :n], False, max_nodes)[0]
    return found
