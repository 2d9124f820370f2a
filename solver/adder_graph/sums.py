"""The working form of all methods: sums of many signed, shifted terms, before they become adders.

Nodes 0 to n_inputs - 1 are inputs; sum s is node n_inputs + s and reads only nodes before it. The
last n_outputs sums are the outputs and nothing reads them. A coefficient is plus or minus a power
of two. A sum of t terms costs t - 1 additions, so a sum of one term (a name for another node) is
free. In this form a method states only what is added to what; `lower` chooses the adders.

Transposing the working form (every term's direction turned round, inputs and outputs exchanged)
transposes the matrix and keeps additions - n_inputs what it was where every input is used and no
output is 0: the transposition principle (Fiduccia 1973). So each method works on rows and, by way
of `transpose`, on columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solver.adder_graph.kernels import dissolved, levels_of, named, needed
from solver.arrays import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums in compressed rows: the terms of sum s are start[s] to start[s + 1]."""

    n_inputs: int
    n_outputs: int
    start: Ints
    source: Ints
    coefficient: Ints

    @property
    def n_sums(self) -> int:
        return len(self.start) - 1

    @property
    def additions(self) -> int:
        """Two-operand additions when every sum is added up on its own."""
        return int(np.maximum(np.diff(self.start) - 1, 0).sum())


Terms = Sequence[tuple[int, int]]  # (node, coefficient)


def from_rows(n_inputs: int, rows: Iterable[Terms], n_outputs: int) -> Sums:
    """Sums from one list of (node, coefficient) for each, in order."""
    lists = list(rows)
    flat = [term for row in lists for term in row]
    pairs = np.array(flat, dtype=np.int64).reshape(len(flat), 2)
    start = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(row) for row in lists], out=start[1:])
    return Sums(n_inputs, n_outputs, start, pairs[:, 0].copy(), pairs[:, 1].copy())


def from_matrix(matrix: Ints) -> Sums:
    """One sum for each row of a matrix [n_outputs, n_inputs] of -1, 0 and +1."""
    row, column = np.nonzero(matrix)
    return from_terms(matrix.shape[1], matrix.shape[0], row, column, matrix[row, column])


def distinct_rows(matrix: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows of a matrix without repetition up to sign and without zero rows.

    Out: these rows, in order of first appearance; and for every row of the matrix which of them it
    is (-1 for a zero row) and with which sign.
    """
    which, sign = np.full(len(matrix), -1), np.ones(len(matrix), dtype=np.int64)
    known, kept = dict[bytes, int](), list[int]()
    for row, weights in enumerate(matrix):
        filled = np.flatnonzero(weights)
        if len(filled):
            sign[row] = weights[filled[0]]
            key = (weights * sign[row]).tobytes()
            if key not in known:
                known[key] = len(kept)
                kept.append(row)
            which[row] = known[key]
    return matrix[kept] * sign[kept, None], which, sign


def spread(sums: Sums, which: Ints, sign: Ints) -> Sums:
    """Outputs that are (signed) copies of the given ones, or 0 where which is -1."""
    first = sums.n_inputs + sums.n_sums - sums.n_outputs
    filled = which >= 0
    start = np.concatenate([sums.start, sums.start[-1] + np.cumsum(filled)])
    source = np.concatenate([sums.source, first + which[filled]])
    coefficient = np.concatenate([sums.coefficient, sign[filled]])
    return Sums(sums.n_inputs, len(which), start, source, coefficient)


def from_terms(n_inputs: int, n_outputs: int, row: Ints, source: Ints, coefficient: Ints) -> Sums:
    """Sums with only the outputs, from (row, source, coefficient) sorted by row."""
    start = np.searchsorted(row, np.arange(n_outputs + 1)).astype(np.int64)
    return Sums(n_inputs, n_outputs, start, source.astype(np.int64), coefficient.astype(np.int64))


def transpose(sums: Sums) -> Sums:
    """The same additions run backwards: sums for the transposed matrix."""
    sums = pruned(sums)
    last = sums.n_inputs + sums.n_sums - 1
    reader = last - (sums.n_inputs + np.repeat(np.arange(sums.n_sums), np.diff(sums.start)))
    made = last - sums.source - sums.n_outputs
    order = np.argsort(made, kind="stable")
    n_sums = last + 1 - sums.n_outputs
    start = np.searchsorted(made[order], np.arange(n_sums + 1)).astype(np.int64)
    backward = Sums(sums.n_outputs, sums.n_inputs, start, reader[order], sums.coefficient[order])
    return _ends_reversed(backward)


def _ends_reversed(sums: Sums) -> Sums:
    """Inputs and outputs in the opposite order (transposing numbers both backwards)."""
    inputs = np.where(sums.source < sums.n_inputs, sums.n_inputs - 1 - sums.source, sums.source)
    inner = sums.n_sums - sums.n_outputs
    order = np.arange(sums.n_sums)
    order[inner:] = order[inner:][::-1]
    return _reordered(
        Sums(sums.n_inputs, sums.n_outputs, sums.start, inputs, sums.coefficient), order
    )


def _reordered(sums: Sums, order: Ints) -> Sums:
    """The sums order[0], order[1], ... in this order; those left out must be read by none."""
    sizes = np.diff(sums.start)[order]
    start = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(sizes, out=start[1:])
    index = np.repeat(sums.start[:-1][order] - start[:-1], sizes) + np.arange(start[-1])
    name = np.arange(sums.n_inputs + sums.n_sums)
    name[sums.n_inputs + order] = sums.n_inputs + np.arange(len(order))
    return Sums(
        sums.n_inputs, sums.n_outputs, start, name[sums.source[index]], sums.coefficient[index]
    )


def ordered(sums: Sums) -> Sums:
    """The same sums with every source before its reader, outputs last; no circles allowed."""
    level = levels_of(sums.n_inputs, sums.start, sums.source)
    inner = sums.n_sums - sums.n_outputs
    order = np.arange(sums.n_sums)
    order[:inner] = np.argsort(level[:inner], kind="stable")
    return _reordered(sums, order)


def pruned(sums: Sums) -> Sums:
    """Without sums that no output needs, and with sums of one term replaced by that term."""
    return _without_dead(_without_names(sums))


def _without_names(sums: Sums) -> Sums:
    """Readers of a sum of one term read that term; the sum itself stays for pruning."""
    target, factor = named(sums.n_inputs, sums.start, sums.source, sums.coefficient)
    return Sums(
        sums.n_inputs, sums.n_outputs, sums.start,
        target[sums.source], sums.coefficient * factor[sums.source],
    )  # fmt: skip


def _without_dead(sums: Sums) -> Sums:
    n_nodes = sums.n_inputs + sums.n_sums
    outputs = np.arange(n_nodes - sums.n_outputs, n_nodes)
    live = needed(sums.n_inputs, outputs, sums.start, sums.source)
    return _reordered(sums, np.flatnonzero(live[sums.n_inputs :]))


def inlined(sums: Sums, away: npt.NDArray[np.bool_]) -> Sums | None:
    """Without the marked inner sums [n_sums], their terms standing where they were read.

    None where a node would enter a sum with a coefficient that is no power of two.
    """
    start, source, coefficient, sound = dissolved(
        sums.n_inputs, sums.start, sums.source, sums.coefficient, away
    )
    if not sound:
        return None
    return pruned(Sums(sums.n_inputs, sums.n_outputs, start, source, coefficient))
