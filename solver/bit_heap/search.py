"""The compiled search for a compressor tree: which counters and chains reduce a bit heap.

A heap is a row of columns; column c holds heights[c] bits of weight 2**c, ones[c] of them constant
1. All arithmetic is modulo 2**columns. The search is a depth-first branch and bound over moves that
make the first column fit that the last carry chain cannot take; the node limit makes it a greedy
search on large heaps and an exhaustive one (over these moves) on small ones.

Costs are LUT sites of an FPGA whose site has two outputs of five shared inputs or one of six, and
drives one position of a carry chain (Xilinx 7 series and UltraScale: LUT6_2, CARRY4):

* full adder: three bits of a column to one there and one above, one site, no chain;
* seven bits of a column to three: two positions of a chain that begins with the seventh bit; six
  bits without it. The first position adds up the parity of all bits, the second one
  the rest; on a chain, six bits every two columns (T. Preusser, arXiv 1806.08095, section III);
* rows: three bits a column by a ternary adder, one site a column (five bits in the first).
"""

from __future__ import annotations

import numpy as np

from solver.arrays import Ints
from solver.compiled import compiled

FULL_ADDER, SIXES, ROWS = 0, 1, 2
NONE, PARITY, ADD, TERNARY, SIX, GROUP, TABLE = 0, 1, 2, 3, 4, 5, 6
NEVER = 1 << 40
TABLE_INPUTS = 6
GROUP_INPUTS = 5
LONGEST_GROUP = 5
_TALL = 9  # columns as high as this are counted by sevens before anything is tried
_FANOUT = 8


@compiled
def last_chain(heights: Ints, ones: Ints, top: bool, links: Ints) -> tuple[int, int]:
    """Sites of the chain that ends a heap, and the column at which it fails (-1: it does not).

    links [columns, 2]: filled with the kind of the link that begins at a column, and its columns.
    top: only the highest bit of the sum is wanted.
    """
    for column in range(len(links)):
        links[column, 0] = links[column, 1] = 0
    first = 0
    while first < len(heights) and heights[first] <= 1:
        first += 1
    if first == len(heights):
        return 0, -1
    if top:
        return _top_chain(heights, ones, first, links)
    return _sum_chain(heights, first, links)


@compiled
def _sum_chain(heights: Ints, first: int, links: Ints) -> tuple[int, int]:
    last, place, cost, routed = len(heights) - 1, first, 0, 0
    while place <= last:
        begins = int(place == first)
        bits = heights[place] + routed
        if bits == 0 and _is_empty(heights, place):
            return cost, -1
        above = heights[place + 1] if place < last else 0
        kind, size, routed = NONE, 1, 0
        if place == last and bits <= 6 + begins:
            kind = PARITY
        elif bits <= 2 + begins:
            kind = ADD
        elif bits <= 4 + begins:
            kind, routed = TERNARY, 1
        elif bits <= 6 + begins and above == 0:
            kind, size = SIX, 2
        else:
            return cost, place
        links[place, 0], links[place, 1] = kind, size
        place, cost = place + size, cost + size
    return cost, -1


@compiled
def _is_empty(heights: Ints, place: int) -> bool:
    total = 0
    for column in range(place, len(heights)):
        total += heights[column]
    return total == 0


@compiled
def _copied(source: Ints, target: Ints) -> None:
    """Entry by entry: assigning a slice takes seconds to compile."""
    for place in range(len(source)):
        target[place] = source[place]


@compiled
def _top_chain(heights: Ints, ones: Ints, first: int, links: Ints) -> tuple[int, int]:
    """As `last_chain`: sums below the last column are not wanted, only what they carry into it."""
    last, variable = len(heights) - 1, 0
    for column in range(first, last + 1):
        variable += heights[column] - ones[column]
    if variable <= TABLE_INPUTS:
        links[first, 0], links[first, 1] = TABLE, last + 1 - first
        return int(variable > 0), -1
    cost = np.full((last + 3, 2), NEVER)
    choice = np.zeros((last + 3, 2, 2), np.int64)
    for routed in range(2):
        bits = heights[last] + routed
        if bits == 0 and first < last:
            cost[last, routed] = 0
        elif bits <= 6 + int(first == last):
            _offer(cost, choice, last, routed, 1, PARITY, 1)
    for place in range(last - 1, first - 1, -1):
        for routed in range(2):
            _best_link(heights, ones, place, routed, int(place == first), cost, choice)
    if cost[first, 0] >= NEVER:
        return NEVER, _stuck(cost, first, last)
    place, routed = first, 0
    while place < last or (place == last and choice[last, routed, 0]):
        links[place, 0], links[place, 1] = choice[place, routed, 0], choice[place, routed, 1]
        routed = int(links[place, 0] == TERNARY)
        place += links[place, 1]
    return cost[first, 0], -1


@compiled
def _stuck(cost: Ints, first: int, last: int) -> int:
    """The highest column from which no chain leads to the end."""
    for place in range(last, first - 1, -1):
        if cost[place, 0] >= NEVER and cost[place, 1] >= NEVER:
            return place
    return first


@compiled
def _best_link(
    heights: Ints, ones: Ints, place: int, routed: int, begins: int, cost: Ints, choice: Ints
) -> None:
    last, bits = len(heights) - 1, heights[place] + routed
    if 3 <= bits <= 4 + begins:
        _offer(cost, choice, place, routed, 1 + cost[place + 1, 1], TERNARY, 1)
    if 5 <= bits <= 6 + begins and place + 1 < last and heights[place + 1] == 0:
        _offer(cost, choice, place, routed, 2 + cost[place + 2, 0], SIX, 2)
    inputs, total = routed, routed
    if begins and heights[place] > 0:  # the chain begins with it
        inputs, total = inputs - int(heights[place] > ones[place]), total - 1
    for size in range(1, min(LONGEST_GROUP, last - place) + 1):
        column = place + size - 1
        inputs += heights[column] - ones[column]
        total += heights[column] << (size - 1)
        if inputs <= GROUP_INPUTS and total + 2 <= 1 << (size + 1):
            _offer(cost, choice, place, routed, 1 + cost[place + size, 0], GROUP, size)


@compiled
def _offer(
    cost: Ints, choice: Ints, place: int, routed: int, value: int, kind: int, size: int
) -> None:
    if value < cost[place, routed]:
        cost[place, routed] = value
        choice[place, routed, 0], choice[place, routed, 1] = kind, size


@compiled
def _take(heights: Ints, ones: Ints, column: int, n: int) -> int:
    """Up to n bits off a column, constants last; how many were there."""
    taken = min(n, int(heights[column]))
    heights[column] -= taken
    ones[column] = min(ones[column], heights[column])
    return taken


@compiled
def _give(heights: Ints, column: int, n: int) -> None:
    if column < len(heights):
        heights[column] += n


@compiled
def moved(heights: Ints, ones: Ints, kind: int, column: int, length: int) -> int:
    """Make a move in place; its sites."""
    if kind == FULL_ADDER:
        _take(heights, ones, column, 3)
        _give(heights, column, 1)
        _give(heights, column + 1, 1)
        return 1
    room = 7 if kind == SIXES else 5
    for place in range(length):
        at = column + (2 * place if kind == SIXES else place)
        _take(heights, ones, at, room)
        room = 6 if kind == SIXES else 3
    for place in range(2 * length if kind == SIXES else length):
        _give(heights, column + place, 1)
    _give(heights, column + (2 * length if kind == SIXES else length), 1 + int(kind == ROWS))
    return 2 * length if kind == SIXES else length


@compiled
def _moves(heights: Ints, column: int, found: Ints) -> int:
    """Moves that lower a column, best first: (kind, column, length) each; how many."""
    n, last = 0, len(heights) - 1
    for at in (column, column - 1):
        if at < 0 or heights[at] < 3:
            continue
        if heights[at] >= 6:
            reach = 1
            while at + 2 * reach <= last and heights[at + 2 * reach] >= 5:
                reach += 1
            n = _put(found, n, SIXES, at, reach)
            if reach > 1:
                n = _put(found, n, SIXES, at, 1)
        reach = 1
        while at + reach <= last and heights[at + reach] >= 3:
            reach += 1
        if reach > 1 and at == column:
            n = _put(found, n, ROWS, at, reach)
            if reach > 2:
                n = _put(found, n, ROWS, at, 2)
        n = _put(found, n, FULL_ADDER, at, 1)
    return n


@compiled
def _put(found: Ints, n: int, kind: int, column: int, length: int) -> int:
    if n < len(found):
        found[n, 0], found[n, 1], found[n, 2] = kind, column, length
        return n + 1
    return n


@compiled
def _tall(heights: Ints, ones: Ints, path: Ints, n: int) -> tuple[int, int]:
    """Sevens off every tall column, from the lowest up; sites, and the length of the path."""
    cost = 0
    for column in range(len(heights)):
        while heights[column] >= _TALL:
            cost += moved(heights, ones, SIXES, column, 1)
            path[n, 0], path[n, 1], path[n, 2] = SIXES, column, 1
            n += 1
    return cost, n


@compiled
def search(heights: Ints, ones: Ints, top: bool, max_nodes: int) -> tuple[int, Ints]:
    """Sites of the best tree found, and its moves before the last chain [n, 3]."""
    n_columns = len(heights)
    start, fixed = heights.copy(), ones.copy()
    path = np.zeros((heights.sum() + 8, 3), np.int64)
    spent, n_path = _tall(start, fixed, path, 0)
    arena = np.zeros((max_nodes * _FANOUT + 2, 2, n_columns), np.int64)
    info = np.zeros((len(arena), 5), np.int64)  # sites, parent, move
    _copied(start, arena[0, 0])
    _copied(fixed, arena[0, 1])
    info[0, 0], info[0, 1] = spent, -1
    stack = np.zeros(len(arena), np.int64)
    size, n_nodes, looked = 1, 1, 0
    best, where = NEVER, -1
    room = 5 * n_columns if top else n_columns  # bits that the last chain may be given
    links, found = np.zeros((n_columns, 2), np.int64), np.zeros((_FANOUT, 3), np.int64)
    while size and (looked < max_nodes or where < 0):
        size -= 1
        node = stack[size]
        looked += 1
        here, fixed_here = arena[node, 0], arena[node, 1]
        cost, failed = last_chain(here, fixed_here, top, links)
        if failed < 0 and info[node, 0] + cost < best:
            best, where = info[node, 0] + cost, node
        if failed < 0 or n_nodes + _FANOUT > len(arena):
            continue
        n = _moves(here, failed, found)
        for m in range(n - 1, -1, -1):
            child = arena[n_nodes]
            _copied(here, child[0])
            _copied(fixed_here, child[1])
            sites = info[node, 0] + moved(child[0], child[1], found[m, 0], found[m, 1], found[m, 2])
            if sites + max(child[0].sum() - room, 0) // 2 < best:
                info[n_nodes, 0], info[n_nodes, 1] = sites, node
                _copied(found[m], info[n_nodes, 2:])
                stack[size] = n_nodes
                size, n_nodes = size + 1, n_nodes + 1
    moves = 0
    node = where
    while node > 0:
        moves, node = moves + 1, info[node, 1]
    out = np.zeros((n_path + moves, 3), np.int64)
    for m in range(n_path):
        _copied(path[m], out[m])
    node, m = where, n_path + moves
    while node > 0:
        m -= 1
        _copied(info[node, 2:], out[m])
        node = info[node, 1]
    return best, out
