"""A facility location on a dense table of costs, in well under a millisecond, with no bound.

For the early passes of a search, whose answers are soon thrown away; `solve` gives answers that
are checked and bounded.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from solver.arrays import Floats, Ints


def serve_quickly(costs: npt.NDArray[Any], opening: float) -> Ints:
    """The candidate that serves each item: costs [items, candidates], one opening cost for all.

    Greedy addition (Kuehn & Hamburger 1963), then dropping what no longer pays.
    """
    table = np.ascontiguousarray(costs, np.float32)
    opened = _add(table, opening)
    opened = _drop(table[:, opened], opened, opening)
    taken: Ints = opened[table[:, opened].argmin(axis=1)]
    return taken


def _add(table: npt.NDArray[np.float32], opening: float) -> Ints:
    opened = [int(table.sum(axis=0).argmin())]
    paid = table[:, opened[0]]
    while True:
        gain = np.maximum(paid[:, None] - table, 0).sum(axis=0)
        best = int(gain.argmax())
        if gain[best] <= opening or best in opened:
            return np.array(opened)
        opened.append(best)
        paid = np.minimum(paid, table[:, best])


def _drop(table: npt.NDArray[np.float32], opened: Ints, opening: float) -> Ints:
    """`table` [items, opened]: close what saves less than it costs, the least useful first."""
    while len(opened) > 1:
        nearest = np.argpartition(table, 1, axis=1)[:, :2]
        two: Floats = np.take_along_axis(table, nearest, axis=1).astype(np.float64)
        saved = np.bincount(nearest[:, 0], two[:, 1] - two[:, 0], len(opened))
        least = int(saved.argmin())
        if saved[least] >= opening:
            break
        opened, table = np.delete(opened, least), np.delete(table, least, axis=1)
    return opened
