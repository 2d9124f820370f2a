"""The nodes of an adder graph as bit heaps, and the netlist of their compressor trees.

A node of which only a comparison is wanted has no sum: the comparison is a heap of its own
(`tree_cells.TreeCells.reached`).
"""

from collections import Counter as Counts
from collections.abc import Iterable, Mapping
from dataclasses import replace

from crshare.hardware.tree_cells import Columns, TreeCells, ones_of
from hwgen import Bit, Compare, Fixed, Head, Linear, Netlist, Range
from hwgen.chains import Join
from solver.adder_graph import AdderGraph, Count, Heap, Node, Sum, Term
from solver.adder_graph.columns import bias


def heap_netlist(graph: AdderGraph, heads: tuple[Head, ...], n_classes: int) -> Netlist:
    """The netlist of a graph, every node of which becomes a compressor tree."""
    n = graph.n_inputs
    ends = zip(graph.low[:n].tolist(), graph.high[:n].tolist(), strict=True)
    spans = [Range(low, high) for low, high in ends]
    reads_class = any(isinstance(head, Compare) and len(set(head.limits)) > 1 for head in heads)
    cells = TreeCells([*spans, Range(0, n_classes - 1)] if reads_class else spans)
    edges = _Edges(graph, cells)
    alone = _compared_alone(graph, heads)
    for node in graph.nodes():
        if node.edge not in alone:
            edges.make(node)
    found = tuple(edges.head(head, alone) for head in heads)
    ranges, n_inputs = tuple(cells.ranges), n + reads_class
    return Netlist(n_inputs, ranges, tuple(cells.cells), found, n_classes, reads_class)


def _compared_alone(graph: AdderGraph, heads: Iterable[Head]) -> dict[int, Node]:
    """Nodes of which nothing is wanted but one comparison, by their edges."""
    readers = Counts[int](graph.term_edge.tolist())
    readers.update(
        head.net for head in heads if not isinstance(head, Fixed) and head.net is not None
    )
    compared = [head for head in heads if isinstance(head, Compare) and head.net >= graph.n_inputs]
    nodes = (
        graph.node(head.net - graph.n_inputs)
        for head in compared
        if readers[head.net] == 1 and _is_open(graph, head)
    )
    return {node.edge: node for node in nodes if _left_over(graph, node) == 0}


def _is_open(graph: AdderGraph, head: Compare) -> bool:
    """Whether no limit is such that the range alone decides the comparison."""
    low, high = int(graph.low[head.net]), int(graph.high[head.net])
    firsts = [limit + (not head.at_least) for limit in head.limits]
    return low >= 0 and low < min(firsts) and max(firsts) <= high


def _terms(node: Node) -> tuple[tuple[Term, ...], int]:
    """Terms that are added or subtracted, and a constant."""
    match node:
        case Heap(_, terms, constant):
            return terms, constant
        case Sum(_, left, right):
            return (left, right), 0
        case Count(_, bits):
            return bits, sum(term.negative for term in bits)


def _width(graph: AdderGraph, edge: int) -> int:
    return Range(int(graph.low[edge]), int(graph.high[edge])).width


def _left_over(graph: AdderGraph, node: Node) -> int:
    """The constant that is added beside the bits."""
    terms, constant = _terms(node)
    return constant - sum(
        int(bias(int(graph.low[t.edge]), _width(graph, t.edge), t.negative)) << t.shift
        for t in terms
    )


class _Edges:
    """What every edge of the graph has become: bits, the lowest first."""

    def __init__(self, graph: AdderGraph, cells: TreeCells) -> None:
        self.graph, self.cells = graph, cells
        self.bits: dict[int, list[Bit | None]] = {
            net: [Bit(net, False, place) for place in range(_width(graph, net))]
            for net in range(graph.n_inputs)
        }

    def make(self, node: Node) -> None:
        """The sum of a node, modulo 2 to its width."""
        width = _width(self.graph, node.edge)
        columns = self._columns(node, width)
        ones = ones_of(_left_over(self.graph, node), width)
        self.bits[node.edge] = self.cells.summed(columns, ones)

    def _columns(self, node: Node, width: int) -> Columns:
        """The bits that are added up, by weight."""
        columns: Columns = [[] for _ in range(width)]
        for term in _terms(node)[0]:
            bits = self.bits[term.edge]
            signed = bool(self.graph.low[term.edge] < 0)
            for place, bit in enumerate(bits):
                turned = term.negative != (signed and place == len(bits) - 1)
                if place + term.shift >= width:
                    continue
                read = self.cells.zero() if bit is None and turned else bit
                if read is not None:
                    found = replace(read, inverted=read.inverted != turned)
                    columns[place + term.shift].append(found)
        return columns

    def head(self, head: Head, alone: Mapping[int, Node]) -> Head:
        """The same head on the nets of the netlist."""
        match head:
            case Compare(edge) if _is_open(self.graph, head):
                return self._reached(head, alone.get(edge))
            case Compare(edge) | Linear(int(edge)) if edge >= self.graph.n_inputs:
                span = Range(int(self.graph.low[edge]), int(self.graph.high[edge]))
                return replace(head, net=self.cells.add(Join(tuple(self.bits[edge])), span))
            case _:
                return head

    def _reached(self, head: Compare, alone: Node | None) -> Compare:
        """A comparison as a heap of its own: of a node's terms, or of the bits of an edge."""
        if alone is not None:
            columns = self._columns(alone, _width(self.graph, alone.edge))
        else:
            columns = [[bit] if bit else [] for bit in self.bits[head.net]]
        firsts = [limit + (not head.at_least) for limit in head.limits]
        bit = self.cells.reached(columns, firsts, at_least=head.at_least)
        rises = not bit.inverted
        return Compare(bit.net, rises, (int(rises),) * len(head.limits))
