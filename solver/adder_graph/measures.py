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
* lut6, an estimate: one LUT6 for each bit that a node makes, wires left out. On current devices an
  adder takes one LUT6 for each bit, a count of up to six bits one for each bit of its result.
* depth: two-operand additions on the longest path; a count of c bits is ceil(log2(c)) deep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from solver.adder_graph.graph import AdderGraph
from solver.adder_graph.kernels import node_depths

Ints = npt.NDArray[np.int64]


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

    def __mul__(self, times: int) -> Cost:
        """The cost of so many copies side by side."""
        return Cost(times * self.additions, times * self.full_adders, times * self.lut6, self.depth)


def measure(graph: AdderGraph) -> Cost:
    """The cost of a graph by the rules at the head of this module."""
    sizes = np.diff(graph.start)
    edge_depth = node_depths(graph.n_inputs, graph.start, graph.term_edge, graph.is_count)
    used = graph.output_edge[graph.output_edge >= 0]
    return Cost(
        additions=int((sizes - 1).sum()),
        full_adders=int(_full_adders(graph).sum()),
        lut6=int(_lut6(graph).sum()),
        depth=int(edge_depth[used].max(initial=0)),
    )


def widths(low: Ints, high: Ints) -> Ints:
    """Bits of each range: unsigned where low >= 0, else two's complement."""
    magnitude = np.maximum(high, np.where(low < 0, -low - 1, 0))
    return bit_lengths(magnitude) + (low < 0)


def bit_lengths(values: Ints) -> Ints:
    """int.bit_length of every value >= 0, below 2**53."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _full_adders(graph: AdderGraph) -> Ints:
    left, right = graph.start[:-1], graph.start[:-1] + 1
    width = widths(graph.low, graph.high)
    reach = np.maximum(
        width[graph.term_edge[left]] + graph.term_shift[left],
        width[graph.term_edge[right]] + graph.term_shift[right],
    )
    ripple = np.minimum(reach, width[graph.n_inputs :]) - _wires(graph)
    sizes = np.diff(graph.start)
    counts = np.maximum(sizes - bit_lengths(sizes), 1)
    return np.where(graph.is_count, counts, np.maximum(ripple, 0))


def _lut6(graph: AdderGraph) -> Ints:
    made = widths(graph.low, graph.high)[graph.n_inputs :]
    return np.where(graph.is_count, made, np.maximum(made - _wires(graph), 0))


def _wires(graph: AdderGraph) -> Ints:
    """Low result bits that only one operand of a sum has, and that pass unchanged. [n_nodes]"""
    left, right = graph.start[:-1], graph.start[:-1] + 1
    free_left = np.where(graph.term_negative[right], 0, graph.term_shift[left])
    return np.where(graph.is_count, 0, free_left + graph.term_shift[right])
