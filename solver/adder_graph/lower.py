"""From sums to adders: chooses the tree of every sum and packs bits into counts.

A sum's bits are counted in chunks of up to six; then the two narrowest terms are added again and
again (with a depth limit: the two shallowest). Signs ride along: a node is built up to its sign,
and the sign goes to its readers and at last to the outputs.
"""

from __future__ import annotations

import heapq
from functools import cache

import numpy as np
import numpy.typing as npt

from solver.adder_graph.builder import Builder, Part
from solver.adder_graph.graph import MAX_COUNT_BITS, AdderGraph
from solver.adder_graph.sums import Sums, pruned

Ints = npt.NDArray[np.int64]


def lower(
    sums: Sums, input_low: Ints, input_high: Ints, *, shallow: bool = False, share: bool = True
) -> AdderGraph:
    """The adder graph of the sums.

    shallow keeps every sum as shallow as its terms allow; share makes equal nodes one.
    """
    sums = pruned(sums)
    builder = Builder(input_low, input_high, share)
    parts: list[Part | None] = [Part(i, False, 0) for i in range(sums.n_inputs)]
    sources, coefficients = sums.source.tolist(), sums.coefficient.tolist()
    start = sums.start.tolist()
    for s in range(sums.n_sums):
        terms = [
            _scaled(part, coefficients[t])
            for t in range(start[s], start[s + 1])
            if (part := parts[sources[t]]) is not None
        ]
        parts.append(_tree(builder, terms, shallow))
    return builder.graph(parts[len(parts) - sums.n_outputs :])


def _scaled(part: Part, coefficient: int) -> Part:
    shift = abs(coefficient).bit_length() - 1
    return Part(part.edge, part.negative != (coefficient < 0), part.shift + shift)


def _tree(builder: Builder, terms: list[Part], shallow: bool) -> Part | None:
    """Add the terms up; None for no terms at all."""
    bits, rest = list[Part](), list[Part]()
    for term in terms:
        is_bit = term.edge < builder.n_inputs and builder.is_bit[term.edge] and not term.shift
        (bits if is_bit else rest).append(term)
    heap = [_ranked(builder, p, shallow) for p in (*rest, *_counted(builder, bits, shallow))]
    heapq.heapify(heap)
    while len(heap) > 1:
        left, right = heapq.heappop(heap)[-1], heapq.heappop(heap)[-1]
        heapq.heappush(heap, _ranked(builder, builder.add(left, right), shallow))
    return heap[0][-1] if heap else None


def _ranked(builder: Builder, part: Part, shallow: bool) -> tuple[int, int, int, int, Part]:
    """Sorts parts by width, or by depth; edges and shifts make the order complete."""
    width, depth = builder.width(part), builder.depth[part.edge]
    first, second = (depth, width) if shallow else (width, depth)
    return first, second, part.edge, 2 * part.shift + part.negative, part


def _counted(builder: Builder, bits: list[Part], shallow: bool) -> list[Part]:
    """Counts of the bits in chunks; a bit alone stays as it is."""
    counts, first = list[Part](), 0
    for size in _quads(len(bits)) if shallow else chunks(len(bits)):
        chunk = bits[first : first + size]
        counts.append(builder.count(chunk) if size > 1 else chunk[0])
        first += size
    return counts


def _quads(n_bits: int) -> list[int]:
    """Chunks that are as shallow as a balanced tree of two-operand additions."""
    return [4] * (n_bits // 4) + ([2] if n_bits % 4 >= 2 else []) + [1] * (n_bits % 2)


@cache
def chunks(n_bits: int) -> list[int]:
    """Sizes of the counts that n bits are cut into: sixes, with the cheapest few smaller ones."""
    best, best_cost = [n_bits], _popcount_cost((n_bits,)) if n_bits <= MAX_COUNT_BITS else 2**62
    for fives in range(4):
        for fours in range(7):
            rest = n_bits - 5 * fives - 4 * fours
            if rest < 0:
                continue
            tail = [rest % 6] if rest % 6 else []
            sizes = [6] * (rest // 6) + [5] * fives + [4] * fours + tail
            cost = _popcount_cost(tuple(sizes))
            if sizes and cost < best_cost:
                best, best_cost = sizes, cost
    return best if n_bits else []


def _popcount_cost(sizes: tuple[int, ...]) -> int:
    """Full adders of counting these chunks and adding the counts, by the rule of `measures`."""
    total = sum(max(c - c.bit_length(), 1) for c in sizes if c > 1)
    heap = sorted(sizes)
    while len(heap) > 1:
        small, large = heapq.heappop(heap), heapq.heappop(heap)
        total += large.bit_length()
        heapq.heappush(heap, small + large)
    return total
