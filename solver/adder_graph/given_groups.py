"""Groups of outputs that a caller gives, as groups of the distinct rows that a graph is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from solver.adder_graph.errors import AdderGraphError
from solver.arrays import Ints

Groups = tuple[Ints, ...]


def checked_groups(groups: Sequence[npt.ArrayLike], n_outputs: int) -> Groups:
    """As arrays; AdderGraphError where an output is in none of them or in several."""
    arrays = tuple(np.asarray(group, np.int64) for group in groups)
    every = np.sort(np.concatenate([*arrays, np.zeros(0, np.int64)]))
    if not np.array_equal(every, np.arange(n_outputs)):
        raise AdderGraphError(
            f"groups must hold each of the outputs 0 to {n_outputs - 1} once, and no other"
        )
    return arrays


def groups_of_rows(groups: Groups, which: Ints) -> list[Ints]:
    """By the number of its distinct row for each output (-1: none), every row in the first group
    that has an output of it."""
    seen, found = set[int](), list[Ints]()
    for group in groups:
        own = [row for row in dict.fromkeys(which[group].tolist()) if row >= 0 and row not in seen]
        seen.update(own)
        if own:
            found.append(np.array(own, np.int64))
    return found
