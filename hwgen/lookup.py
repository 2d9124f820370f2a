"""The cell of a small table of numbers: any function of up to six bits, several bits of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hwgen.cells import Bit, Tally, Wires
from hwgen.emitter import bus
from hwgen.errors import NetlistError
from hwgen.lut_tables import INPUTS, Site


@dataclass(frozen=True, slots=True)
class Lookup:
    """numbers[k] where the bits, the first least significant, are k.

    packed: LUT6_2 cells, each of two bits of the number where at most five bits are read.
    """

    bits: tuple[Bit, ...]
    numbers: tuple[int, ...]
    packed: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.bits) <= INPUTS or len(self.numbers) != 1 << len(self.bits):
            raise NetlistError(f"{len(self.bits)} bits do not name {len(self.numbers)} numbers")

    @property
    def reads(self) -> tuple[int, ...]:
        return tuple(bit.net for bit in self.bits)

    def value(self, values: Sequence[int]) -> int:
        return self.numbers[sum(bit.value(values) << k for k, bit in enumerate(self.bits))]

    @property
    def levels(self) -> int:
        return 1

    @property
    def width(self) -> int:
        """Bits of the numbers."""
        return max(1, max(self.numbers).bit_length())

    @property
    def sites(self) -> int:
        """LUT sites: one for each bit, or for every two."""
        return -(-self.width // 2) if self._pairs else self.width

    @property
    def _pairs(self) -> bool:
        return self.packed and len(self.bits) < INPUTS

    def text(self) -> str:
        bits = " ".join(bit.text() for bit in self.bits)
        return f"numbers {' '.join(map(str, self.numbers))} of {bits}"

    def tally(self, width: int) -> Tally:
        return Tally(chain_luts=self.sites) if self.packed else Tally(tables=self.sites)

    def verilog(self, net: int, wires: Wires) -> list[str]:
        lines = [f"wire {bus(self.width)} n{net};"]
        if not self.packed:
            return [*lines, *(self._table(net, place, wires) for place in range(self.width))]
        step = 1 + self._pairs
        for place in range(0, self.width, step):
            read = step == 2 and place + 1 < self.width
            lower = f"n{net}[{place + 1}]" if read else f"t{net}_{place}"
            if not read:
                lines.append(f"wire t{net}_{place};")
            second = self._bit(place + 1) if self._pairs else None
            site = Site(self.bits, self._bit(place), second)
            lines.append(site.verilog(f"l{net}_{place}", f"n{net}[{place}]", lower, wires))
        return lines

    def _bit(self, place: int) -> Callable[[tuple[int, ...]], int]:
        return lambda bits: self.numbers[sum(b << k for k, b in enumerate(bits))] >> place & 1

    def _table(self, net: int, place: int, wires: Wires) -> str:
        """A constant that the bits index: one LUT."""
        size, given = (
            len(self.numbers),
            ", ".join("~" * bit.inverted + bit.name(wires) for bit in reversed(self.bits)),
        )
        table = sum((number >> place & 1) << k for k, number in enumerate(self.numbers))
        name = f"T{net}_{place}"
        declared = f"localparam {bus(size)} {name} = {size}'h{table:x};"
        return f"{declared} assign n{net}[{place}] = {name}[{{{given}}}];"
