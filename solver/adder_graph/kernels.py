"""The compiled inner loops of the adder graph (numba), and nothing else."""

from __future__ import annotations

from typing import cast

import numpy as np

from solver.arrays import Flags, Floats, Forms, Ints, Signs
from solver.compiled import compiled

ZERO = cast(int, np.int64(0))  # where counting begins: for a bare 0, callees are compiled once more


@compiled
def bit_length(value: int) -> int:
    """Bits of a non-negative integer, 0 for 0."""
    bits = 0
    while value > 0:
        value >>= 1
        bits += 1
    return bits


@compiled
def run_nodes(
    values: Forms, start: Ints, edge: Ints, shift: Ints, negative: Flags, complements: Flags,
    constant: Ints, complement: int, first: int, end: int,
) -> None:  # fmt: skip
    """Fill the rows of values [n_edges, batch] of the nodes first to end - 1 with their sums.

    complements [n_nodes]: whether a node's negative term x stands for `complement` - x.
    constant [n_nodes]: added to the sum, times `complement`.
    """
    n_inputs = values.shape[0] - len(complements)
    ones = values.dtype.type(complement)
    for node in range(first, end):
        made = values[n_inputs + node]
        first_value = ones * values.dtype.type(constant[node])
        for b in range(len(made)):
            made[b] = first_value
        for t in range(start[node], start[node + 1]):
            read, factor = values[edge[t]], values.dtype.type(1 << shift[t])
            if not negative[t]:
                for b in range(len(made)):
                    made[b] += read[b] * factor
            elif complements[node]:
                for b in range(len(made)):
                    made[b] += ones - read[b]
            else:
                for b in range(len(made)):
                    made[b] -= read[b] * factor


@compiled
def coefficient_bounds(n_inputs: int, start: Ints, edge: Ints, shift: Ints) -> Floats:
    """What no coefficient of any edge's form exceeds: the terms' bounds added up. [n_edges]"""
    most = np.ones(n_inputs + len(start) - 1, dtype=np.float64)
    for node in range(len(start) - 1):
        total = 0.0
        for t in range(start[node], start[node + 1]):
            total += most[edge[t]] * 2.0 ** shift[t]
        most[n_inputs + node] = total
    return most


@compiled
def node_depths(n_inputs: int, start: Ints, edge: Ints) -> Ints:
    """Two-operand additions on the longest path to every edge. [n_edges]"""
    depth = np.zeros(n_inputs + len(start) - 1, dtype=np.int64)
    for node in range(len(start) - 1):
        deepest = 0
        for t in range(start[node], start[node + 1]):
            deepest = max(deepest, depth[edge[t]])
        levels, reach = 0, 1
        while reach < start[node + 1] - start[node]:
            levels, reach = levels + 1, 2 * reach
        depth[n_inputs + node] = deepest + levels
    return depth


@compiled
def levels_of(n_inputs: int, start: Ints, source: Ints) -> Ints:
    """For every sum its distance from the inputs, whatever order the sums stand in. [n_sums]"""
    level = np.full(len(start) - 1, -1, dtype=np.int64)
    stack = np.empty(len(start) - 1, dtype=np.int64)
    for root in range(len(level)):
        stack[0], top = root, 1
        while top > 0:
            here = stack[top - 1]
            own, ready = 0, level[here] < 0
            for t in range(start[here], start[here + 1]):
                below = source[t] - n_inputs
                if ready and below >= 0 and level[below] < 0:
                    stack[top], top, ready = below, top + 1, False
                elif below >= 0:
                    own = max(own, level[below] + 1)
            if ready:
                level[here] = own
            if ready or level[here] >= 0:
                top -= 1
    return level


@compiled
def named(n_inputs: int, start: Ints, source: Ints, coefficient: Ints) -> tuple[Ints, Ints]:
    """For every node what it is another name for, and times what: sums of one term. [n_nodes]"""
    n_nodes = n_inputs + len(start) - 1
    target, factor = np.arange(n_nodes), np.ones(n_nodes, dtype=np.int64)
    for s in range(len(start) - 1):
        if start[s + 1] - start[s] == 1:
            below = source[start[s]]
            target[n_inputs + s] = target[below]
            factor[n_inputs + s] = coefficient[start[s]] * factor[below]
    return target, factor


@compiled
def needed(n_inputs: int, wanted: Ints, start: Ints, source: Ints) -> Flags:
    """Which nodes the wanted ones need, themselves included. [n_nodes]"""
    live = np.zeros(n_inputs + len(start) - 1, dtype=np.bool_)
    live[wanted] = True
    for s in range(len(start) - 2, -1, -1):
        if live[n_inputs + s]:
            for t in range(start[s], start[s + 1]):
                live[source[t]] = True
    return live


@compiled
def _take(node: int, factor: int, total: Ints, touched: Ints, n: int, is_in: Flags) -> int:
    """Add factor times node to the sum being gathered; how many nodes it has touched."""
    if not is_in[node]:
        is_in[node] = True
        touched[n] = node
        n += 1
    total[node] += factor
    return n


@compiled
def _pour(
    total: Ints, touched: Ints, n: int, is_in: Flags, source: Ints, factor: Ints, end: int
) -> int:
    """Write the gathered terms from end on and clear them; the new end, or -1 if some
    coefficient is no power of two or there is no room."""
    sound = end + n <= len(source)
    for i in range(n):
        node = touched[i]
        value = total[node]
        total[node], is_in[node] = 0, False
        if value != 0 and sound:
            sound = (abs(value) & (abs(value) - 1)) == 0
            source[end], factor[end] = node, value
            end += 1
    return end if sound else -1


@compiled
def dissolved(
    n_inputs: int, start: Ints, source: Ints, coefficient: Ints, away: Flags
) -> tuple[Ints, Ints, Ints, bool]:
    """Put the terms of the sums marked `away` where those sums are read, equal sources merged.

    New starts, sources and coefficients (marked sums stand alone, read by none), and whether all
    merged coefficients are plus or minus powers of two and there was room.
    """
    n_nodes, room = n_inputs + len(start) - 1, 4 * len(source) + 16
    total, touched = np.zeros(n_nodes, dtype=np.int64), np.empty(n_nodes, dtype=np.int64)
    is_in = np.zeros(n_nodes, dtype=np.bool_)
    new_source, new_factor = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    new_start = np.zeros_like(start)
    for s in range(len(start) - 1):
        n = 0
        for t in range(start[s], start[s + 1]):
            below = source[t] - n_inputs
            if below >= 0 and away[below]:
                for u in range(new_start[below], new_start[below + 1]):
                    factor = coefficient[t] * new_factor[u]
                    n = _take(new_source[u], factor, total, touched, n, is_in)
            else:
                n = _take(source[t], coefficient[t], total, touched, n, is_in)
        end = _pour(total, touched, n, is_in, new_source, new_factor, new_start[s])
        if end < 0:
            return new_start, new_source, new_factor, False
        new_start[s + 1] = end
    return new_start, new_source[: new_start[-1]], new_factor[: new_start[-1]], True


@compiled
def sum_depths(n_inputs: int, start: Ints, source: Ints) -> Ints:
    """The least depth of every node when each sum adds its shallowest terms first. [n_nodes]"""
    depth = np.zeros(n_inputs + len(start) - 1, dtype=np.int64)
    for s in range(len(start) - 1):
        if start[s + 1] - start[s] == 1:
            depth[n_inputs + s] = depth[source[start[s]]]
            continue
        load, level = 0, 0
        for t in range(start[s], start[s + 1]):
            load += 1 << depth[source[t]]
        while (1 << level) < load:
            level += 1
        depth[n_inputs + s] = level
    return depth


@compiled
def reached(n_inputs: int, start: Ints, edge: Ints, first: int, end: int, place: Ints) -> int:
    """Number the edges that read any of the inputs first to end - 1 in place [n_edges], from 0 in
    their order, the others -1; how many there are."""
    n = 0
    for i in range(n_inputs):
        place[i] = -1
    for i in range(first, end):
        place[i] = n
        n += 1
    for node in range(len(start) - 1):
        place[n_inputs + node] = -1
        for t in range(start[node], start[node + 1]):
            if place[edge[t]] >= 0:
                place[n_inputs + node] = n
                n += 1
                break
    return n


@compiled
def fill_forms(
    form: Forms, place: Ints, n_inputs: int, start: Ints, edge: Ints, shift: Ints, negative: Flags
) -> None:
    """The coefficients of a block of inputs [n_reached, block], which is zero but for the inputs'
    own, in every edge that `reached` numbered."""
    for node in range(len(start) - 1):
        if place[n_inputs + node] < 0:
            continue
        made = form[place[n_inputs + node]]
        for t in range(start[node], start[node + 1]):
            if place[edge[t]] < 0:
                continue
            read, factor = form[place[edge[t]]], form.dtype.type(1 << shift[t])
            if negative[t]:
                factor = -factor
            for b in range(len(made)):
                made[b] += read[b] * factor


@compiled
def widen_ranges(
    form: Forms, place: Ints, low: Ints, high: Ints, total_low: Ints, total_high: Ints
) -> None:
    """Add to the range of every edge what the inputs of form [n_reached, inputs] can add to it."""
    for edge in range(len(place)):
        if place[edge] < 0:
            continue
        least, most = 0, 0
        for i in range(form.shape[1]):
            at_low, at_high = form[place[edge], i] * low[i], form[place[edge], i] * high[i]
            least += min(at_low, at_high)
            most += max(at_low, at_high)
        total_low[edge] += least
        total_high[edge] += most


@compiled
def spanning_tree(matrix: Signs) -> tuple[Ints, Ints, Ints]:
    """Prim's tree of Hamming distance up to sign on rows of -1, 0 and +1, from the zero row.

    Out, [n_rows] each: the rows in order of joining; parent (-1: the zero row); sign of the
    parent that is nearer. The zero row counts one less: to read it costs no addition.
    """
    n_rows, n_inputs = matrix.shape
    order, parent = np.empty(n_rows, np.int64), np.full(n_rows, -1)
    sign, distance = np.ones(n_rows, np.int64), np.empty(n_rows, np.int64)
    waiting = np.ones(n_rows, np.bool_)
    for row in range(n_rows):
        distance[row] = np.count_nonzero(matrix[row]) - 1
    for place in range(n_rows):
        here = -1
        for row in range(n_rows):
            if waiting[row] and (here < 0 or distance[row] < distance[here]):
                here = row
        waiting[here] = False
        order[place] = here
        for row in range(n_rows):
            if waiting[row]:
                differ, opposed = 0, 0
                for i in range(n_inputs):
                    differ += matrix[row, i] != matrix[here, i]
                    opposed += matrix[row, i] != -matrix[here, i]
                away = min(differ, opposed)
                if away < distance[row]:
                    distance[row], parent[row] = away, here
                    sign[row] = -1 if opposed < differ else 1
    return order, parent, sign


@compiled
def difference_terms(
    matrix: Signs, order: Ints, parent: Ints, sign: Ints, node: Ints
) -> tuple[Ints, Ints, Ints]:
    """Every row as its signed parent's node and what differs: sums in compressed rows, in order."""
    n_rows, n_inputs = matrix.shape
    start = np.zeros(n_rows + 1, np.int64)
    source = np.empty(n_rows * (n_inputs + 1), np.int64)
    coefficient = np.empty(n_rows * (n_inputs + 1), np.int64)
    n = 0
    for place in range(n_rows):
        row = order[place]
        above = parent[row]
        if above >= 0:
            source[n], coefficient[n] = node[above], sign[row]
            n += 1
        for i in range(n_inputs):
            taken = sign[row] * matrix[above, i] if above >= 0 else 0
            if matrix[row, i] != taken:
                source[n], coefficient[n] = i, matrix[row, i] - taken
                n += 1
        start[place + 1] = n
    return start, source[:n].copy(), coefficient[:n].copy()
