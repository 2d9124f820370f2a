"""Sums that follow a sharing plan: each slice taken from a representative, some corrected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.adder_graph.buckets import codes, signed_patterns
from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.sums import Sums
from solver.arrays import Flags, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """What a sharing plan says of a matrix [n_outputs, n_inputs], as plain arrays.

    starts [G + 1]: group g holds the consecutive inputs starts[g] to starts[g + 1].
    representatives: for each group its patterns [R_g, N_g] of +1 and -1.
    use [G, n_outputs]: the representative that an output takes in a group, counted from 1;
    negative for its inverse. corrected [G, n_outputs]: whether the positions in which it differs
    from the matrix are mended, each with +-2x; else the representative stands in as it is.
    """

    starts: Ints
    representatives: tuple[Ints, ...]
    use: Ints
    corrected: Flags

    def __post_init__(self) -> None:
        n_groups = len(self.representatives)
        rising = self.starts.shape == (n_groups + 1,) and not self.starts[0]
        if not rising or (np.diff(self.starts) < 1).any():
            raise AdderGraphError(f"starts must rise from 0 over {n_groups} groups of inputs")
        if self.use.shape != self.corrected.shape or self.use.shape[:1] != (n_groups,):
            raise AdderGraphError(
                f"use {self.use.shape} and corrected {self.corrected.shape} must both be "
                f"[{n_groups}, n_outputs]"
            )
        for group, patterns in enumerate(self.representatives):
            self._check_group(group, patterns)

    def _check_group(self, group: int, patterns: Ints) -> None:
        size = int(self.starts[group + 1] - self.starts[group])
        if patterns.ndim != 2 or patterns.shape[1] != size or (np.abs(patterns) != 1).any():
            raise AdderGraphError(f"group {group}: representatives must be rows of {size} +1 or -1")
        taken = np.abs(self.use[group])
        if ((taken < 1) | (taken > len(patterns))).any():
            raise AdderGraphError(
                f"group {group}: use names a representative beyond 1 to {len(patterns)}"
            )


def effective_matrix(matrix: Ints, slices: Slices) -> Ints:
    """The weights that the plan applies [n_outputs, n_inputs]: what the graph computes."""
    shape = (slices.use.shape[1], int(slices.starts[-1]))
    if matrix.shape != shape:
        raise AdderGraphError(f"matrix has shape {matrix.shape}; the slices cover {shape}")
    applied = matrix.copy()
    for group in range(len(slices.representatives)):
        part = slice(slices.starts[group], slices.starts[group + 1])
        kept = slices.corrected[group][:, None]
        applied[:, part] = np.where(kept, matrix[:, part], _taken(slices, group))
    return applied


def _taken(slices: Slices, group: int) -> Ints:
    """The representative of every output with its sign. [n_outputs, N_g]"""
    use = slices.use[group]
    rows: Ints = slices.representatives[group][np.abs(use) - 1] * np.sign(use)[:, None]
    return rows


def slice_sums(matrix: Ints, slices: Slices) -> Sums:
    """Representatives once, each from two half patterns; corrections; then one sum an output."""
    applied = effective_matrix(matrix, slices)
    n_outputs, n_inputs = matrix.shape
    rows = _Rows(n_inputs)
    read = np.empty((len(slices.representatives), n_outputs), dtype=np.int64)
    for group in range(len(slices.representatives)):
        first = int(slices.starts[group])
        nodes = _representatives(slices, group, first, rows)
        read[group] = nodes[np.abs(slices.use[group]) - 1]
        wanted = (
            applied[:, first : int(slices.starts[group + 1])] * np.sign(slices.use[group])[:, None]
        )
        _mend(read[group], wanted, slices, group, rows)
    rows.add(read.T, np.sign(slices.use).T)
    return rows.sums(n_outputs)


class _Rows:
    """Sums as they are made, by blocks of equal size."""

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs, self.n_rows = n_inputs, 0
        self.sizes, self.source, self.coefficient = (list[Ints]() for _ in range(3))

    def add(self, source: Ints, coefficient: Ints) -> Ints:
        """Sums of these terms [n, terms]; their nodes."""
        n, size = source.shape
        self.sizes.append(np.full(n, size))
        self.source.append(source.ravel())
        self.coefficient.append(coefficient.ravel())
        self.n_rows += n
        return self.n_inputs + self.n_rows - n + np.arange(n)

    def sums(self, n_outputs: int) -> Sums:
        """All of them; the last ones are the outputs."""
        start = np.append(0, np.cumsum(np.concatenate(self.sizes)))
        source, coefficient = np.concatenate(self.source), np.concatenate(self.coefficient)
        return Sums(self.n_inputs, n_outputs, start, source, coefficient.astype(np.int64))


def _mend(read: Ints, wanted: Ints, slices: Slices, group: int, rows: _Rows) -> None:
    """Outputs that want [n_outputs, N_g] what is not their representative, up to the sign that they
    take it with, read it with +-2x where the two differ: one sum for all that want the same."""
    taken = np.abs(slices.use[group])
    bases = slices.representatives[group][taken - 1]
    made = dict[tuple[int, bytes], int]()
    for output in np.flatnonzero((wanted != bases).any(axis=1)).tolist():
        key = int(taken[output]), wanted[output].tobytes()
        if key not in made:
            places = np.flatnonzero(wanted[output] != bases[output])
            source = np.append(read[output], slices.starts[group] + places)
            (made[key],) = rows.add(
                source[None], np.append(1, 2 * wanted[output, places])[None]
            ).tolist()
        read[output] = made[key]


def _representatives(slices: Slices, group: int, first: int, rows: _Rows) -> Ints:
    """The node of every representative of a group that is used; -1 for the others."""
    patterns = slices.representatives[group]
    cut = patterns.shape[1] // 2
    used = np.unique(np.abs(slices.use[group])) - 1
    halves = [_table(patterns[used, :cut], first, rows)] if cut else []
    halves.append(_table(patterns[used, cut:], first + cut, rows))
    source, sign = (np.stack(parts, axis=1) for parts in zip(*halves, strict=True))
    nodes = np.full(len(patterns), -1)
    nodes[used] = rows.add(source, sign)
    return nodes


def _table(halves: Ints, first: int, rows: _Rows) -> tuple[Ints, Ints]:
    """One sum for each distinct half pattern up to sign; every half's node and sign."""
    patterns, sign = signed_patterns(halves.T)
    _, kept, which = np.unique(codes(patterns), return_index=True, return_inverse=True)
    distinct = patterns[:, kept].T
    inputs = np.broadcast_to(first + np.arange(halves.shape[1]), distinct.shape)
    return rows.add(inputs, distinct)[which.reshape(-1)], sign
