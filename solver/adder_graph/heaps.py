"""From sums to bit heaps: every sum that is read more than once, and every output, is one heap.

A sum that only one other sum reads is no number of its own: its terms stand where it was read (a
maximal tree of sums used once is one heap). Heaps are built up to their sign, so that fewer terms
are subtracted than added, and with the constant that makes their bits what hardware reads
(`columns`): no edge but an input is ever negative, and no constant is added in hardware.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solver.adder_graph.columns import bias
from solver.adder_graph.forms import edge_ranges
from solver.adder_graph.graph import AdderGraph
from solver.adder_graph.kernels import ZERO, bit_length
from solver.adder_graph.kinds import HEAP
from solver.adder_graph.sums import Sums, pruned
from solver.arrays import Flags, Ints
from solver.compiled import compiled


@dataclass(frozen=True, slots=True, eq=False)
class _Heaps:
    """Heaps without constants: a `forms.Wiring`."""

    input_low: Ints
    input_high: Ints
    start: Ints
    term_edge: Ints
    term_shift: Ints
    term_negative: Flags
    kind: Ints
    constant: Ints

    @property
    def n_inputs(self) -> int:
        return len(self.input_low)


def lower_to_heaps(sums: Sums, input_low: Ints, input_high: Ints) -> AdderGraph:
    """The adder graph of the sums whose nodes are heaps only."""
    sums = pruned(sums)
    start, terms, edge, sign = _merged(
        sums.n_inputs, sums.n_outputs, sums.start, sums.source, sums.coefficient
    )
    none = np.zeros(len(start) - 1, np.int64)
    negative = terms[:, 2] < 0
    heaps = _Heaps(
        input_low, input_high, start, terms[:, 0], terms[:, 1], negative, none + HEAP, none
    )
    low, high = edge_ranges(heaps)
    constant, form = _biased(
        sums.n_inputs, start, heaps.term_edge, heaps.term_shift, negative, low, high
    )
    return AdderGraph(
        input_low, input_high, start, heaps.term_edge, heaps.term_shift, negative, heaps.kind,
        constant, edge, sign < 0, -sign * np.append(form, 0)[edge],
    )  # fmt: skip


@compiled
def _merged(
    n_inputs: int, n_outputs: int, start: Ints, source: Ints, coefficient: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Heaps: starts, and terms [n_terms, (edge, shift, sign)]; edge and sign of every output."""
    n_sums = len(start) - 1
    n_inner = n_sums - n_outputs
    uses = np.zeros(n_inputs + n_sums, np.int64)
    for node in source:
        uses[node] += 1
    name, sign = np.arange(n_inputs + n_sums), np.ones(n_inputs + n_sums, np.int64)
    heap_start = np.zeros(n_sums + 1, np.int64)
    terms, waiting = np.empty((len(source), 3), np.int64), np.empty((len(source), 2), np.int64)
    n_heaps, end = ZERO, ZERO
    for s in range(n_sums):
        if s < n_inner and uses[n_inputs + s] == 1:
            continue
        size, first = _wait(waiting, 0, start, coefficient, s, 1), end
        while size > 0:
            size -= 1
            read, factor = source[waiting[size, 0]], waiting[size, 1]
            below = read - n_inputs
            if 0 <= below < n_inner and uses[read] == 1:
                size = _wait(waiting, size, start, coefficient, below, factor)
                continue
            factor *= sign[read]
            terms[end, 0], terms[end, 1] = name[read], bit_length(abs(factor)) - 1
            terms[end, 2] = 1 if factor > 0 else -1
            end += 1
        node = n_inputs + s
        if end - first >= 2:
            sign[node] = _flipped(terms, first, end)
            name[node] = n_inputs + n_heaps
            n_heaps += 1
            heap_start[n_heaps] = end
        elif end > first:
            name[node], sign[node] = terms[first, 0], terms[first, 2]
            end = first
        else:
            name[node] = -1
    outputs = n_inputs + n_inner
    return heap_start[: n_heaps + 1], terms[:end], name[outputs:], sign[outputs:]


@compiled
def _wait(waiting: Ints, size: int, start: Ints, coefficient: Ints, s: int, factor: int) -> int:
    """Put the terms of a sum, each times a factor, on the stack; its new size."""
    for t in range(start[s], start[s + 1]):
        waiting[size, 0], waiting[size, 1] = t, factor * coefficient[t]
        size += 1
    return size


@compiled
def _flipped(terms: Ints, first: int, end: int) -> int:
    """Turn the signs round if more than half are negative; the sign of the heap."""
    total = ZERO
    for t in range(first, end):
        total += terms[t, 2]
    if total >= 0:
        return 1
    for t in range(first, end):
        terms[t, 2] = -terms[t, 2]
    return -1


@compiled
def _biased(
    n_inputs: int, start: Ints, edge: Ints, shift: Ints, negative: Flags, low: Ints, high: Ints
) -> tuple[Ints, Ints]:
    """Every heap's constant [n_nodes], and that of every edge's form [n_edges].

    low, high [n_edges]: ranges of the linear parts.
    """
    constant, form = np.zeros(len(start) - 1, np.int64), np.zeros(len(low), np.int64)
    for node in range(len(start) - 1):
        total = ZERO
        for t in range(start[node], start[node + 1]):
            read = edge[t]
            least, most = low[read] + form[read], high[read] + form[read]
            width = bit_length(max(most, -least - 1)) + (least < 0)
            added = bias(least, width, negative[t]) << shift[t]
            constant[node] += added
            total += added + ((-form[read] if negative[t] else form[read]) << shift[t])
        form[n_inputs + node] = total
    return constant, form
