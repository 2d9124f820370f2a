"""Collects the nodes of a graph one by one: signs drawn out, equal forms made once, no dead ones.

Two nodes with one linear form (up to sign) become one. Forms are told apart by their value at a
fixed random point modulo 2**64; `check` proves the finished graph. A part, a term on its way into a
sum, is one integer: its edge, its shift, and whether it is subtracted (`part_of`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solver.adder_graph.graph import NO_EDGE, AdderGraph
from solver.adder_graph.kernels import ZERO, bit_length, needed
from solver.adder_graph.kinds import COUNT, SUM
from solver.arrays import Ints
from solver.compiled import compiled

NO_PART = -1
_EDGE = 7  # bits below the edge: six of shift, one of sign
_SHIFTS = 63
_SCATTER = 0x1E3779B97F4A7C15


class Nodes(NamedTuple):
    """Edges so far, inputs first, and the terms of the nodes among them.

    size: numbers of edges and of terms. slot: a hash table of edges by form, open, -1 where free.
    """

    n_inputs: int
    share: bool
    size: Ints
    form: Ints
    low: Ints
    high: Ints
    constant: Ints
    depth: Ints
    start: Ints
    term: Ints
    kind: Ints
    slot: Ints


def empty(input_low: Ints, input_high: Ints, n_terms: int, share: bool) -> Nodes:
    """No nodes, and room for what sums of n_terms terms can become."""
    n_inputs = len(input_low)
    most = n_inputs + n_terms
    points = np.random.default_rng(0x5EED).integers(0, 2**63, n_inputs, dtype=np.int64)
    form, low, high, constant, depth = (np.zeros(most, np.int64) for _ in range(5))
    nodes = Nodes(
        n_inputs=n_inputs,
        share=share,
        size=np.array([0, 0]),
        form=form,
        low=low,
        high=high,
        constant=constant,
        depth=depth,
        start=np.zeros(n_terms + 1, np.int64),
        term=np.zeros(2 * n_terms, np.int64),
        kind=np.zeros(n_terms, np.int64),
        slot=np.full(1 << (2 * most + 2).bit_length(), -1),
    )
    nodes.form[:n_inputs] = 2 * points + 1
    nodes.low[:n_inputs], nodes.high[:n_inputs] = input_low, input_high
    _name_inputs(nodes)
    return nodes


@compiled
def part_of(edge: int, shift: int, negative: bool) -> int:
    return (edge << _EDGE) | (shift << 1) | int(negative)


@compiled
def edge_of(part: int) -> int:
    return part >> _EDGE


@compiled
def shift_of(part: int) -> int:
    return (part >> 1) & _SHIFTS


@compiled
def is_negative(part: int) -> bool:
    return (part & 1) == 1


@compiled
def width_of(nodes: Nodes, part: int) -> int:
    low, high = nodes.low[edge_of(part)], nodes.high[edge_of(part)]
    return int(bit_length(max(high, -low - 1, 0)) + (low < 0) + shift_of(part))


@compiled
def _place(nodes: Nodes, form: int) -> int:
    """Where the hash table holds the edge of this form, or would."""
    mask = len(nodes.slot) - 1
    place = ((form * _SCATTER) >> 20) & mask
    while nodes.slot[place] >= 0 and nodes.form[nodes.slot[place]] != form:
        place = (place + 1) & mask
    return place


@compiled
def _name_inputs(nodes: Nodes) -> None:
    nodes.size[0] = nodes.n_inputs
    for edge in range(nodes.n_inputs):
        nodes.slot[_place(nodes, nodes.form[edge])] = edge


@compiled
def _made(
    nodes: Nodes, kind: int, terms: Ints, form: int, low: int, high: int, constant: int,
    depth: int,
) -> int:  # fmt: skip
    """A new node, or the one that has this form already if it is no deeper, as a part."""
    place = _place(nodes, form)
    if nodes.share:
        for sign in (1, -1):
            known = nodes.slot[place if sign > 0 else _place(nodes, -form)]
            if known >= 0 and nodes.depth[known] <= depth:
                return part_of(known, 0, sign < 0)
    edge, at = nodes.size
    nodes.slot[place] = edge
    nodes.form[edge], nodes.low[edge], nodes.high[edge] = form, low, high
    nodes.constant[edge], nodes.depth[edge] = constant, depth
    nodes.kind[edge - nodes.n_inputs] = kind
    for i in range(len(terms)):
        nodes.term[at + i] = terms[i]
    nodes.size[0], nodes.size[1] = edge + 1, at + len(terms)
    nodes.start[edge + 1 - nodes.n_inputs] = at + len(terms)
    return part_of(edge, 0, False)


@compiled
def count(nodes: Nodes, bits: Ints) -> int:
    """A count of the bits; complements bring constants, which outputs take off again."""
    form, complements = ZERO, ZERO
    for bit in bits:
        form += -nodes.form[edge_of(bit)] if is_negative(bit) else nodes.form[edge_of(bit)]
        complements += is_negative(bit)
    return _made(nodes, COUNT, bits, form, 0, len(bits), complements, bit_length(len(bits) - 1))


@compiled
def add(nodes: Nodes, left: int, right: int) -> int:
    """left + right, as a sum or a difference, with common shifts and signs drawn out."""
    shared = min(shift_of(left), shift_of(right))
    flip = is_negative(left) and is_negative(right)
    if is_negative(left) != is_negative(right):
        if is_negative(left):
            left, right = right, left
    elif edge_of(left) > edge_of(right):
        left, right = right, left
    a, b = shift_of(left) - shared, shift_of(right) - shared
    minus = is_negative(right) and not flip
    sign = -1 if minus else 1
    x, y = edge_of(left), edge_of(right)
    ends = sign * (nodes.low[y] << b), sign * (nodes.high[y] << b)
    part = _made(
        nodes,
        SUM,
        np.array([part_of(x, a, False), part_of(y, b, minus)]),
        (nodes.form[x] << a) + sign * (nodes.form[y] << b),
        (nodes.low[x] << a) + min(ends[0], ends[1]),
        (nodes.high[x] << a) + max(ends[0], ends[1]),
        (nodes.constant[x] << a) + sign * (nodes.constant[y] << b),
        max(nodes.depth[x], nodes.depth[y]) + 1,
    )
    return part_of(edge_of(part), shared, is_negative(part) != flip)


def graph_of(nodes: Nodes, outputs: Ints) -> AdderGraph:
    """The graph of these output parts (NO_PART: 0), without nodes that none of them needs.

    An output's shift must be 0: an adder graph has no shifted outputs.
    """
    n_edges, n_terms = (int(n) for n in nodes.size)
    n_inputs, term = nodes.n_inputs, nodes.term[:n_terms]
    start, edge = nodes.start[: n_edges - n_inputs + 1], term >> _EDGE
    there = outputs != NO_PART
    edges = np.where(there, outputs >> _EDGE, NO_EDGE)
    negative = there & (outputs & 1).astype(np.bool_)
    constant = np.append(nodes.constant[:n_edges], 0)[edges]
    kept = needed(n_inputs, edges[there], start, edge)[n_inputs:]
    terms = np.repeat(kept, np.diff(start))
    name = np.full(n_edges + 1, NO_EDGE)
    alive = np.concatenate([np.ones(n_inputs, dtype=np.bool_), kept])
    name[:-1][alive] = np.arange(int(alive.sum()))
    return AdderGraph(
        nodes.low[:n_inputs],
        nodes.high[:n_inputs],
        np.concatenate([[0], np.cumsum(np.diff(start)[kept])]),
        name[edge[terms]],
        ((term >> 1) & _SHIFTS)[terms],
        (term & 1).astype(np.bool_)[terms],
        nodes.kind[: n_edges - n_inputs][kept],
        np.zeros(int(kept.sum()), np.int64),
        name[edges],
        negative,
        np.where(negative, constant, -constant),
    )
