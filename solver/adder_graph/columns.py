"""The columns of heaps: how many bits of every weight a heap adds up, as hardware reads its terms.

An edge of w bits that is never negative gives its bits; subtracted, it gives them inverted, which
is 2**w - 1 - x. One that may be negative has the sign bit inverted as well, which adds 2**(w - 1).
What that adds too much, and the heap's own constant, are constant ones in the columns, modulo 2 to
the number of columns: the width of the result.
"""

from __future__ import annotations

from solver.arrays import Flags, Ints
from solver.compiled import compiled


@compiled
def bias(low: int, width: int, negative: bool) -> int:
    """What the bits of a term, as a number that is never negative, exceed the term by."""
    if low < 0:
        return (1 << (width - 1)) - int(negative)
    return (1 << width) - 1 if negative else 0


@compiled
def fill_columns(
    heaps: Ints, start: Ints, edge: Ints, shift: Ints, negative: Flags, constant: Ints,
    low: Ints, width: Ints, made: Ints, heights: Ints, ones: Ints,
) -> None:  # fmt: skip
    """The columns of the given nodes in heights and ones [n_nodes, columns], which are zero.

    low, width [n_edges]; made [n_nodes]: columns that count.
    """
    for node in heaps:
        left = constant[node]
        for t in range(start[node], start[node + 1]):
            read = edge[t]
            left -= bias(low[read], width[read], negative[t]) << shift[t]
            for bit in range(shift[t], min(width[read] + shift[t], made[node])):
                heights[node, bit] += 1
        for bit in range(made[node]):
            ones[node, bit] = (left >> bit) & 1
            heights[node, bit] += ones[node, bit]
