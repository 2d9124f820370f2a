"""What an adder graph costs: additions, full adders, LUT6 and depth, one rule for every method.

* additions: a sum is one two-operand addition, a count of c bits is c - 1.
* full adders, from exact widths. The width of an edge is that of its range: bit_length(high) bits
  where low >= 0, else two's complement. A sum has one full adder for each bit position in which it
  has two operands or a carry to ripple: the larger of the shifted operands' widths, less the low
  positions that are wires (those below the shift of a shifted right term, or of a shifted left term
  that is not subtracted from), and never more than the positions of its own exact width. The carry
  out of the last position is the top bit or the sign of the result and costs no adder of its own;
  half adders count as full ones. A count of c bits has c - bit_length(c) full adders, as in a
  compressor tree of full adders (3 bits: 1, 6 bits: 3), and a count of two bits has one.
  A heap has one for each bit that it has more than its result.
* lut6, an estimate: for a sum or a count one LUT6 for each bit that it makes, wires left out. On
  current devices an adder takes one LUT6 for each bit, a count of up to six bits one for each bit
  of its result. A heap takes the LUT sites of its compressor tree (`solver.bit_heap`).
* depth: two-operand additions on the longest path; a count or a heap of c terms is ceil(log2(c))
  deep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.adder_graph.columns import fill_columns
from solver.adder_graph.graph import AdderGraph
from solver.adder_graph.kernels import node_depths
from solver.adder_graph.kinds import HEAP, KINDS, Widths, bit_lengths
from solver.arrays import Ints
from solver.choices import ADDER_LUTS, LUT6


@dataclass(frozen=True, slots=True)
class Cost:
    """What a graph costs; adds up over layers, the depth being the largest."""

    additions: int = 0
    full_adders: int = 0
    lut6: int = 0
    depth: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.additions + other.additions,
            self.full_adders + other.full_adders,
            self.lut6 + other.lut6,
            max(self.depth, other.depth),
        )

    def of(self, measure: str) -> int:
        """The figure of a measure; LUTs of adders are lut6 of a graph without heaps."""
        return int(getattr(self, LUT6 if measure == ADDER_LUTS else measure))

    def __mul__(self, times: int) -> Cost:
        """The cost of so many copies side by side."""
        return Cost(times * self.additions, times * self.full_adders, times * self.lut6, self.depth)


def measure(graph: AdderGraph) -> Cost:
    """The cost of a graph by the rules at the head of this module."""
    sizes = np.diff(graph.start)
    edge_depth = node_depths(graph.n_inputs, graph.start, graph.term_edge)
    nodes = _widths(graph)
    kinds = np.unique(graph.kind).tolist()
    of_kind = [(KINDS[code], nodes.of(graph.kind == code)) for code in kinds]
    used = graph.output_edge[graph.output_edge >= 0]
    return Cost(
        additions=int((sizes - 1).sum()),
        full_adders=sum(int(row.full_adders(own).sum()) for row, own in of_kind),
        lut6=sum(int(row.lut6(own).sum()) for row, own in of_kind),
        depth=int(edge_depth[used].max(initial=0)),
    )


def widths(low: Ints, high: Ints) -> Ints:
    """Bits of each range: unsigned where low >= 0, else two's complement."""
    magnitude = np.maximum(high, np.where(low < 0, -low - 1, 0))
    return bit_lengths(magnitude) + (low < 0)


def _widths(graph: AdderGraph) -> Widths:
    left, right = graph.start[:-1], graph.start[:-1] + 1
    width = widths(graph.low, graph.high)
    ends = width[graph.term_edge] + graph.term_shift
    heights, ones = heap_columns(graph, width)
    free_left = np.where(graph.term_negative[right], 0, graph.term_shift[left])
    return Widths(
        sizes=np.diff(graph.start),
        made=width[graph.n_inputs :],
        reach=np.maximum(ends[left], ends[right]),
        wires=free_left + graph.term_shift[right],
        heights=heights,
        ones=ones,
    )


def heap_columns(graph: AdderGraph, width: Ints) -> tuple[Ints, Ints]:
    """Bits of every weight, and the constant ones among them, of all heaps. [n_nodes, columns]

    width [n_edges] of every edge. Nodes that are no heaps have none; without heaps, no columns.
    """
    heaps, made = np.flatnonzero(graph.kind == HEAP), width[graph.n_inputs :]
    shape = graph.n_nodes, int(made[heaps].max(initial=0))
    heights, ones = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if not len(heaps):
        return heights, ones
    fill_columns(
        heaps, graph.start, graph.term_edge, graph.term_shift, graph.term_negative,
        graph.constant, graph.low, width, made, heights, ones,
    )  # fmt: skip
    return heights, ones
