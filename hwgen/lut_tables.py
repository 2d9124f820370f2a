"""One LUT site: two functions of at most five inputs, or one of six, as an instance of LUT6_2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from hwgen.cells import Wires
from hwgen.errors import NetlistError

INPUTS = 6
Function = Callable[[tuple[int, ...]], int]  # of the bits, inversions done
NO_NETS = Wires((), str)  # for inputs that know their names


class Input(Protocol):
    """A bit that a LUT reads; `inverted` ones are inverted inside of the table."""

    @property
    def inverted(self) -> bool: ...

    def name(self, wires: Wires) -> str:
        """Its wire, before it is inverted."""


@dataclass(frozen=True, slots=True)
class Site:
    """upper, lower: what leaves at O6 and O5; None: nothing that is read."""

    bits: tuple[Input, ...]
    upper: Function
    lower: Function | None = None

    def __post_init__(self) -> None:
        most = INPUTS if self.lower is None else INPUTS - 1
        if len(self.bits) > most:
            raise NetlistError(f"a LUT of {len(self.bits)} inputs; this is a fault of crshare")

    @property
    def init(self) -> int:
        """The table: bit k is the value where the inputs are k."""
        if self.lower is None:
            return _table(self.bits, self.upper, INPUTS)
        halves = (_table(self.bits, half, INPUTS - 1) for half in (self.upper, self.lower))
        upper, lower = halves
        return upper << (1 << INPUTS - 1) | lower

    def verilog(self, name: str, upper: str, lower: str, wires: Wires) -> str:
        """An instance; upper and lower name the wires that it drives."""
        named = [bit.name(wires) for bit in self.bits]
        named += ["1'b0"] * (INPUTS - len(named))
        if self.lower is not None:
            named[-1] = "1'b1"
        inputs = ", ".join(f".I{place}({wire})" for place, wire in enumerate(named))
        init = f"#(.INIT(64'h{self.init:016X}))"
        return f"LUT6_2 {init} {name} (.O6({upper}), .O5({lower}), {inputs});"


@dataclass(frozen=True, slots=True)
class Wire:
    """A bit by its name in Verilog."""

    text: str
    inverted: bool = False

    def name(self, wires: Wires) -> str:
        return self.text


def placed_table(name: str, table: int, inputs: Sequence[str]) -> list[str]:
    """The wire `name`, and a site that drives it with the entry of a table that inputs name."""
    bits, unread = tuple(map(Wire, inputs)), f"{name}_unread"

    def entry(given: tuple[int, ...]) -> int:
        return table >> sum(bit << place for place, bit in enumerate(given)) & 1

    site = Site(bits, entry).verilog(f"{name}_lut", name, unread, NO_NETS)
    return [f"wire [0:0] {name}; wire {unread};", site]


def _table(bits: Sequence[Input], function: Function, n_inputs: int) -> int:
    """The function's values one after another; inputs beyond the bits change nothing."""
    found = 0
    for place, given in enumerate(product((0, 1), repeat=len(bits))):
        values = zip(given[::-1], bits, strict=True)
        found |= function(tuple(value ^ bit.inverted for value, bit in values)) << place
    for size in range(len(bits), n_inputs):
        found |= found << (1 << size)
    return found
