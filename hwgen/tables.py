"""The cell of a LUT network: any function of up to six bits, by its table."""

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.cells import Tally, Wires
from hwgen.errors import NetlistError
from hwgen.lut_tables import INPUTS as MAX_INPUTS
from hwgen.lut_tables import placed_table


@dataclass(frozen=True, slots=True)
class TruthTable:
    """The bit of a table that the inputs name, inputs[0] least significant. table: 2**n bits.

    placed: as an instance of LUT6_2, which synthesis takes as it is (yosys maps choices gate by
    gate: a large network takes it many minutes).
    """

    inputs: tuple[int, ...]
    table: int
    placed: bool = False

    def __post_init__(self) -> None:
        n = len(self.inputs)
        if not 0 < n <= MAX_INPUTS or self.table < 0 or self.table >> (1 << n):
            raise NetlistError(f"a table of {n} inputs has no entries {self.table:#x}")

    @property
    def reads(self) -> tuple[int, ...]:
        return self.inputs

    def value(self, values: Sequence[int]) -> int:
        return self.table >> sum(values[net] << j for j, net in enumerate(self.inputs)) & 1

    @property
    def levels(self) -> int:
        return 1

    def text(self) -> str:
        return f"table {self.table:x} " + " ".join(f"n{net}" for net in self.inputs)

    def tally(self, width: int) -> Tally:
        return Tally(tables=1)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        """Choices by one input after the other; the last input, inputs[0], is a bit as it is."""
        names = [wires.name(place) for place in self.inputs]
        if self.placed:
            return placed_table(f"n{net}", self.table, names)
        return [f"wire [0:0] n{net} = {chosen(names, self.table)};"]


def chosen(names: Sequence[str], table: int) -> str:
    """A table as an expression: constants, bits, inverted bits, and choices between these."""
    size = 1 << len(names)
    if table in (0, (1 << size) - 1):
        return "1'b1" if table else "1'b0"
    half = size >> 1
    low, high = table & ((1 << half) - 1), table >> half
    *others, name = names
    if low == high:
        return chosen(others, low)
    if not others:
        return name if high else f"~{name}"
    return f"({name} ? {chosen(others, high)} : {chosen(others, low)})"
