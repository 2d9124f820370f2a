"""Which changes a node may make, what each saves and flips, and the best: compiled loops."""

import numpy as np

from crshare.arrays import Int32Array, Int64Array, Words
from crshare.compiled import compiled
from crshare.executor.kernels.sliced import popcount
from crshare.planning.luts.kernels import State, attempt


@compiled
def n_live(s: State, gone: int, instead: int) -> int:
    """Tables that take a LUT: of leaders that an output depends on, with two inputs or more; as if
    node `gone` were led by `instead` (-1: as it is)."""
    n_nodes = s.leader.shape[0]
    live = np.zeros(n_nodes, np.bool_)
    total, at = 0, n_nodes
    while at:
        layer, end = s.node_layer[at - 1], at
        while at and s.node_layer[at - 1] == layer:
            at -= 1
        for node in range(at, end):
            if live[node] or end == n_nodes:
                leader = s.leader[node]
                live[instead if leader == gone else leader] = True
        for node in range(at, end):
            if live[node] and s.leader[node] == node and node != gone:
                support, n = s.support[node], 0
                for place in range(6):
                    if support >> place & 1:
                        n += 1
                        if s.source[node, place] >= 0:
                            live[s.source[node, place]] = True
                total += n > 1
    return total


@compiled
def left_after(s: State, node: int, kind: int, other: int) -> int:
    """n_live with a leader changed."""
    if kind == 2:
        return n_live(s, node, other)
    support = s.support[node]
    if kind == 0:
        s.support[node] = 0
    elif kind == 1:
        s.support[node] = 1 << other
    else:
        s.support[node] = support & ~(1 << other)
    left = n_live(s, -1, -1)
    s.support[node] = support
    return left


@compiled
def entries(s: State, node: int, found: Int64Array) -> None:
    """How often each entry of a node's table is asked for, at all positions; inputs that do not
    matter count as 0."""
    found[:] = 0
    asked = np.zeros(64, np.uint64)
    for position in range(s.n_positions[node]):
        gate = s.first_gate[node] + position * s.stride[node]
        for word in range(s.values.shape[1]):
            asked[0], n = s.real[word], 1
            for place in range(6):
                value = np.uint64(0)
                if s.support[node] >> place & 1:
                    value = s.values[s.inputs[gate, place], word]
                for entry in range(n):
                    asked[n + entry] = asked[entry] & value
                    asked[entry] &= ~value
                n *= 2
            for entry in range(64):
                found[entry] += popcount(asked[entry])


@compiled
def narrowed(table: np.uint64, place: int, support: int, found: Int64Array) -> np.uint64:
    """The table that does not read an input: of two entries the bit of the usual one."""
    one = np.uint64(1)
    made = np.uint64(0)
    for entry in range(64):
        first = entry & support & ~(1 << place)
        other = first | 1 << place
        usual = first if found[first] >= found[other] else other
        made |= (table >> np.uint64(usual) & one) << np.uint64(entry)
    return made


@compiled
def options(
    s: State, node: int, near: Int32Array, found: Int64Array, kinds: Int64Array, tables: Words
) -> int:
    """All changes of a leader that save a LUT: rows of kinds [kind, other, inverse, saved, flips],
    and the tables of narrowed ones; gives their number. near: other nodes of its layer. flips: bits
    of the node that change, at all positions; of a change and its inverse the one of fewer is
    taken."""
    now, n = n_live(s, -1, -1), 0
    entries(s, node, found)
    for kind in range(4):
        n_others = 1 if kind == 0 else near.shape[0] if kind == 2 else 6
        for place in range(n_others):
            other = int(s.leader[near[place]]) if kind == 2 else place
            if kind == 2 and other == node:
                continue
            if kind in (1, 3) and not s.support[node] >> place & 1:
                continue
            if kind == 3 and s.support[node] == 1 << place:
                continue
            saved = now - left_after(s, node, kind, other)
            if saved <= 0:
                continue
            inverse = int(s.inverse[node])
            if kind == 3:
                table = s.tables[s.first_gate[node]]
                tables[n] = narrowed(table, place, s.support[node], found)
                flips = _entries_changed(table ^ tables[n], found)
            else:
                flips, n_bits = _bits_changed(s, node, kind, other), found.sum()
                inverse = int(2 * flips > n_bits)
                flips = min(flips, n_bits - flips)
            kinds[n, 0], kinds[n, 1], kinds[n, 2], kinds[n, 3] = kind, other, inverse, saved
            kinds[n, 4] = flips
            n += 1
    return n


@compiled
def _entries_changed(differ: np.uint64, found: Int64Array) -> int:
    """How often the entries are asked for in which two tables differ."""
    total = 0
    for entry in range(64):
        if differ >> np.uint64(entry) & np.uint64(1):
            total += found[entry]
    return total


@compiled
def _bits_changed(s: State, node: int, kind: int, other: int) -> int:
    """In how many bits a leader differs from 0, one of its inputs, or another node."""
    total = 0
    for position in range(s.n_positions[node]):
        gate = s.first_gate[node] + position * s.stride[node]
        row = s.values[s.n_inputs + gate]
        if kind == 0:
            for word in range(row.shape[0]):
                total += int(popcount(row[word] & s.real[word]))
        else:
            instead = s.inputs[gate, other]
            if kind == 2:
                instead = s.n_inputs + s.first_gate[other] + position * s.stride[other]
            for word in range(row.shape[0]):
                total += int(popcount((row[word] ^ s.values[instead, word]) & s.real[word]))
    return total


@compiled
def best(
    s: State,
    node: int,
    near: Int32Array,
    n_tried: int,
    found: Int64Array,
    kinds: Int64Array,
    tables: Words,
) -> int:
    """The row of the change of a leader that costs least for each LUT that it saves, or -1;
    s.spent holds its cost a LUT, and the growth of the divergence.

    Tried are the n_tried changes that flip the fewest bits of the node for each LUT saved.
    """
    chosen = -1
    s.spent[0] = np.inf
    n = options(s, node, near, found, kinds, tables)
    flips = kinds[:n, 4] / kinds[:n, 3]
    for at in np.argsort(flips, kind="mergesort")[:n_tried]:
        kind, other, inverse = kinds[at, 0], kinds[at, 1], kinds[at, 2] == 1
        grown = attempt(s, node, kind, other, inverse, tables[at])
        if grown / kinds[at, 3] < s.spent[0]:
            s.spent[0], s.spent[1], chosen = grown / kinds[at, 3], grown, at
    return chosen
