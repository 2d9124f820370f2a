"""The compiled inner loops of the facility-location bounds (numba), and nothing else.

All of them read a problem as `Lists`: for each item its candidates by rising cost, pruned of those
that cost more than serving the item alone. Costs are float64 holding whole numbers.
"""

from typing import NamedTuple

import numpy as np

from solver.arrays import Floats, Ints
from solver.compiled import compiled


class Lists(NamedTuple):
    """Pairs of item i stand at starts[i]:starts[i+1], by rising cost.

    Shapes: opening (F,), starts (I+1,), candidate and cost (pairs kept,), alone and lone (I,):
    what serving the item alone costs, opening included, and by which candidate.
    """

    opening: Floats
    starts: Ints
    candidate: Ints
    cost: Floats
    alone: Floats
    lone: Ints


@compiled
def _by_cost(pairs: Ints, spare: Ints, cost: Floats, n: int) -> Ints:
    """The first n pairs by rising cost, equal ones as they stood, in one of the two arrays.

    A merge sort: NumPy's, called from here, would take seconds to compile.
    """
    length = 1
    while length < n:
        for first in range(0, n, 2 * length):
            middle, end = min(first + length, n), min(first + 2 * length, n)
            i, j = first, middle
            for place in range(first, end):
                if i < middle and (j == end or cost[pairs[i]] <= cost[pairs[j]]):
                    spare[place] = pairs[i]
                    i += 1
                else:
                    spare[place] = pairs[j]
                    j += 1
        pairs, spare = spare, pairs
        length *= 2
    return pairs


@compiled
def sorted_lists(opening: Floats, starts: Ints, candidate: Ints, cost: Floats) -> Lists:
    """Sort the pairs of each item by cost, without those above its price alone."""
    n_items = len(starts) - 1
    kept_starts = np.zeros(n_items + 1, np.int64)
    kept_candidate = np.empty(len(cost), np.int64)
    kept_cost = np.empty(len(cost), np.float64)
    alone = np.empty(n_items, np.float64)
    lone = np.empty(n_items, np.int64)
    kept, spare = np.empty(len(opening), np.int64), np.empty(len(opening), np.int64)
    end = 0
    for i in range(n_items):
        alone[i] = np.inf
        for pair in range(starts[i], starts[i + 1]):
            price = cost[pair] + opening[candidate[pair]]
            if price < alone[i]:
                alone[i], lone[i] = price, candidate[pair]
        count = 0
        for pair in range(starts[i], starts[i + 1]):
            if cost[pair] <= alone[i]:
                kept[count] = pair
                count += 1
        pairs = _by_cost(kept, spare, cost, count)
        for k in range(count):
            pair = pairs[k]
            kept_candidate[end] = candidate[pair]
            kept_cost[end] = cost[pair]
            end += 1
        kept_starts[i + 1] = end
    return Lists(opening, kept_starts, kept_candidate[:end], kept_cost[:end], alone, lone)


@compiled
def ascend(lists: Lists) -> Floats:
    """Dual ascent (Erlenkotter 1978): prices of items that pay for no candidate too much.

    Each item in turn raises its price to its next cost, as far as the candidates it reaches have
    slack, until no price can rise.
    """
    slack = lists.opening.copy()
    level = lists.starts[:-1].copy()
    price = np.empty(len(level), np.float64)
    for i in range(len(level)):
        price[i] = lists.cost[level[i]]
    rising = True
    while rising:
        rising = False
        for i in range(len(level)):
            last = lists.starts[i + 1]
            while level[i] < last and lists.cost[level[i]] <= price[i]:
                level[i] += 1
            room = np.inf
            for pair in range(lists.starts[i], level[i]):
                room = min(room, slack[lists.candidate[pair]])
            reached = price[i] + room
            if level[i] < last and lists.cost[level[i]] <= reached:
                reached = lists.cost[level[i]]
                rising = True
            room = reached - price[i]
            if room > 0:
                price[i] = reached
                for pair in range(lists.starts[i], level[i]):
                    slack[lists.candidate[pair]] -= room
    return price


@compiled
def dual_value(lists: Lists, price: Floats, slack: Floats) -> float:
    """Lower bound that `price`, shape (I,), proves; fills `slack`, shape (F,)."""
    for j in range(len(slack)):
        slack[j] = lists.opening[j]
    total = 0.0
    for i in range(len(price)):
        total += price[i]
        for pair in range(lists.starts[i], lists.starts[i + 1]):
            if lists.cost[pair] >= price[i]:
                break
            slack[lists.candidate[pair]] -= price[i] - lists.cost[pair]
    for j in range(len(slack)):
        total += min(slack[j], 0.0)
    return total


@compiled
def subgradient(
    lists: Lists, price: Floats, target: float, n_rounds: int, patience: int, scale: float
) -> tuple[Floats, float, float]:
    """Raise the bound of `price` by at most `n_rounds` deflected subgradient steps.

    Steps after Held, Wolfe & Crowder (1974): aimed at `target`, the cost of a known selection, and
    halved after `patience` rounds without progress. Returns the best prices, their bound, and the
    scale of the next step.
    """
    slack = np.empty(len(lists.opening), np.float64)
    current, best = price.copy(), price.copy()
    step = np.zeros(len(price), np.float64)
    best_value = -np.inf
    idle = 0
    for _ in range(n_rounds):
        value = dual_value(lists, current, slack)
        idle += 1
        if value > best_value:
            best_value, idle = value, 0
            best = current.copy()
        elif idle >= patience:
            scale, idle = scale / 2, 0
            current, step = best.copy(), np.zeros_like(step)
            value = dual_value(lists, current, slack)
        if target - best_value < 0.99 or scale < 0.005:
            break
        norm = 0.0
        for i in range(len(price)):
            demand = 1.0
            for pair in range(lists.starts[i], lists.starts[i + 1]):
                if lists.cost[pair] >= current[i]:
                    break
                if slack[lists.candidate[pair]] < 0:
                    demand -= 1.0
            step[i] = demand + 0.5 * step[i]
            norm += step[i] * step[i]
        if norm == 0.0:
            break
        length = scale * (target - value) / norm
        for i in range(len(price)):
            cheapest = lists.cost[lists.starts[i]]
            current[i] = min(max(current[i] + length * step[i], cheapest), lists.alone[i])
    return best, best_value, scale


@compiled
def exact_slacks(opening: Ints, starts: Ints, candidate: Ints, cost: Ints, price: Ints) -> Ints:
    """Shape (F,): opening costs less what the items would pay, in whole numbers, no pair pruned."""
    slack = opening.copy()
    for i in range(len(price)):
        for pair in range(starts[i], starts[i + 1]):
            slack[candidate[pair]] -= max(price[i] - cost[pair], 0)
    return slack
