"""What arithmetic in fixed point takes, from the cells of its netlist."""

from math import ceil

from crshare.hardware.around import looked_up
from hwgen import Add, Compare, Netlist
from hwgen.number_cells import Chosen, Greater, Limited, Looked, Plus, Product, Rounded

COMPARED = 4  # bits that a LUT on a carry chain compares with a constant
MULTIPLIER = 25, 18  # bits of the factors of a DSP block


def number_luts(netlist: Netlist) -> int:
    """LUT6, by estimate; products are multipliers of the device."""
    total = 0
    for net, cell in enumerate(netlist.cells, start=netlist.n_inputs):
        width = netlist.ranges[net].width
        match cell:
            case Add() | Plus() | Rounded():
                total += width
            case Limited(source):
                total += width + 2 * ceil(netlist.ranges[source].width / COMPARED)
            case Greater():
                total += width + ceil(width / 2)
            case Chosen():
                total += width
            case Looked(source):
                total += looked_up(width, 1 << netlist.ranges[source].width)
            case _:
                pass
    for head in netlist.heads:
        if isinstance(head, Compare):
            span = netlist.ranges[head.net]
            total += 0 if head.limits == (0,) else ceil(span.width / COMPARED)
    return total


def multipliers(netlist: Netlist) -> int:
    """DSP blocks: one for each product, and more where factors are wider than one takes."""
    return sum(
        _blocks(*(netlist.ranges[net].width for net in cell.reads))
        for cell in netlist.cells
        if isinstance(cell, Product)
    )


def _blocks(one: int, other: int) -> int:
    wide, narrow = MULTIPLIER
    return ceil(max(one, other) / wide) * ceil(min(one, other) / narrow)
