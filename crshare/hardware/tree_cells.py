"""Compressor trees as cells: which bit of which net goes where.

The tree of a heap comes from `solver.bit_heap` as numbers of bits; here each number becomes bits of
nets, those first that are there first, constants last. A heap of which only `sum >= limit` is
wanted gets 2**width - limit as an operand, and the bit of 2**width is the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hwgen import Bit, Cell, Range
from hwgen.chains import ByClass, Chain, Counter, Join, Reaches
from hwgen.links import Link, LinkKind
from solver import bit_heap

Columns = list[list[Bit]]


def ones_of(constant: int, width: int) -> list[int]:
    """The bits of a constant, the lowest first."""
    return [constant >> place & 1 for place in range(width)]


@dataclass(frozen=True)
class _Heap:
    """What is left to be added up: bits and a constant 1 by weight."""

    columns: Columns
    ones: list[int]

    @property
    def heights(self) -> list[int]:
        return [len(bits) + one for bits, one in zip(self.columns, self.ones, strict=True)]


class TreeCells:
    """Cells so far, and the level of every net."""

    def __init__(self, ranges: list[Range]) -> None:
        self.class_net, self.ranges = len(ranges) - 1, ranges
        self.cells, self.levels = list[Cell](), [0] * len(ranges)

    def add(self, cell: Cell, span: Range) -> int:
        """The net that a cell makes."""
        self.cells.append(cell)
        self.ranges.append(span)
        below = max((self.levels[net] for net in cell.reads), default=0)
        self.levels.append(below + cell.levels)
        return len(self.ranges) - 1

    def summed(self, columns: Columns, ones: list[int]) -> list[Bit | None]:
        """The bits of the sum modulo 2 to the number of columns; None for one that is 0."""
        heap = _Heap([list(bits) for bits in columns], list(ones))
        tree = bit_heap.compressor_tree(heap.heights, ones, top=False)
        for chain in tree.chains:
            self._reduce(heap, chain)
        if tree.last is not None:
            return self._ended(heap, tree.last)
        left = zip(heap.columns, heap.ones, strict=True)
        return [self._single(bits, one) for bits, one in left]

    def _single(self, bits: list[Bit], one: int) -> Bit | None:
        if one:
            return replace(self.zero(), inverted=True)
        return bits[0] if bits else None

    def zero(self) -> Bit:
        """A bit that is always 0."""
        return Bit(self.add(Join((None,)), Range(0, 1)), False)

    def reached(self, columns: Columns, limits: Sequence[int], *, at_least: bool) -> Bit:
        """Whether the sum is at least the limit of the window's class; or whether it is not.

        Limits lie within 1 and the greatest sum. That so many bits are 1 is that as many fewer are
        0: the way of fewer sites is taken.
        """
        most = sum(len(bits) << place for place, bits in enumerate(columns))
        zeros = [[replace(bit, inverted=not bit.inverted) for bit in bits] for bits in columns]
        turned = [most - limit + 1 for limit in limits]
        found = []
        for bits, firsts, inverted in ((columns, limits, not at_least), (zeros, turned, at_least)):
            n = max(len(bits), max(*firsts, most if bits is zeros else 0).bit_length())
            heap, numbers = self._compared(bits, [(1 << n) - first for first in firsts], n)
            tree = bit_heap.compressor_tree(heap.heights, heap.ones, top=True)
            found.append((tree.sites + inverted, inverted, heap, tree, numbers))
        _, inverted, heap, tree, numbers = min(found, key=lambda one: one[:2])
        if numbers:
            self.add(ByClass(self.class_net, numbers), Range(0, max(numbers)))
        for chain in tree.chains:
            self._reduce(heap, chain)
        bit = self._top_bit(heap, tree.last)
        return replace(bit, inverted=bit.inverted != inverted)

    def _compared(
        self, columns: Columns, added: Sequence[int], n: int
    ) -> tuple[_Heap, tuple[int, ...]]:
        """Bits and a number for each class in n columns; the part of it that the class decides."""
        common = [int(all(number >> place & 1 for number in added)) for place in range(n)]
        constant = sum(one << place for place, one in enumerate(common))
        differing = [number - constant for number in added]
        some = [place for place in range(n) if any(number >> place & 1 for number in differing)]
        empty: Columns = [[] for _ in range(n + 1 - len(columns))]
        heap = _Heap([list(bits) for bits in columns] + empty, [*common, 0])
        for index, place in enumerate(some):
            heap.columns[place].append(Bit(len(self.ranges), False, index))
        numbers = tuple(
            sum((number >> place & 1) << index for index, place in enumerate(some))
            for number in differing
        )
        return heap, numbers if some else ()

    def _top_bit(self, heap: _Heap, last: bit_heap.Chain | None) -> Bit:
        if last is None:
            return heap.columns[-1][0] if heap.columns[-1] else self.zero()
        if last.links[0].kind is bit_heap.LinkKind.TABLE:
            return Bit(self._table(heap, last), False)
        chain, _ = self._chain(heap, last)
        cell = replace(chain, top_alone=True)
        return Bit(self.add(cell, cell.range), False)

    def _table(self, heap: _Heap, last: bit_heap.Chain) -> int:
        columns, ones = heap.columns[last.column :], heap.ones[last.column :]
        bits = tuple(bit for column in columns for bit in column)
        weights = tuple(1 << place for place, column in enumerate(columns) for _ in column)
        constant = sum(one << place for place, one in enumerate(ones))
        return self.add(Reaches(bits, weights, (1 << len(columns) - 1) - constant), Range(0, 1))

    def _reduce(self, heap: _Heap, chain: bit_heap.Chain) -> None:
        """Bits off the heap, and what they add up to back on it."""
        if chain.loose:
            bits, one = self._take(heap, chain.column, 3)
            net = self.add(Counter(tuple(bits), one), Range(0, 3))
            made, first = [Bit(net, False, 0), Bit(net, False, 1)], [0, 1]
        else:
            cell, n = self._chain(heap, chain)
            net = self.add(cell, cell.range)
            made = [Bit(net, False, place) for place in range(cell.range.width)]
            first = [min(place, n) for place in range(len(made))]
        for bit, place in zip(made, first, strict=True):
            if chain.column + place < len(heap.columns):
                heap.columns[chain.column + place].append(bit)

    def _ended(self, heap: _Heap, last: bit_heap.Chain) -> list[Bit | None]:
        below = [self._single(heap.columns[c], heap.ones[c]) for c in range(last.column)]
        cell, n = self._chain(heap, last)
        net = self.add(cell, cell.range)
        room = len(heap.columns) - last.column
        made: list[Bit | None] = [Bit(net, False, place) for place in range(min(n + 1, room))]
        return below + made + [None] * (room - len(made))

    def _chain(self, heap: _Heap, chain: bit_heap.Chain) -> tuple[Chain, int]:
        """A chain with its bits, and its positions."""
        links, column = list[Link](), chain.column
        carry_in: Bit | int = 0
        routed = False
        for link in chain.links:
            wanted = list(link.bits)
            if chain.carry_in and not links:
                wanted[0] += 1
            taken = [self._take(heap, column + place, n) for place, n in enumerate(wanted)]
            bits = [found for found, _ in taken]
            constant = sum(one << place for place, (_, one) in enumerate(taken))
            if chain.carry_in and not links:
                prefers_bit = link.kind is bit_heap.LinkKind.GROUP
                carry_in, constant = _begin(bits[0], constant, prefers_bit=prefers_bit)
            kind = LinkKind[link.kind.name]
            extra = None
            if kind is LinkKind.TERNARY and not routed and len(bits[0]) == 4:
                extra = _plain_first(bits[0])
            if kind is LinkKind.SIX:
                bits = [bits[0], []]
            links.append(Link(kind, tuple(map(tuple, bits)), constant, extra))
            routed = kind is LinkKind.TERNARY
            column += len(bits)
        cell = Chain(tuple(links), carry_in)
        return cell, cell.n_positions

    def _take(self, heap: _Heap, column: int, n: int) -> tuple[list[Bit], int]:
        """n bits off a column, those first that are there first; and 1 for its constant."""
        if n == 0:
            return [], 0
        waiting = sorted(heap.columns[column], key=lambda bit: self.levels[bit.net])
        taken, heap.columns[column] = waiting[:n], waiting[n:]
        one = heap.ones[column] if n > len(taken) else 0
        heap.ones[column] -= one
        return taken, one


def _begin(bits: list[Bit], constant: int, *, prefers_bit: bool) -> tuple[Bit | int, int]:
    """What the carry into a chain is, taken off the first column: a constant 1 if there is one.

    A group has room for a constant, but not for more bits: there a bit is taken first.
    """
    if constant & 1 and not (prefers_bit and bits):
        return 1, constant - 1
    return _plain_first(bits), constant


def _plain_first(bits: list[Bit]) -> Bit:
    """Take the first bit that is not inverted, if there is one."""
    place = next((place for place, bit in enumerate(bits) if not bit.inverted), 0)
    return bits.pop(place)
