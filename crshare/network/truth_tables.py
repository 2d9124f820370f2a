"""Nodes of a LUT layer as functions: what they really read, in one order, so that equals are equal.

A table of k inputs is a number of 2**k bits; bit e is the value where input j is bit j of e.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crshare.network.lut_ops import Lut


@dataclass(frozen=True, slots=True)
class Function:
    """places: of the inputs that the value depends on, ascending and all different. table: of
    2**len(places) entries; input j is places[j]."""

    places: tuple[int, ...]
    table: int

    @property
    def inverse(self) -> "Function":
        return Function(self.places, self.table ^ full(len(self.places)))

    @property
    def is_constant(self) -> bool:
        return not self.places

    @property
    def is_wire(self) -> bool:
        """One input, as it is or inverted."""
        return len(self.places) == 1

    @property
    def is_costless(self) -> bool:
        """Constants and wires take no LUT."""
        return len(self.places) < 2

    @property
    def positive(self) -> "Function":
        """Itself or its inverse: the one that is 0 where all inputs are."""
        return self.inverse if self.table & 1 else self


def functions_of(op: Lut) -> list[Function]:
    """Each node as a function of the places of its window."""
    rows = zip(op.connections.tolist(), op.tables.tolist(), strict=True)
    return [function(places, table) for places, table in rows]


def function(places: Sequence[int], table: int) -> Function:
    """The function of a table whose inputs stand in any order, twice or in vain."""
    at = list(places)
    for end in range(len(at) - 1, 0, -1):
        for j in range(end):
            if at[j] > at[j + 1]:
                table = swapped(table, len(at), j)
                at[j], at[j + 1] = at[j + 1], at[j]
    for j in range(len(at) - 2, -1, -1):
        if at[j] == at[j + 1]:
            table = _identified(table, len(at), j)
            del at[j + 1]
    for j in range(len(at) - 1, -1, -1):
        low, high = (cofactor(table, len(at), j, value) for value in (0, 1))
        if low == high:
            table = low
            del at[j]
    return Function(tuple(at), table)


def full(n_inputs: int) -> int:
    """The table whose entries are all 1."""
    return (1 << (1 << n_inputs)) - 1


def variable(n_inputs: int, j: int) -> int:
    """The table that is input j."""
    step = 1 << j
    block = ((1 << step) - 1) << step
    return sum(block << start for start in range(0, 1 << n_inputs, 2 * step))


VARIABLES = {k: [variable(k, j) for j in range(k)] for k in range(7)}


def swapped(table: int, n_inputs: int, j: int) -> int:
    """Inputs j and j + 1 in each other's place."""
    one, other = VARIABLES[n_inputs][j : j + 2]
    only_one, only_other = table & one & ~other, table & other & ~one
    shift = (1 << (j + 1)) - (1 << j)
    return table ^ only_one ^ only_other | only_one << shift | only_other >> shift


def cofactor(table: int, n_inputs: int, j: int, value: int) -> int:
    """The table of the other inputs where input j has this value."""
    step = 1 << j
    block = (1 << step) - 1
    starts = range(value * step, 1 << n_inputs, 2 * step)
    return sum((table >> start & block) << place * step for place, start in enumerate(starts))


def chosen(low: int, high: int, n_inputs: int, j: int) -> int:
    """The table of n_inputs inputs whose cofactors at input j these are."""
    step = 1 << j
    block = (1 << step) - 1
    found = 0
    for place in range(1 << (n_inputs - 1 - j)):
        both = low >> place * step & block | (high >> place * step & block) << step
        found |= both << 2 * place * step
    return found


def _identified(table: int, n_inputs: int, j: int) -> int:
    """Inputs j and j + 1 as one."""
    low, high = (
        cofactor(cofactor(table, n_inputs, j + 1, value), n_inputs - 1, j, value)
        for value in (0, 1)
    )
    return chosen(low, high, n_inputs - 1, j)
