"""Sums that follow a sharing plan: each slice taken from a representative, some corrected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.adder_graph.buckets import signed_patterns
from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.sums import Sums, Terms, from_rows
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
    rows = list[Terms]()
    outputs: list[list[tuple[int, int]]] = [[] for _ in range(n_outputs)]
    for group in range(len(slices.representatives)):
        first = int(slices.starts[group])
        nodes = _representatives(slices, group, first, n_inputs, rows)
        made = dict[tuple[int, bytes], int]()
        wanted = applied[:, first : int(slices.starts[group + 1])]
        for output, use in enumerate(slices.use[group].tolist()):
            sign = 1 if use > 0 else -1
            pattern = sign * wanted[output]
            key = (abs(use), pattern.tobytes())
            if key not in made:
                base = slices.representatives[group][abs(use) - 1]
                made[key] = _mended(nodes[abs(use) - 1], base, pattern, first, n_inputs, rows)
            outputs[output].append((made[key], sign))
    return from_rows(n_inputs, [*rows, *outputs], n_outputs)


def _mended(
    node: int, base: Ints, pattern: Ints, first: int, n_inputs: int, rows: list[Terms]
) -> int:
    """The node of a pattern: the representative's own, or it with +-2x where they differ."""
    places = np.flatnonzero(base != pattern)
    if not len(places):
        return node
    rows.append([(node, 1), *((first + int(p), 2 * int(pattern[p])) for p in places)])
    return n_inputs + len(rows) - 1


def _representatives(
    slices: Slices, group: int, first: int, n_inputs: int, rows: list[Terms]
) -> list[int]:
    """The node of every representative of a group that is used; -1 for the others."""
    patterns = slices.representatives[group]
    cut = patterns.shape[1] // 2
    used = np.unique(np.abs(slices.use[group])) - 1
    left, left_sign = _table(patterns[used, :cut], first, n_inputs, rows)
    right, right_sign = _table(patterns[used, cut:], first + cut, n_inputs, rows)
    nodes = [-1] * len(patterns)
    for place, r in enumerate(used.tolist()):
        parts = [(left[place], int(left_sign[place]))] if cut else []
        rows.append([*parts, (right[place], int(right_sign[place]))])
        nodes[r] = n_inputs + len(rows) - 1
    return nodes


def _table(halves: Ints, first: int, n_inputs: int, rows: list[Terms]) -> tuple[list[int], Ints]:
    """One sum for each distinct half pattern up to sign; every half's node and sign."""
    if not halves.shape[1]:
        return [], np.ones(0, dtype=np.int64)
    patterns, sign = signed_patterns(halves.T)
    distinct, which = np.unique(patterns.T, axis=0, return_inverse=True)
    start = n_inputs + len(rows)
    for pattern in distinct:
        rows.append([(first + place, int(weight)) for place, weight in enumerate(pattern)])
    return [start + int(w) for w in which.reshape(-1)], sign
