"""Sums that build each row on the row most like it: y = s * parent + 2 * (what differs)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from solver.adder_graph.sums import Sums, from_rows, transpose

Ints = npt.NDArray[np.int64]


def row_differences(matrix: Ints) -> Sums:
    """Each row of the matrix from its parent in a minimum spanning tree of Hamming distance.

    Rows are compared up to sign; the tree's root is the zero row. (The same idea serves da4ml's
    first stage; here a difference of +-2 keeps its shift.)
    """
    n_rows, n_inputs = matrix.shape
    order, parent, sign = _spanning_tree(matrix)
    node = {row: n_inputs + place for place, row in enumerate(order)}
    rows = [_terms(matrix, row, parent[row], sign[row], node) for row in order]
    rows += [[(node[row], 1)] for row in range(n_rows)]
    return from_rows(n_inputs, rows, n_rows)


def column_differences(matrix: Ints) -> Sums:
    """The same on columns, turned round: inputs that act alike are first added together."""
    return transpose(row_differences(matrix.T))


def _terms(
    matrix: Ints, row: int, parent: int, sign: int, node: dict[int, int]
) -> list[tuple[int, int]]:
    if parent < 0:
        return [(int(c), int(matrix[row, c])) for c in np.flatnonzero(matrix[row])]
    difference = matrix[row] - sign * matrix[parent]
    terms = [(int(c), int(difference[c])) for c in np.flatnonzero(difference)]
    return [(node[parent], int(sign)), *terms]


def _spanning_tree(matrix: Ints) -> tuple[list[int], Ints, Ints]:
    """Prim's tree from the zero row: order of joining, parent (-1: the zero row), sign. [rows]"""
    n_rows = len(matrix)
    distance = np.count_nonzero(matrix, axis=1).astype(np.float64) - 1
    parent, sign = np.full(n_rows, -1), np.ones(n_rows, dtype=np.int64)
    waiting = np.ones(n_rows, dtype=np.bool_)
    values, filled = matrix.astype(np.float32), (matrix != 0).astype(np.float32)
    size = filled.sum(axis=1)
    order = list[int]()
    while waiting.any():
        here = int(np.where(waiting, distance, np.inf).argmin())
        waiting[here] = False
        order.append(here)
        product, both = values @ values[here], filled @ filled[here]
        away = size + size[here] - both - (both + np.abs(product)) / 2
        nearer = waiting & (away < distance)
        distance[nearer], parent[nearer] = away[nearer], here
        sign[nearer] = np.where(product[nearer] < 0, -1, 1)
    return order, parent, sign
