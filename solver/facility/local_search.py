"""Opening, closing and swapping candidates until no such move saves: compiled loops (numba).

The fast exchange of Whitaker (1983), with the saving of every pair of moves told from a table, as
in Resende & Werneck (2007). Items that no open candidate reaches count at their price alone.
"""

import numpy as np

from solver.arrays import Flags, Floats, Ints
from solver.compiled import compiled
from solver.facility.kernels import Lists

LEAST_SAVING = 1e-6
ROUNDING = 1e-12
"""A move must save more than rounding may feign, or the search would go round in circles."""
LARGEST_TABLE = 2**22
"""Above so many pairs of moves, candidates are opened and closed, and not swapped."""


@compiled
def open_needed(lists: Lists, is_open: Flags) -> None:
    """Open, in place, the lone candidate of each item that has none; close those without use."""
    used = np.zeros(len(is_open), np.bool_)
    for i in range(len(lists.alone)):
        server = -1
        for pair in range(lists.starts[i], lists.starts[i + 1]):
            if is_open[lists.candidate[pair]]:
                server = lists.candidate[pair]
                break
        if server < 0:
            server = lists.lone[i]
            is_open[server] = True
        used[server] = True
    for j in range(len(is_open)):
        is_open[j] = used[j]


@compiled
def open_cost(lists: Lists, is_open: Flags) -> float:
    """Cost of serving every item from the open candidates, or alone where none is in its list."""
    total = 0.0
    for j in range(len(is_open)):
        if is_open[j]:
            total += lists.opening[j]
    for i in range(len(lists.alone)):
        paid = lists.alone[i]
        for pair in range(lists.starts[i], lists.starts[i + 1]):
            if is_open[lists.candidate[pair]]:
                paid = lists.cost[pair]
                break
        total += paid
    return total


@compiled
def two_cheapest(lists: Lists, is_open: Flags, server: Ints, first: Floats, second: Floats) -> None:
    """Fill, for each item, its open server (-1: none) and its two least costs, `alone` at most."""
    for i in range(len(first)):
        server[i] = -1
        first[i] = second[i] = lists.alone[i]
        for pair in range(lists.starts[i], lists.starts[i + 1]):
            if not is_open[lists.candidate[pair]]:
                continue
            if server[i] < 0:
                server[i], first[i] = lists.candidate[pair], lists.cost[pair]
            else:
                second[i] = lists.cost[pair]
                break


@compiled
def tally_moves(
    lists: Lists,
    slot: Ints,
    server: Ints,
    first: Floats,
    second: Floats,
    gain: Floats,
    loss: Floats,
    extra: Floats,
) -> None:
    """Fill what each move saves (Resende & Werneck 2007).

    gain[a]: opening a. loss[s]: closing the candidate in slot s costs that much. extra[a, s]: what
    doing both saves on top, zeros when given. `slot`, shape (F,), numbers the open candidates, -1
    for closed ones.
    """
    for j in range(len(slot)):
        gain[j] = -lists.opening[j]
        if slot[j] >= 0:
            loss[slot[j]] = -lists.opening[j]
    for i in range(len(first)):
        mine = slot[server[i]] if server[i] >= 0 else -1
        if mine >= 0:
            loss[mine] += second[i] - first[i]
        for pair in range(lists.starts[i], lists.starts[i + 1]):
            cost = lists.cost[pair]
            if cost >= second[i]:
                break
            if cost < first[i]:
                gain[lists.candidate[pair]] += first[i] - cost
            if 0 <= mine < extra.shape[1]:
                extra[lists.candidate[pair], mine] += second[i] - max(cost, first[i])


@compiled
def best_move(
    slot: Ints, n_open: int, gain: Floats, loss: Floats, extra: Floats
) -> tuple[float, int, int]:
    """The move that saves most, as (saving, candidate to open or -1, slot to close or -1)."""
    saving, to_open, to_close = 0.0, -1, -1
    for s in range(n_open):
        if -loss[s] > saving:
            saving, to_open, to_close = -loss[s], -1, s
    for a in range(len(slot)):
        if slot[a] >= 0:
            continue
        if gain[a] > saving:
            saving, to_open, to_close = gain[a], a, -1
        for s in range(extra.shape[1]):
            swap = gain[a] - loss[s] + extra[a, s]
            if swap > saving:
                saving, to_open, to_close = swap, a, s
    return saving, to_open, to_close


@compiled
def number_open(is_open: Flags, slot: Ints) -> int:
    """Number the open candidates in `slot`, -1 for closed ones; return how many are open."""
    n_open = 0
    for j in range(len(is_open)):
        slot[j] = -1
        if is_open[j]:
            slot[j] = n_open
            n_open += 1
    return n_open


@compiled
def exchange(lists: Lists, is_open: Flags) -> None:
    """Make the move that saves most until none saves; items may be left at their price alone."""
    n_items, n_candidates = len(lists.alone), len(is_open)
    server = np.empty(n_items, np.int64)
    first, second = np.empty(n_items, np.float64), np.empty(n_items, np.float64)
    gain, loss = np.empty(n_candidates, np.float64), np.empty(n_candidates, np.float64)
    slot = np.empty(n_candidates, np.int64)
    size = np.sum(lists.opening) + np.sum(np.abs(lists.alone))
    while True:
        n_open = number_open(is_open, slot)
        two_cheapest(lists, is_open, server, first, second)
        n_swaps = n_open if n_candidates * n_open <= LARGEST_TABLE else 0
        extra = np.zeros((n_candidates, n_swaps), np.float64)
        tally_moves(lists, slot, server, first, second, gain, loss, extra)
        saving, to_open, to_close = best_move(slot, n_open, gain, loss, extra)
        if saving < LEAST_SAVING + ROUNDING * size:
            break
        if to_close >= 0:
            is_open[np.argmax(slot == to_close)] = False
        if to_open >= 0:
            is_open[to_open] = True


@compiled
def improve(lists: Lists, is_open: Flags) -> float:
    """Open, close and swap candidates, in place, best move first; return the cost reached."""
    while True:
        exchange(lists, is_open)
        before = is_open.copy()
        open_needed(lists, is_open)
        if np.array_equal(before, is_open):
            return open_cost(lists, is_open)
