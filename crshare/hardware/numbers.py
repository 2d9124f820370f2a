"""Arithmetic in fixed point as cells: integers with exact ranges; shifts and signs cost nothing.

A Number is a net shifted left, perhaps negated, or a constant; what is made twice is one cell.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from crshare.network.fixed_point import rounded as rounded_to
from hwgen import Add, Cell, Linear, Netlist, Operand, Range
from hwgen.netlist import Compare, Fixed, Head
from hwgen.number_cells import Chosen, Greater, Limited, Looked, Plus, Product, Rounded
from solver.shift_adds import ShiftAdds, Term, shift_adds


@dataclass(frozen=True, slots=True)
class Number:
    """(net << shift), negated where `negative`, or the constant `low` without a net."""

    net: int | None
    low: int
    high: int
    shift: int = 0
    negative: bool = False

    @property
    def operand(self) -> Operand:
        assert self.net is not None
        return Operand(self.net, self.shift)

    def shifted(self, places: int) -> "Number":
        """Times 2**places."""
        shift = self.shift + (0 if self.net is None else places)
        return replace(self, low=self.low << places, high=self.high << places, shift=shift)

    @property
    def turned(self) -> "Number":
        """Times -1."""
        negative = not self.negative and self.net is not None
        return replace(self, low=-self.high, high=-self.low, negative=negative)


class Numbers:
    """The cells so far of a netlist with these inputs."""

    def __init__(self, inputs: Iterable[Range]) -> None:
        self.ranges = list(inputs)
        self.n_inputs = len(self.ranges)
        self.cells: list[Cell] = []
        self.known: dict[Cell, int] = {}

    def input(self, net: int) -> Number:
        return Number(net, self.ranges[net].low, self.ranges[net].high)

    def made(self, cell: Cell, low: int, high: int) -> Number:
        """What a cell gives, within these bounds."""
        if cell not in self.known:
            self.known[cell] = len(self.ranges)
            self.ranges.append(Range(low, high))
            self.cells.append(cell)
        return Number(self.known[cell], low, high)

    def plain(self, number: Number) -> int:
        """A net of the number itself."""
        if number.net is None:
            raise ValueError("a constant is no net")
        if number.shift == 0 and not number.negative:
            return number.net
        made = self.made(Plus(number.operand, 0, number.negative), number.low, number.high)
        assert made.net is not None
        return made.net

    def plus(self, number: Number, constant: int) -> Number:
        low, high = number.low + constant, number.high + constant
        if number.net is None or not constant:
            return replace(number, low=low, high=high)
        return self.made(Plus(number.operand, constant, number.negative), low, high)

    def add(self, one: Number, other: Number, ends: tuple[int, int] | None = None) -> Number:
        """ends: of the sum, where they are narrower than those of the two together."""
        if one.net is None or other.net is None:
            given, fixed = (other, one) if one.net is None else (one, other)
            return self.plus(given, fixed.low)
        low, high = ends or (one.low + other.low, one.high + other.high)
        if one.negative and other.negative:
            return self.add(one.turned, other.turned, (-high, -low)).turned
        if one.negative:
            one, other = other, one
        cell = Add(one.operand, other.operand, subtract=other.negative)
        return self.made(cell, low, high)

    def times(self, number: Number, factor: int) -> Number:
        if number.net is None:
            return replace(number, low=number.low * factor, high=number.high * factor)
        return self.rows([number], shift_adds([[factor]]))[0]

    def rows(self, inputs: Sequence[Number], graph: ShiftAdds) -> list[Number]:
        """The rows of an integer matrix, of inputs that are nets; every sum has its exact range."""
        nodes = list(inputs)
        weights = [{place: 1} for place in range(len(inputs))]
        for one in graph.sums:
            right = nodes[one.right].shifted(one.shift)
            left = nodes[one.left].shifted(one.left_shift)
            sign = -1 if one.subtract else 1
            combined = dict.fromkeys([*weights[one.left], *weights[one.right]], 0)
            for place, weight in weights[one.left].items():
                combined[place] += weight << one.left_shift
            for place, weight in weights[one.right].items():
                combined[place] += sign * (weight << one.shift)
            weights.append(combined)
            ends = _ends(inputs, combined)
            nodes.append(self.add(left, right.turned if one.subtract else right, ends))
        return [self._row(nodes, term) for term in graph.rows]

    def _row(self, nodes: Sequence[Number], term: Term | None) -> Number:
        if term is None:
            return Number(None, 0, 0)
        found = nodes[term.node].shifted(term.shift)
        return found.turned if term.negative else found

    def rounded(self, number: Number, drop: int, *, even: bool) -> Number:
        """Divided by 2**drop, to the nearest integer."""
        low, high = (rounded_to(end, drop, even=even) for end in (number.low, number.high))
        if number.net is None:
            return replace(number, low=low, high=high)
        if number.shift >= drop and drop >= 0:
            return replace(number, low=low, high=high, shift=number.shift - drop)
        operand = Operand(self.plain(number)) if number.negative else number.operand
        spare = min(operand.shift, drop)
        cell = Rounded(Operand(operand.net, operand.shift - spare), drop - spare, even)
        return self.made(cell, low, high)

    def limited(self, number: Number, low: int, high: int) -> Number:
        ends = tuple(min(max(end, low), high) for end in (number.low, number.high))
        if ends == (number.low, number.high) or number.net is None:
            return replace(number, low=ends[0], high=ends[1])
        if ends[0] == ends[1]:
            return Number(None, ends[0], ends[0])
        return self.made(Limited(self.plain(number), max(low, ends[0]), min(high, ends[1])), *ends)

    def leaked(self, number: Number, slope: int, one: int) -> Number:
        """Where it is negative times slope, else times `one`, a power of two."""
        upper = number.shifted(one.bit_length() - 1)
        if number.low >= 0 or slope == one:
            return upper
        if slope == 0:
            return self.limited(upper, 0, max(upper.high, 0))
        lower = self.times(number, slope)
        return lower if number.high < 0 else self.chosen(number, lower, upper)

    def chosen(self, number: Number, lower: Number, upper: Number) -> Number:
        """`lower` where a number is negative, else `upper`, which is 0 or more there."""
        ends = lower.low, lower.high, 0, upper.high
        sides = (
            Operand(self.plain(side)) if side.negative else side.operand for side in (lower, upper)
        )
        return self.made(Chosen(self.plain(number), *sides), min(ends), max(ends))

    def greater(self, one: Number, other: Number) -> Number:
        ends = max(one.low, other.low), max(one.high, other.high)
        return self.made(Greater(self.plain(one), self.plain(other)), *ends)

    def product(self, one: Number, other: Number) -> Number:
        if one.net is None or other.net is None:
            given, fixed = (other, one) if one.net is None else (one, other)
            return self.times(given, fixed.low)
        ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
        return self.made(Product(self.plain(one), self.plain(other)), min(ends), max(ends))

    def multiplied(self, numbers: Sequence[Number]) -> Number:
        """The product of all, two at a time."""
        return _by_pairs(self.product, numbers)

    def looked_up(self, number: Number, first: int, values: Sequence[int]) -> Number:
        """values[k] where the number is first + k."""
        own = tuple(values[number.low - first : number.high - first + 1])
        if min(own) == max(own):
            return Number(None, own[0], own[0])
        return self.made(Looked(self.plain(number), number.low, own), min(own), max(own))

    def total(self, numbers: Sequence[Number]) -> Number:
        """The sum of all, two at a time."""
        return _by_pairs(self.add, numbers)

    def greatest(self, numbers: Sequence[Number]) -> Number:
        """The greatest of all, two at a time."""
        return _by_pairs(self.greater, numbers)

    def netlist(self, heads: Sequence[Head]) -> Netlist:
        return Netlist(self.n_inputs, tuple(self.ranges), tuple(self.cells), tuple(heads))


def _by_pairs(join: Callable[[Number, Number], Number], numbers: Sequence[Number]) -> Number:
    waiting = list(numbers)
    while len(waiting) > 1:
        pairs = zip(waiting[::2], waiting[1::2], strict=False)
        left = waiting[-1:] if len(waiting) % 2 else []
        waiting = [join(one, other) for one, other in pairs] + left
    return waiting[0]


def head_of(number: Number) -> Linear:
    """A number as an output."""
    factor = (-1 if number.negative else 1) << number.shift
    return Linear(number.net, factor, number.low if number.net is None else 0)


def sign_of(numbers: Numbers, number: Number, least: int) -> Head:
    """The bit that says whether a number is at least so much."""
    if number.net is None:
        return Fixed((number.low >= least,))
    net = numbers.plain(number)
    return Compare(net, True, (least,))


def _ends(inputs: Sequence[Number], weights: dict[int, int]) -> tuple[int, int]:
    ends = [
        sorted((weight * inputs[place].low, weight * inputs[place].high))
        for place, weight in weights.items()
    ]
    return sum(low for low, _ in ends), sum(high for _, high in ends)
