"""From sums to adders: chooses the tree of every sum and packs bits into counts.

A sum's bits are counted in chunks of up to six; then the two narrowest terms are added again and
again (with a depth limit: the two shallowest). Signs ride along: a node is built up to its sign,
and the sign goes to its readers and at last to the outputs.
"""

from __future__ import annotations

import numpy as np

from solver.adder_graph.graph import AdderGraph
from solver.adder_graph.kernels import ZERO, bit_length
from solver.adder_graph.kinds import MAX_COUNT_BITS
from solver.adder_graph.node_builder import (
    NO_PART,
    Nodes,
    add,
    count,
    edge_of,
    empty,
    graph_of,
    is_negative,
    part_of,
    shift_of,
    width_of,
)
from solver.adder_graph.sums import Sums, pruned
from solver.arrays import Ints
from solver.compiled import compiled

_RANK = 24  # bits of the second of two numbers that a part is sorted by
_UNKNOWN = -1
_WHOLE = -2  # all bits in one count
_FIVES, _FOURS = 4, 7  # fewer than so many counts of five, and of four


def lower(
    sums: Sums, input_low: Ints, input_high: Ints, *, shallow: bool = False, share: bool = True
) -> AdderGraph:
    """The adder graph of the sums.

    shallow keeps every sum as shallow as its terms allow; share makes equal nodes one.
    """
    sums = pruned(sums)
    nodes = empty(input_low, input_high, len(sums.source), share)
    parts = _lowered(nodes, sums.start, sums.source, sums.coefficient, shallow)
    return graph_of(nodes, parts[len(parts) - sums.n_outputs :])


@compiled
def _lowered(nodes: Nodes, start: Ints, source: Ints, coefficient: Ints, shallow: bool) -> Ints:
    """What every input and every sum has become, as parts. [n_inputs + n_sums]"""
    n_sums = len(start) - 1
    parts = np.full(nodes.n_inputs + n_sums, NO_PART)
    for i in range(nodes.n_inputs):
        parts[i] = part_of(i, 0, False)
    most = 1
    for s in range(n_sums):
        most = max(most, start[s + 1] - start[s])
    bits, heap = np.empty(most, np.int64), np.empty((most, 2), np.int64)
    sizes, known = np.empty(most, np.int64), np.full(most + 1, _UNKNOWN)
    for s in range(n_sums):
        n_bits, n_rest = ZERO, ZERO
        for t in range(start[s], start[s + 1]):
            if parts[source[t]] == NO_PART:
                continue
            part = _scaled(parts[source[t]], coefficient[t])
            if _is_bit(nodes, part):
                bits[n_bits] = part
                n_bits += 1
            else:
                _push(heap, n_rest, _rank(nodes, part, shallow), part)
                n_rest += 1
        n_chunks = _quads(n_bits, sizes) if shallow else _chunks(n_bits, sizes, known)
        first = 0
        for c in range(n_chunks):
            chunk = bits[first : first + sizes[c]]
            part = count(nodes, chunk) if len(chunk) > 1 else chunk[0]
            _push(heap, n_rest + c, _rank(nodes, part, shallow), part)
            first += sizes[c]
        parts[nodes.n_inputs + s] = _added_up(nodes, heap, n_rest + n_chunks, shallow)
    return parts


@compiled
def _scaled(part: int, coefficient: int) -> int:
    shift = shift_of(part) + bit_length(abs(coefficient)) - 1
    return part_of(edge_of(part), shift, is_negative(part) != (coefficient < 0))


@compiled
def _is_bit(nodes: Nodes, part: int) -> bool:
    edge = edge_of(part)
    if edge >= nodes.n_inputs or shift_of(part):
        return False
    return bool(nodes.low[edge] >= 0 and nodes.high[edge] <= 1)


@compiled
def _added_up(nodes: Nodes, heap: Ints, size: int, shallow: bool) -> int:
    """Add up the parts on the heap, always the two that come first."""
    while size > 1:
        left = _popped(heap, size)
        right = _popped(heap, size - 1)
        part = add(nodes, left, right)
        _push(heap, size - 2, _rank(nodes, part, shallow), part)
        size -= 1
    return int(heap[0, 1]) if size else NO_PART


@compiled
def _rank(nodes: Nodes, part: int, shallow: bool) -> int:
    """Sorts parts by width and depth, or by depth and width; the part itself decides the rest."""
    width, depth = width_of(nodes, part), nodes.depth[edge_of(part)]
    first, second = (depth, width) if shallow else (width, depth)
    return int((first << _RANK) | second)


@compiled
def _before(heap: Ints, a: int, b: int) -> bool:
    column = 0 if heap[a, 0] != heap[b, 0] else 1
    return bool(heap[a, column] < heap[b, column])


@compiled
def _swap(heap: Ints, a: int, b: int) -> None:
    for c in range(2):
        heap[a, c], heap[b, c] = heap[b, c], heap[a, c]


@compiled
def _push(heap: Ints, size: int, rank: int, part: int) -> None:
    """Put a part on a heap [capacity, (rank, part)] of the given size, its least first."""
    heap[size, 0], heap[size, 1] = rank, part
    place = size
    while place > 0 and _before(heap, place, (place - 1) >> 1):
        _swap(heap, place, (place - 1) >> 1)
        place = (place - 1) >> 1


@compiled
def _popped(heap: Ints, size: int) -> int:
    """The first part of a heap of the given size, taken off."""
    place = ZERO
    _swap(heap, place, size - 1)
    while True:
        least = place
        for below in (2 * place + 1, 2 * place + 2):
            if below < size - 1 and _before(heap, below, least):
                least = below
        if least == place:
            return int(heap[size - 1, 1])
        _swap(heap, place, least)
        place = least


@compiled
def _quads(n_bits: int, sizes: Ints) -> int:
    """Chunks that are as shallow as a balanced tree of two-operand additions; how many."""
    n = 0
    for size in (4, 2, 1):
        while n_bits >= size:
            sizes[n] = size
            n_bits -= size
            n += 1
    return n


@compiled
def _chunks(n_bits: int, sizes: Ints, known: Ints) -> int:
    """Sizes of the counts that n bits are cut into: sixes, with the cheapest few smaller ones.

    known [n_bits]: fives and fours of the best cut, in one number, as far as found before.
    """
    if n_bits and known[n_bits] == _UNKNOWN:
        known[n_bits] = _best_cut(n_bits)
    if not n_bits:
        return 0
    if known[n_bits] == _WHOLE:
        sizes[0] = n_bits
        return 1
    return _cut(n_bits, known[n_bits] // _FOURS, known[n_bits] % _FOURS, sizes)


@compiled
def _cut(n_bits: int, fives: int, fours: int, sizes: Ints) -> int:
    """Sixes, then so many fives and fours, then what is left; how many chunks."""
    rest = n_bits - 5 * fives - 4 * fours
    n = 0
    for size, times in ((6, rest // 6), (5, fives), (4, fours), (rest % 6, min(rest % 6, 1))):
        for _ in range(times):
            sizes[n] = size
            n += 1
    return n


@compiled
def _best_cut(n_bits: int) -> int:
    sizes = np.empty(n_bits, np.int64)
    best, best_cost = _WHOLE, 2**62
    if n_bits <= MAX_COUNT_BITS:
        sizes[0] = n_bits
        best_cost = _popcount_cost(sizes[:1])
    for fives in range(_FIVES):
        for fours in range(_FOURS):
            if n_bits >= 5 * fives + 4 * fours:
                cost = _popcount_cost(sizes[: _cut(n_bits, fives, fours, sizes)])
                if cost < best_cost:
                    best, best_cost = fives * _FOURS + fours, cost
    return best


@compiled
def _popcount_cost(sizes: Ints) -> int:
    """Full adders of counting these chunks and adding the counts, by the rule of `measures`.

    The two smallest are added again and again; sums come in rising order, so they need no heap.
    """
    total, n = 0, len(sizes)
    waiting = np.empty(2 * n, np.int64)
    end = 0
    for size in range(1, MAX_COUNT_BITS + 1):
        for other in sizes:
            if other == size:
                waiting[end] = size
                end += 1
                total += max(size - bit_length(size), min(size - 1, 1))
    first, summed = 0, n
    for _ in range(n - 1):
        both, larger = 0, 0
        for _ in range(2):
            if first < n and (summed == end or waiting[first] <= waiting[summed]):
                larger = waiting[first]
                first += 1
            else:
                larger = waiting[summed]
                summed += 1
            both += larger
        total += bit_length(larger)
        waiting[end] = both
        end += 1
    return total
