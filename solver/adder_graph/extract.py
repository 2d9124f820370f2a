"""The compiled loop of greedy common-subexpression extraction on sums (numba), and nothing else.

A pair is two nodes and a sign: a + b or a - b. Its count is the number of sums that hold both nodes
with equal magnitudes and that sign. The loop makes the pair of the largest count a node of its own,
puts that node into those sums in the pair's place, and goes on until no pair occurs twice (Paar
1997 for +, here with signs). Counts never grow: a node enters sums only when it is made, and leaves
them. So a heap of counts as they were when pushed is enough: a pair is counted anew when it is
popped and goes back if it has shrunk (lazy greedy). Equal counts come in random order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.adder_graph.kernels import ZERO
from solver.arrays import Ints
from solver.compiled import compiled

_NODE_BITS = 31
_CHANCE_BITS = 24
NO_LIMIT = 2**62  # the room of every sum where depth does not matter; all depths then stay 0


class _Rows(NamedTuple):
    """The sums: terms start[r] to start[r] + size[r]; load, the sum of 2**depth, and its limit."""

    start: Ints
    size: Ints
    source: Ints
    coefficient: Ints
    load: Ints
    room: Ints


class _Columns(NamedTuple):
    """For every node the sums that hold it, ascending, and with which coefficient."""

    at: Ints
    length: Ints
    holder: Ints
    held: Ints
    depth: Ints


class _Tally(NamedTuple):
    """One node's pairs: times[other, sign] each is there, and the others seen in any."""

    times: Ints
    seen: Ints


@compiled
def _sift_up(heap: Ints, place: int) -> None:
    while place > 0:
        above = (place - 1) >> 1
        if heap[above, 0] >= heap[place, 0]:
            return
        for c in range(2):
            heap[above, c], heap[place, c] = heap[place, c], heap[above, c]
        place = above


@compiled
def _sift_down(heap: Ints, size: int) -> None:
    place = 0
    while 2 * place + 1 < size:
        below = 2 * place + 1
        if below + 1 < size and heap[below + 1, 0] > heap[below, 0]:
            below += 1
        if heap[place, 0] >= heap[below, 0]:
            return
        for c in range(2):
            heap[below, c], heap[place, c] = heap[place, c], heap[below, c]
        place = below


@compiled
def _push(heap: Ints, size: int, count: int, pair: int) -> Ints:
    """Push a pair under its count, a random number deciding among equals; the heap, maybe grown."""
    if size == len(heap):
        larger = np.empty((2 * len(heap), 2), dtype=np.int64)
        for entry in range(size):
            larger[entry, 0], larger[entry, 1] = heap[entry, 0], heap[entry, 1]
        heap = larger
    heap[size, 0] = (count << _CHANCE_BITS) | np.random.randint(0, 1 << _CHANCE_BITS)
    heap[size, 1] = pair
    _sift_up(heap, size)
    return heap


@compiled
def _pop(heap: Ints, size: int) -> None:
    """Take the top off a heap of the given size."""
    for c in range(2):
        heap[0, c] = heap[size - 1, c]
    _sift_down(heap, size - 1)


@compiled
def _columns(n_nodes: int, rows: _Rows, depth: Ints) -> _Columns:
    """The sums turned round, with space for the nodes to come."""
    n_terms = len(rows.source)
    most = n_nodes + n_terms // 2 + 1
    columns = _Columns(
        np.zeros(most, dtype=np.int64),
        np.zeros(most, dtype=np.int64),
        np.empty(2 * n_terms, dtype=np.int64),
        np.empty(2 * n_terms, dtype=np.int64),
        np.zeros(most, dtype=np.int64),
    )
    for node in range(n_nodes):
        columns.depth[node] = depth[node]
    for t in range(n_terms):
        columns.length[rows.source[t]] += 1
    for node in range(1, n_nodes):
        columns.at[node] = columns.at[node - 1] + columns.length[node - 1]
    for node in range(n_nodes):
        columns.length[node] = 0
    for row in range(len(rows.size)):
        for t in range(rows.start[row], rows.start[row + 1]):
            node = rows.source[t]
            place = columns.at[node] + columns.length[node]
            columns.holder[place], columns.held[place] = row, rows.coefficient[t]
            columns.length[node] += 1
            rows.load[row] += 1 << depth[node]
    return columns


@compiled
def _common(a: int, b: int, differ: int, rows: _Rows, columns: _Columns, found: Ints) -> int:
    """How many sums hold a and b with the wanted sign and have room for it; found lists them."""
    step = _step(a, b, columns)
    n, i, j = 0, columns.at[a], columns.at[b]
    end_i, end_j = i + columns.length[a], j + columns.length[b]
    while i < end_i and j < end_j:
        row, other = columns.holder[i], columns.holder[j]
        if row == other:
            factor = -columns.held[j] if differ else columns.held[j]
            if columns.held[i] == factor and rows.load[row] + step <= rows.room[row]:
                found[n] = row
                n += 1
        i += row <= other
        j += other <= row
    return n


@compiled
def _step(a: int, b: int, columns: _Columns) -> int:
    """What putting the pair in the place of its nodes adds to a sum's load."""
    deeper = max(columns.depth[a], columns.depth[b]) + 1
    step: int = (1 << deeper) - (1 << columns.depth[a]) - (1 << columns.depth[b])
    return step


@compiled
def _forget(node: int, found: Ints, n: int, columns: _Columns) -> None:
    """Take the n found sums out of a node's list."""
    kept, taken = columns.at[node], 0
    for i in range(columns.at[node], columns.at[node] + columns.length[node]):
        if taken < n and columns.holder[i] == found[taken]:
            taken += 1
        else:
            columns.holder[kept], columns.held[kept] = columns.holder[i], columns.held[i]
            kept += 1
    columns.length[node] = kept - columns.at[node]


@compiled
def _replace(row: int, a: int, b: int, new: int, rows: _Rows) -> int:
    """Put the new node in the place of a, and drop b; the coefficient of a."""
    factor, hole = 0, 0
    for t in range(rows.start[row], rows.start[row] + rows.size[row]):
        if rows.source[t] == a:
            rows.source[t], factor = new, rows.coefficient[t]
        elif rows.source[t] == b:
            hole = t
    rows.size[row] -= 1
    end = rows.start[row] + rows.size[row]
    rows.source[hole], rows.coefficient[hole] = rows.source[end], rows.coefficient[end]
    return factor


@compiled
def _make(a: int, b: int, new: int, found: Ints, n: int, rows: _Rows, columns: _Columns) -> None:
    """Give the pair of a and b, in the n found sums, the number new."""
    step = _step(a, b, columns)
    if rows.room[0] < NO_LIMIT:
        columns.depth[new] = max(columns.depth[a], columns.depth[b]) + 1
    _forget(a, found, n, columns)
    _forget(b, found, n, columns)
    columns.length[new] = n
    for i in range(n):
        place = columns.at[new] + i
        columns.holder[place] = found[i]
        columns.held[place] = _replace(found[i], a, b, new, rows)
        rows.load[found[i]] += step


@compiled
def _offer(
    node: int, rows: _Rows, columns: _Columns, tally: _Tally, heap: Ints, heap_size: int
) -> tuple[Ints, int]:
    """Push every pair of a node with an earlier one that is there twice or more."""
    n = 0
    for i in range(columns.at[node], columns.at[node] + columns.length[node]):
        row, held = columns.holder[i], columns.held[i]
        for t in range(rows.start[row], rows.start[row] + rows.size[row]):
            other, factor = rows.source[t], rows.coefficient[t]
            if other < node and abs(factor) == abs(held):
                if tally.times[other, 0] + tally.times[other, 1] == 0:
                    tally.seen[n] = other
                    n += 1
                tally.times[other, 1 if factor != held else 0] += 1
    for i in range(n):
        other = tally.seen[i]
        for differ in range(2):
            if tally.times[other, differ] >= 2:
                pair = (((other << _NODE_BITS) | node) << 1) | differ
                heap = _push(heap, heap_size, tally.times[other, differ], pair)
                heap_size += 1
            tally.times[other, differ] = 0
    return heap, heap_size


@compiled
def _greedy(n_nodes: int, rows: _Rows, columns: _Columns) -> Ints:
    """Make pairs until none repeats; (first, second, sign) of each."""
    n_terms, most = len(rows.source), len(columns.at)
    tally = _Tally(np.zeros((most, 2), dtype=np.int64), np.empty(most, dtype=np.int64))
    made, n_made = np.empty((n_terms // 2 + 1, 3), dtype=np.int64), 0
    heap, heap_size = np.empty((1024, 2), dtype=np.int64), ZERO
    found = np.empty(len(rows.size) + 1, dtype=np.int64)
    for node in range(n_nodes):
        if columns.length[node] >= 2:
            heap, heap_size = _offer(node, rows, columns, tally, heap, heap_size)
    free = n_terms
    while heap_size > 0:
        count, pair = heap[0, 0] >> _CHANCE_BITS, heap[0, 1]
        _pop(heap, heap_size)
        heap_size -= 1
        differ, b = pair & 1, (pair >> 1) & ((1 << _NODE_BITS) - 1)
        a = pair >> (_NODE_BITS + 1)
        n = _common(a, b, differ, rows, columns, found)
        if 2 <= n < count:
            heap = _push(heap, heap_size, n, pair)
            heap_size += 1
        elif n >= 2:
            new = n_nodes + n_made
            columns.at[new] = free
            _make(a, b, new, found, n, rows, columns)
            made[n_made, 0], made[n_made, 1], made[n_made, 2] = a, b, 1 - 2 * differ
            free, n_made = free + n, n_made + 1
            heap, heap_size = _offer(new, rows, columns, tally, heap, heap_size)
    return made[:n_made]


@compiled
def extract(
    n_nodes: int, start: Ints, source: Ints, coefficient: Ints, depth: Ints, room: Ints, seed: int
) -> tuple[Ints, Ints]:
    """Greedy extraction until no pair repeats; works on source and coefficient in place.

    In: the sums' terms (start [rows + 1]), depth [n_nodes] of every node, room [rows]: how much
    the 2**depth of a sum's terms may add up to. Out: (first, second, sign) of each new node,
    numbered from n_nodes on, and how many terms each sum has left, from its old start on.
    """
    np.random.seed(seed)
    size = start[1:] - start[:-1]
    rows = _Rows(start, size, source, coefficient, np.zeros_like(size), room)
    columns = _columns(n_nodes, rows, depth)
    return _greedy(n_nodes, rows, columns), size
