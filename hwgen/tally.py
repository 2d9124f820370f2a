"""Cells counted from the netlist that is emitted."""

from dataclasses import dataclass

from hwgen.netlist import Add, Compare, Fixed, Linear, Netlist, Popcount


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells by kind. additions: two-operand ones, a popcount of c bits being c - 1 of them."""

    popcounts: int = 0
    adders: int = 0
    additions: int = 0
    adder_bits: int = 0
    comparisons: int = 0
    scores: int = 0

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
        )


def tally(netlist: Netlist) -> Tally:
    """What a netlist is made of."""
    total = Tally()
    for place, cell in enumerate(netlist.cells, start=netlist.n_inputs):
        match cell:
            case Popcount(bits):
                total += Tally(popcounts=1, additions=len(bits) - 1)
            case Add():
                total += Tally(adders=1, additions=1, adder_bits=netlist.ranges[place].width)
    for head in netlist.heads:
        match head:
            case Compare():
                total += Tally(comparisons=1)
            case Linear():
                total += Tally(scores=1)
            case Fixed():
                pass
    return total
