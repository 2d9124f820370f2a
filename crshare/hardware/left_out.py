"""Inputs that a plan leaves out for some outputs, as a matrix-vector unit takes them.

Lanes share a mask where they leave out the same inputs in every turn, so the order in which a unit
gives the outputs decides how many masks it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crshare.arrays import Int8Array, Int64Array


@dataclass(frozen=True, slots=True)
class Arranged:
    """order: the outputs, turn after turn and lane by lane. masks: for each lane the number of its
    mask from 1, 0 where it needs none."""

    order: tuple[int, ...]
    masks: tuple[int, ...]

    @property
    def n_masks(self) -> int:
        return max(self.masks)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """sets: for each output the number of the set of inputs that it leaves out, 0 for none."""

    sets: tuple[int, ...]

    def arranged(self, pe: int) -> Arranged:
        """The outputs in an order that takes few masks: like ones in a turn, or all that leave
        inputs out in few lanes."""
        outputs = sorted(range(len(self.sets)), key=lambda output: (not self.sets[output], output))
        like = sorted(outputs, key=self.sets.__getitem__)
        turns = len(outputs) // pe
        few = [outputs[lane * turns + turn] for turn in range(turns) for lane in range(pe)]
        found = [Arranged(tuple(order), self._masks(order, pe)) for order in (like, few)]
        return min(found, key=lambda one: one.n_masks)

    def _masks(self, order: Sequence[int], pe: int) -> tuple[int, ...]:
        lanes = [tuple(self.sets[output] for output in order[lane::pe]) for lane in range(pe)]
        numbers = {seen: 0 for seen in lanes if not any(seen)}
        for seen in lanes:
            if seen not in numbers:
                numbers[seen] = 1 + sum(number > 0 for number in numbers.values())
        return tuple(numbers[seen] for seen in lanes)


def left_out(weights: Int8Array | Int64Array) -> LeftOut | None:
    """Of weights [inputs, outputs]; None where all inputs count."""
    if weights.all():
        return None
    zeros = np.packbits(weights.T == 0, axis=1)
    rows = [row.tobytes() if row.any() else b"" for row in zeros]
    numbers = {row: number for number, row in enumerate(dict.fromkeys([b"", *sorted(rows)]))}
    return LeftOut(tuple(numbers[row] for row in rows))


def of_both_parities(weights: Int8Array) -> bool:
    """Whether some outputs, the last axis, count an even number of inputs and some an odd one."""
    counted = np.count_nonzero(weights, axis=tuple(range(weights.ndim - 1)))
    return bool((counted & 1).any() and not (counted & 1).all())
