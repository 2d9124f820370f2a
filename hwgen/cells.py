"""The cells of a datapath, one class each: what a cell reads, means, counts as, and its Verilog.

A cell makes one net. A new kind is one class that is a `Cell`, and nothing else of this package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hwgen.emitter import bus
from hwgen.errors import NetlistError


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest value of a net."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise NetlistError(f"a range runs from {self.low} to {self.high}; low must come first")

    @property
    def signed(self) -> bool:
        return self.low < 0

    @property
    def width(self) -> int:
        """Bits: unsigned where no value is negative, else two's complement; at least one."""
        magnitude = max(self.high, -self.low - 1, 0).bit_length()
        return max(1, magnitude + self.signed)


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells by kind. additions: two-operand ones, a popcount of c bits being c - 1 of them.
    chains: of compressor trees, and the LUT sites that they take. tables:
    of a LUT network. products: of two numbers."""

    popcounts: int = 0
    adders: int = 0
    additions: int = 0
    adder_bits: int = 0
    comparisons: int = 0
    scores: int = 0
    chains: int = 0
    chain_luts: int = 0
    tables: int = 0
    products: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        pairs = zip(self._fields(), other._fields(), strict=True)
        return Tally(*(one + another for one, another in pairs))

    def _fields(self) -> tuple[int, ...]:
        return (
            self.popcounts,
            self.adders,
            self.additions,
            self.adder_bits,
            self.comparisons,
            self.scores,
            self.chains,
            self.chain_luts,
            self.tables,
            self.products,
        )


@dataclass(frozen=True, slots=True)
class Wires:
    """The nets as a cell finds them: the range of each, and its name in the cell's stage."""

    ranges: Sequence[Range]
    name: Callable[[int], str]


class Cell(Protocol):
    @property
    def reads(self) -> tuple[int, ...]:
        """The nets that it reads."""

    def value(self, values: Sequence[int]) -> int:
        """What it makes of the values of all nets before it."""

    @property
    def levels(self) -> int:
        """LUTs in a row: one, or none where it is wires."""

    def text(self) -> str:
        """Its line of a netlist's canonical text."""

    def tally(self, width: int) -> Tally:
        """What it counts as; width: bits of the net that it makes."""

    def verilog(self, net: int, wires: Wires) -> list[str]:
        """Lines that declare and drive `net`."""


@dataclass(frozen=True, slots=True)
class Bit:
    """A bit of a net, the lowest being bit 0: as it is, or inverted."""

    net: int
    inverted: bool
    index: int = 0

    def value(self, values: Sequence[int]) -> int:
        return values[self.net] >> self.index & 1 ^ self.inverted

    def text(self) -> str:
        return f"{'~' * self.inverted}n{self.net}" + (f"[{self.index}]" if self.index else "")

    def name(self, wires: Wires) -> str:
        """The bit before it is inverted."""
        name, width = wires.name(self.net), wires.ranges[self.net].width
        return name if width == 1 else f"{name}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Popcount:
    """How many of two to six bits are 1."""

    bits: tuple[Bit, ...]

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(bit.net for bit in self.bits)

    def value(self, values: Sequence[int]) -> int:
        return sum(bit.value(values) for bit in self.bits)

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return "count " + " ".join(bit.text() for bit in self.bits)

    def tally(self, width: int) -> Tally:
        return Tally(popcounts=1, additions=len(self.bits) - 1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        """An instance of popcount6, whose three bits are cut where fewer are enough."""
        width = wires.ranges[net].width
        named = ["~" * bit.inverted + bit.name(wires) for bit in reversed(self.bits)]
        padding = [f"{6 - len(self.bits)}'d0"] if len(self.bits) < 6 else []
        inputs = ", ".join([*padding, *named])
        count = f"c{net}" if width < 3 else f"n{net}"
        instance = f"popcount6 u_{net} (.bits({{{inputs}}}), .count({count}));"
        if width < 3:
            cut = f"wire {bus(width)} n{net} = c{net}{bus(width)};"
            return [f"wire [2:0] c{net};", instance, cut]
        return [f"wire {bus(width)} n{net};", instance]


@dataclass(frozen=True, slots=True)
class Operand:
    """A net, shifted left."""

    net: int
    shift: int = 0

    def text(self) -> str:
        return f"n{self.net}" + (f" << {self.shift}" if self.shift else "")

    def verilog(self, width: int, wires: Wires) -> str:
        return extended(wires.name(self.net), wires.ranges[self.net], self.shift, width)


@dataclass(frozen=True, slots=True)
class Add:
    """left + right, or left - right."""

    left: Operand
    right: Operand
    subtract: bool = False

    @property
    def reads(self) -> tuple[int, ...]:
        return self.left.net, self.right.net

    @property
    def _sign(self) -> str:
        return "-" if self.subtract else "+"

    def value(self, values: Sequence[int]) -> int:
        one, other = (values[o.net] << o.shift for o in (self.left, self.right))
        return one - other if self.subtract else one + other

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"{self.left.text()} {self._sign} {self.right.text()}"

    def tally(self, width: int) -> Tally:
        return Tally(adders=1, additions=1, adder_bits=width)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        width = wires.ranges[net].width
        one, other = (o.verilog(width, wires) for o in (self.left, self.right))
        return [f"wire {bus(width)} n{net} = {one} {self._sign} {other};"]


def extended(name: str, span: Range, shift: int, width: int) -> str:
    """A net shifted left and brought to `width` bits, by its sign where it has one."""
    kept = min(span.width, width - shift)
    body = name if kept == span.width else f"{name}[{kept - 1}:0]"
    missing = width - shift - kept
    parts = [body]
    if missing:
        fill = f"{name}[{span.width - 1}]" if span.signed else "1'b0"
        parts.insert(0, f"{{{missing}{{{fill}}}}}")
    if shift:
        parts.append(f"{shift}'d0")
    return parts[0] if len(parts) == 1 else "{" + ", ".join(parts) + "}"
