"""What a netlist means, in plain Python: the meaning that the Verilog must have."""

from collections.abc import Sequence

from hwgen.netlist import Compare, Fixed, Head, Linear, Netlist


def interpret(netlist: Netlist, inputs: Sequence[int], window_class: int = 0) -> list[int]:
    """The heads' values, bits as 0 and 1, for one window."""
    values = [*inputs, window_class] if netlist.reads_class else list(inputs)
    for cell in netlist.cells:
        values.append(cell.value(values))
    return [_head(head, values, window_class) for head in netlist.heads]


def _head(head: Head, values: Sequence[int], window_class: int) -> int:
    match head:
        case Compare(net, at_least, per_class):
            limit = per_class[window_class]
            return int(values[net] >= limit if at_least else values[net] <= limit)
        case Fixed(fixed):
            return int(fixed[window_class])
        case Linear(net, factor):
            constant = head.constants[window_class if head.per_class else 0]
            return constant if net is None else factor * values[net] + constant
