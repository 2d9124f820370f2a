"""The kinds of nodes, one row each: whatever evaluates, bounds, costs or reads nodes asks here.

A node adds up its terms. What its kind says: what a negative term stands for, what becomes of the
sum, which terms are allowed, and what it costs. A new kind is one row of KINDS, and its Verilog.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from solver.adder_graph.errors import AdderGraphError
from solver.arrays import Flags, Forms, Ints
from solver.bit_heap.sites import QUICK_NODES, sites

MAX_COUNT_BITS = 6
MAX_SHIFT = 31


@dataclass(frozen=True, slots=True)
class Term:
    """An operand of a node: an edge, shifted left; negative means complemented or subtracted."""

    edge: int
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """How many of two to six bits are 1, a negative term standing for 1 - x."""

    edge: int
    bits: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """left + right, or left - right where right is negative."""

    edge: int
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Heap:
    """The sum of its terms, a negative one being subtracted, and a constant."""

    edge: int
    terms: tuple[Term, ...]
    constant: int


Node = Count | Sum | Heap


@dataclass(frozen=True, slots=True, eq=False)
class Operands:
    """The terms of all nodes of one kind: node v has `sizes[v]` of them, from `first[v]` on.

    is_bit: of every term, whether its edge is an input within [0, 1].
    """

    sizes: Ints
    edge: Ints
    shift: Ints
    negative: Flags
    is_bit: Flags

    @property
    def first(self) -> Ints:
        return np.cumsum(self.sizes) - self.sizes


@dataclass(frozen=True, slots=True, eq=False)
class Widths:
    """What the cost of some nodes depends on. [n_nodes] each

    sizes: terms. made: bits of the result. reach: bits up to which the first two terms go. wires:
    low bits of the result that only one of these two has, and that pass unchanged. heights, ones
    [n_nodes, columns]: bits of every weight that a heap adds up, and the constant ones among them.
    """

    sizes: Ints
    made: Ints
    reach: Ints
    wires: Ints
    heights: Ints
    ones: Ints

    def of(self, nodes: Flags) -> Widths:
        arrays = (self.sizes, self.made, self.reach, self.wires, self.heights, self.ones)
        return Widths(*(array[nodes] for array in arrays))


@dataclass(frozen=True, slots=True)
class Kind:
    """A row. `name` stands in an adder graph's text before the terms; a sum has none.

    complements: a negative term x stands for 1 - x; else it is subtracted. after: what becomes of
    the sum of the terms, a function that never falls; None where the node is that sum, exactly.
    Its range is then `after` of the sum's. obey: raises AdderGraphError for terms not allowed.
    node: an edge, its terms and its constant as a value. full_adders, lut6: what nodes cost.
    has_constant: whether a constant may be added.
    """

    name: str
    complements: bool
    obey: Callable[[Operands], None]
    node: Callable[[int, tuple[Term, ...], int], Node]
    full_adders: Callable[[Widths], Ints]
    lut6: Callable[[Widths], Ints]
    after: Callable[[Forms], Forms] | None = None
    has_constant: bool = False

    @property
    def exact(self) -> bool:
        return self.after is None

    def finish(self, sums: Forms) -> Forms:
        """What nodes become whose terms add up to `sums`."""
        return self.after(sums) if self.after else sums


def _obey_sum(terms: Operands) -> None:
    if (terms.sizes != 2).any():
        raise AdderGraphError("a sum must have two terms")
    first = terms.first
    if terms.negative[first].any():
        raise AdderGraphError("the left term of a sum is negative; negate outputs instead")
    shifts = np.stack([terms.shift[first], terms.shift[first + 1]])
    if (shifts < 0).any() or (shifts > MAX_SHIFT).any() or shifts.min(axis=0).any():
        raise AdderGraphError(f"a sum shifts one of its terms, by 0 to {MAX_SHIFT}")


def _obey_count(terms: Operands) -> None:
    if (terms.sizes > MAX_COUNT_BITS).any():
        raise AdderGraphError(f"a count has more than {MAX_COUNT_BITS} bits")
    if terms.shift.any():
        raise AdderGraphError("a bit of a count is shifted; counts take bits as they are")
    if not terms.is_bit.all():
        raise AdderGraphError(
            f"a count reads edge {terms.edge[terms.is_bit.argmin()]}; it may read only inputs "
            "within [0, 1]"
        )


def _obey_heap(terms: Operands) -> None:
    if (terms.shift < 0).any() or (terms.shift > MAX_SHIFT).any():
        raise AdderGraphError(f"a heap shifts its terms by 0 to {MAX_SHIFT}")


def _ripple(widths: Widths) -> Ints:
    positions: Ints = np.minimum(widths.reach, widths.made) - widths.wires
    return np.maximum(positions, 0)


def _compressors(widths: Widths) -> Ints:
    return np.maximum(widths.sizes - bit_lengths(widths.sizes), 1)


def _removed(widths: Widths) -> Ints:
    """A full adder takes one bit off a heap."""
    removed: Ints = np.maximum(widths.heights.sum(axis=1) - widths.made, 1)
    return removed


def _heap_sites(widths: Widths) -> Ints:
    return sites(widths.heights, widths.ones, widths.made, QUICK_NODES)


def bit_lengths(values: Ints) -> Ints:
    """int.bit_length of every value >= 0, below 2**53."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


SUM, COUNT, HEAP = 0, 1, 2
"""Codes: places in KINDS."""

KINDS: tuple[Kind, ...] = (
    Kind(
        name="",
        complements=False,
        obey=_obey_sum,
        node=lambda edge, terms, _: Sum(edge, *terms),
        full_adders=_ripple,
        lut6=lambda widths: np.maximum(widths.made - widths.wires, 0),
    ),
    Kind(
        name="count",
        complements=True,
        obey=_obey_count,
        node=lambda edge, terms, _: Count(edge, terms),
        full_adders=_compressors,
        lut6=lambda widths: widths.made,
    ),
    Kind(
        name="heap",
        complements=False,
        obey=_obey_heap,
        node=Heap,
        full_adders=_removed,
        lut6=_heap_sites,
        has_constant=True,
    ),
)


def complementing(kind: Ints) -> Flags:
    """Of every node, whether its negative terms are complemented. [n_nodes]"""
    return np.array([row.complements for row in KINDS])[kind]


def inexact(kind: Ints) -> Ints:
    """The nodes that are not simply the sum of their terms, in order."""
    return np.flatnonzero(~np.array([row.exact for row in KINDS])[kind])
