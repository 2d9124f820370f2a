"""Which outputs share a bucket group: outputs that are alike, so that few sign patterns occur."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from solver.arrays import Ints


def clustered(matrix: Ints, n_groups: int) -> list[Ints]:
    """Groups of outputs, as equal in size as can be, that agree or disagree on many inputs.

    Each group begins with the most alike pair that is left and takes, one at a time, the output
    most like all its members together; likeness is |agreements - disagreements|.
    """
    signs = matrix.astype(np.float64)
    likeness = np.abs(signs @ signs.T)
    np.fill_diagonal(likeness, -1.0)
    left = np.arange(len(matrix))
    groups = list[Ints]()
    for number in range(n_groups, 0, -1):
        size = -(-len(left) // number)
        chosen = _grown(likeness[np.ix_(left, left)], size)
        groups.append(left[chosen])
        left = np.delete(left, chosen)
    return groups


def _grown(likeness: npt.NDArray[np.float64], size: int) -> list[int]:
    group = [int(likeness.max(axis=1).argmax())]
    while len(group) < size:
        total = likeness[:, group].sum(axis=1)
        total[group] = -np.inf
        group.append(int(total.argmax()))
    return group
