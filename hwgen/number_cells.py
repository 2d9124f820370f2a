"""Cells of numbers in fixed point: constants added, rounding, limits, choices, products, tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.cells import Operand, Range, Tally, Wires
from hwgen.datapath import compared
from hwgen.emitter import bus, constant, residue


def _value(operand: Operand, values: Sequence[int]) -> int:
    return values[operand.net] << operand.shift


@dataclass(frozen=True, slots=True)
class Plus:
    """constant + term, or constant - term."""

    term: Operand
    constant: int
    negative: bool = False

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.term.net,)

    @property
    def _sign(self) -> str:
        return "-" if self.negative else "+"

    def value(self, values: Sequence[int]) -> int:
        term = _value(self.term, values)
        return self.constant - term if self.negative else self.constant + term

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"{self.constant} {self._sign} {self.term.text()}"

    def tally(self, width: int) -> Tally:
        return Tally(adders=1, additions=1, adder_bits=width)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        width = wires.ranges[net].width
        term = self.term.verilog(width, wires)
        return [f"wire {bus(width)} n{net} = {residue(self.constant, width)} {self._sign} {term};"]


@dataclass(frozen=True, slots=True)
class Rounded:
    """term / 2**drop to the nearest integer; halves to even ones, or up."""

    term: Operand
    drop: int
    even: bool

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.term.net,)

    def value(self, values: Sequence[int]) -> int:
        term, half = _value(self.term, values), 1 << self.drop - 1
        if self.even:
            half -= 1 - (term >> self.drop & 1)
        return term + half >> self.drop

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        halves = "even" if self.even else "up"
        return f"round {self.term.text()} >> {self.drop}, halves {halves}"

    def tally(self, width: int) -> Tally:
        return Tally(adders=1, additions=1, adder_bits=width)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        width = wires.ranges[net].width
        whole = width + self.drop
        term, half = f"w{net}", 1 << self.drop - 1
        added = residue(half, whole)
        if self.even:
            added = f"{residue(half - 1, whole)} + {{{whole - 1}'d0, {term}[{self.drop}]}}"
        return [
            f"wire {bus(whole)} {term} = {self.term.verilog(whole, wires)};",
            f"wire {bus(whole)} r{net} = {term} + {added};",
            f"wire {bus(width)} n{net} = r{net}[{whole - 1}:{self.drop}];",
        ]


@dataclass(frozen=True, slots=True)
class Limited:
    """A net, or the nearer of two limits where it lies outside."""

    net: int
    low: int
    high: int

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.net,)

    def value(self, values: Sequence[int]) -> int:
        return min(max(values[self.net], self.low), self.high)

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"n{self.net} within [{self.low}, {self.high}]"

    def tally(self, width: int) -> Tally:
        return Tally(comparisons=2)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        span, name, width = wires.ranges[self.net], wires.name(self.net), wires.ranges[net].width
        below = compared(name, span, self.low - 1, at_least=False)
        above = compared(name, span, self.high + 1, at_least=True)
        kept = Operand(self.net).verilog(width, wires)
        low, high = (constant(limit, width) for limit in (self.low, self.high))
        return [f"wire {bus(width)} n{net} = {below} ? {low} : {above} ? {high} : {kept};"]


@dataclass(frozen=True, slots=True)
class Greater:
    """The greater of two nets."""

    left: int
    right: int

    @property
    def reads(self) -> tuple[int, ...]:
        return self.left, self.right

    def value(self, values: Sequence[int]) -> int:
        return max(values[self.left], values[self.right])

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"greater of n{self.left} and n{self.right}"

    def tally(self, width: int) -> Tally:
        return Tally(comparisons=1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        one, other = wires.ranges[self.left], wires.ranges[self.right]
        both = Range(min(one.low, other.low), max(one.high, other.high))
        sides = [Operand(side).verilog(both.width, wires) for side in self.reads]
        test = f"$signed(a{net}) > $signed(b{net})" if both.signed else f"a{net} > b{net}"
        width = wires.ranges[net].width
        return [
            f"wire {bus(both.width)} a{net} = {sides[0]}, b{net} = {sides[1]};",
            f"wire {bus(both.width)} g{net} = {test} ? a{net} : b{net};",
            f"wire {bus(width)} n{net} = g{net}{bus(width)};",
        ]


@dataclass(frozen=True, slots=True)
class Chosen:
    """`negative` where a net is negative, else `other`."""

    net: int
    negative: Operand
    other: Operand

    @property
    def reads(self) -> tuple[int, ...]:
        return self.net, self.negative.net, self.other.net

    def value(self, values: Sequence[int]) -> int:
        return _value(self.negative if values[self.net] < 0 else self.other, values)

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"n{self.net} < 0: {self.negative.text()}, else {self.other.text()}"

    def tally(self, width: int) -> Tally:
        return Tally()

    def verilog(self, net: int, wires: Wires) -> list[str]:
        span, width = wires.ranges[self.net], wires.ranges[net].width
        test = f"{wires.name(self.net)}[{span.width - 1}]" if span.signed else "1'b0"
        sides = (operand.verilog(width, wires) for operand in (self.negative, self.other))
        return [f"wire {bus(width)} n{net} = {test} ? {' : '.join(sides)};"]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a table holds for a net: values[k] where it is first + k, which it always is for a k."""

    net: int
    first: int
    values: tuple[int, ...]

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.net,)

    def value(self, values: Sequence[int]) -> int:
        return self.values[values[self.net] - self.first]

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"n{self.net} from {self.first} looked up in {' '.join(map(str, self.values))}"

    def tally(self, width: int) -> Tally:
        return Tally(tables=1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        """Each bit a constant that the bits of the net index."""
        name, key = wires.name(self.net), wires.ranges[self.net].width
        width, places = wires.ranges[net].width, 1 << key
        lines = [f"wire {bus(width)} n{net};"]
        for bit in range(width):
            column = sum(
                (value >> bit & 1) << (self.first + k) % places
                for k, value in enumerate(self.values)
            )
            lines += [
                f"localparam {bus(places)} t{net}_{bit} = {places}'h{column:x};",
                f"assign n{net}{f'[{bit}]' * (width > 1)} = t{net}_{bit}[{name}];",
            ]
        return lines


@dataclass(frozen=True, slots=True)
class Product:
    """The product of two nets, in a form of which tools make multipliers of the device."""

    left: int
    right: int

    @property
    def reads(self) -> tuple[int, ...]:
        return self.left, self.right

    def value(self, values: Sequence[int]) -> int:
        return values[self.left] * values[self.right]

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"n{self.left} * n{self.right}"

    def tally(self, width: int) -> Tally:
        return Tally(products=1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        sides, width = list[str](), wires.ranges[net].width
        for side in self.reads:
            plain = wires.name(side)
            signed = plain if wires.ranges[side].signed else f"{{1'b0, {plain}}}"
            sides.append(f"$signed({signed})")
        return [
            f"wire signed {bus(width)} p{net} = {' * '.join(sides)};",
            f"wire {bus(width)} n{net} = p{net};",
        ]


@dataclass(frozen=True, slots=True)
class Word:
    """A number of bits side by side, the lowest first; the last one is its sign where `signed`."""

    bits: tuple[int, ...]
    signed: bool

    @property
    def reads(self) -> tuple[int, ...]:
        return self.bits

    def value(self, values: Sequence[int]) -> int:
        found = sum(values[bit] << place for place, bit in enumerate(self.bits))
        return found - (values[self.bits[-1]] << len(self.bits) if self.signed else 0)

    @property
    def levels(self) -> int:
        return 0

    def text(self) -> str:
        return f"{'signed ' if self.signed else ''}word {' '.join(f'n{bit}' for bit in self.bits)}"

    def tally(self, width: int) -> Tally:
        return Tally()

    def verilog(self, net: int, wires: Wires) -> list[str]:
        named = ", ".join(wires.name(bit) for bit in reversed(self.bits))
        return [f"wire {bus(len(self.bits))} n{net} = {{{named}}};"]
