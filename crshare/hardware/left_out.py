"""Inputs that a plan leaves out for some outputs, as a matrix-vector unit takes them.

Outputs that leave the same inputs out stand together, so that the lanes of a turn share one mask.
"""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Int8Array, Int64Array


@dataclass(frozen=True, slots=True)
class LeftOut:
    """order: the outputs as a unit gives them. sets: for each of these the number of the set of
    inputs that it leaves out, 0 where it leaves out none."""

    order: tuple[int, ...]
    sets: tuple[int, ...]

    def masks(self, pe: int) -> tuple[int, ...]:
        """For each of so many lanes the number of its mask from 1, 0 where it needs none.

        Lanes share a mask that leave the same inputs out in every turn.
        """
        turns = [self.sets[lane::pe] for lane in range(pe)]
        numbers = {seen: 0 for seen in turns if not any(seen)}
        for seen in turns:
            if seen not in numbers:
                numbers[seen] = 1 + sum(number > 0 for number in numbers.values())
        return tuple(numbers[seen] for seen in turns)


def left_out(weights: Int8Array | Int64Array) -> LeftOut | None:
    """Of weights [inputs, outputs]; None where all inputs count."""
    if weights.all():
        return None
    zeros = np.packbits(weights.T == 0, axis=1)
    rows = [row.tobytes() if row.any() else b"" for row in zeros]
    order = sorted(range(len(rows)), key=lambda output: (rows[output], output))
    numbers = {row: number for number, row in enumerate(dict.fromkeys([b"", *sorted(rows)]))}
    return LeftOut(tuple(order), tuple(numbers[rows[output]] for output in order))


def of_both_parities(weights: Int8Array) -> bool:
    """Whether some outputs, the last axis, count an even number of inputs and some an odd one."""
    counted = np.count_nonzero(weights, axis=tuple(range(weights.ndim - 1)))
    return bool((counted & 1).any() and not (counted & 1).all())
