"""Cells counted from the netlist that is emitted."""

from hwgen.cells import Tally
from hwgen.netlist import Compare, Fixed, Linear, Netlist


def tally(netlist: Netlist) -> Tally:
    """What a netlist is made of."""
    total = Tally()
    for place, cell in enumerate(netlist.cells, start=netlist.n_inputs):
        total += cell.tally(netlist.ranges[place].width)
    for head in netlist.heads:
        match head:
            case Compare():
                total += Tally(comparisons=1)
            case Linear():
                total += Tally(scores=1)
            case Fixed():
                pass
    return total
