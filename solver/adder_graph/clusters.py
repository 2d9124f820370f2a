"""Which outputs share a bucket group: outputs that are alike, so that few sign patterns occur."""

from __future__ import annotations

import numpy as np

from solver.arrays import Flags, Floats, Ints


def clustered(matrix: Ints, n_groups: int) -> list[Ints]:
    """Groups of outputs, as equal in size as can be, that agree or disagree on many inputs.

    Each group begins with the most alike pair that is left and takes, one at a time, the output
    most like all its members together; likeness is |agreements - disagreements|.
    """
    if not len(matrix):
        return []
    signs = matrix.astype(np.float64)
    likeness = np.abs(signs @ signs.T)
    np.fill_diagonal(likeness, -1.0)
    nearest, most = likeness.argmax(axis=1), likeness.max(axis=1)
    left = np.ones(len(matrix), dtype=np.bool_)
    groups = list[Ints]()
    for number in range(n_groups, 0, -1):
        size = -(-int(left.sum()) // number)
        group = _grown(likeness, left, int(most.argmax()), size)
        groups.append(group)
        left[group] = False
        likeness[:, group], most[group] = -np.inf, -np.inf
        stale = np.flatnonzero(left & ~left[nearest])
        nearest[stale], most[stale] = likeness[stale].argmax(axis=1), likeness[stale].max(axis=1)
    return groups


def _grown(likeness: Floats, left: Flags, first: int, size: int) -> Ints:
    group, total = [first], np.where(left, likeness[:, first], -np.inf)
    while len(group) < size:
        total[group[-1]] = -np.inf
        group.append(int(total.argmax()))
        total += likeness[:, group[-1]]
    return np.array(group, dtype=np.int64)
