"""Sums that build each row from the row most similar to it: y = s * parent + 2 * (what differs)."""

from __future__ import annotations

import numpy as np

from solver.adder_graph.kernels import difference_terms, spanning_tree
from solver.adder_graph.sums import Sums, transpose
from solver.arrays import Ints


def row_differences(matrix: Ints) -> Sums:
    """Each row of the matrix from its parent in a minimum spanning tree of Hamming distance.

    Rows are compared up to sign; the tree's root is the zero row. (The same idea serves da4ml's
    first stage; here a difference of +-2 keeps its shift.)
    """
    n_rows, n_inputs = matrix.shape
    small = np.ascontiguousarray(matrix, dtype=np.int8)
    order, parent, sign = spanning_tree(small)
    node = np.empty(n_rows, dtype=np.int64)
    node[order] = n_inputs + np.arange(n_rows)
    start, source, coefficient = difference_terms(small, order, parent, sign, node)
    return Sums(
        n_inputs,
        n_rows,
        np.concatenate([start, start[-1] + 1 + np.arange(n_rows)]),
        np.concatenate([source, node]),
        np.concatenate([coefficient, np.ones(n_rows, dtype=np.int64)]),
    )


def column_differences(matrix: Ints) -> Sums:
    """The same on columns, turned round: inputs that act alike are first added together."""
    return transpose(row_differences(matrix.T))
