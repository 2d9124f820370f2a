"""The depth of a mapped netlist in LUT levels: the most LUTs on a path between registers and ports.

A carry chain belongs to the level of the LUTs that drive it, and so does a multiplexer behind LUTs.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from hwgen.errors import ToolError
from hwgen.mapped import MappedCell
from hwgen.primitives import primitive

Arc = tuple[int, int, int]  # from a net to a net, and the LUTs between them


def levels(cells: Iterable[MappedCell], top: str) -> int:
    """The depth of the cells; ToolError where they have a loop that no register cuts."""
    fanout, waiting = defaultdict[int, list[tuple[int, int]]](list), Counter[int]()
    for cell in cells:
        for source, sink, luts in arcs(cell):
            fanout[source].append((sink, luts))
            waiting[sink] += 1
    ready = [net for net in fanout if net not in waiting]
    found, n_open = defaultdict[int, int](int), len(waiting)
    while ready:
        net = ready.pop()
        for sink, luts in fanout.get(net, ()):
            found[sink] = max(found[sink], found[net] + luts)
            waiting[sink] -= 1
            if not waiting[sink]:
                ready.append(sink)
                n_open -= 1
    if n_open:
        raise ToolError(f"{top} has a loop of LUTs without a register, so it has no depth; cut it")
    return max(found.values(), default=0)


def arcs(cell: MappedCell) -> Iterator[Arc]:
    """Each pair of nets between which the cell lets a value through without a clock."""
    delay = primitive(cell.type).delay
    inputs = list(_pins(cell.ports("input")))
    for pin, sink in _pins(cell.ports("output")):
        for other, source in inputs:
            luts = delay(other, pin)
            if luts is not None:
                yield source, sink, luts


def _pins(
    ports: Iterable[tuple[str, tuple[int | str, ...]]],
) -> Iterator[tuple[tuple[str, int], int]]:
    """The pins that carry a net; those at a constant start no path."""
    for port, nets in ports:
        for bit, net in enumerate(nets):
            if isinstance(net, int):
                yield (port, bit), net
