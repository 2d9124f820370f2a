"""Which outputs share a bucket group: outputs that are alike, so that few sign patterns occur."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from solver.arrays import Flags, Ints

Likeness = npt.NDArray[np.floating[Any]]

_EXACT = 2**24  # whole numbers up to it are exact in 32-bit floats, and a group's sums are below


def likeness(matrix: Ints) -> Likeness:
    """|agreements - disagreements| of all pairs of outputs, exactly; -1 of one with itself."""
    exact = np.float32 if matrix.size < _EXACT else np.float64
    signs: Likeness = matrix.astype(exact)
    found: Likeness = np.abs(signs @ signs.T)
    np.fill_diagonal(found, -1.0)
    return found


def clustered(matrix: Ints, n_groups: int, alike: Likeness | None = None) -> list[Ints]:
    """Groups of outputs, as equal in size as can be, that agree or disagree on many inputs.

    Each group begins with the most alike pair that is left and takes, one at a time, the output
    most like all its members together. alike: `likeness` of the matrix, where it is at hand.
    """
    if not len(matrix):
        return []
    left_alike = likeness(matrix) if alike is None else alike.copy()
    nearest, most = left_alike.argmax(axis=1), left_alike.max(axis=1)
    left = np.ones(len(matrix), dtype=np.bool_)
    groups = list[Ints]()
    for number in range(n_groups, 0, -1):
        size = -(-int(left.sum()) // number)
        group = _grown(left_alike, left, int(most.argmax()), size)
        groups.append(group)
        left[group] = False
        left_alike[:, group], most[group] = -np.inf, -np.inf
        stale = np.flatnonzero(left & ~left[nearest])
        rows = left_alike[stale]
        nearest[stale], most[stale] = rows.argmax(axis=1), rows.max(axis=1)
    return groups


def _grown(alike: Likeness, left: Flags, first: int, size: int) -> Ints:
    group, total = [first], np.where(left, alike[:, first], -np.inf).astype(alike.dtype)
    while len(group) < size:
        total[group[-1]] = -np.inf
        group.append(int(total.argmax()))
        total += alike[:, group[-1]]
    return np.array(group, dtype=np.int64)
