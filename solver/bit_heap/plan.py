"""A compressor tree as a value: chains in order, each taking bits off columns and giving sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from solver.arrays import Ints
from solver.bit_heap import search

MAX_NODES = 2000


class LinkKind(IntEnum):
    """What one link of a chain adds up, besides the carry that reaches it.

    PARITY, one column: up to six bits, of whose sum only the lowest bit is wanted. ADD, one column:
    up to two bits. TERNARY, one column: up to four bits; the carry of three of them is a bit of
    the next link. SIX, two columns: up to six bits of the lower one. GROUP, some columns: up to
    five bits that make no sum, only a carry. TABLE, the rest: up to six bits that decide alone.
    """

    PARITY = search.PARITY
    ADD = search.ADD
    TERNARY = search.TERNARY
    SIX = search.SIX
    GROUP = search.GROUP
    TABLE = search.TABLE


@dataclass(frozen=True, slots=True)
class Link:
    """bits: taken from each of its columns, the lowest first."""

    kind: LinkKind
    bits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Links side by side from a column up. carry_in: one bit more is taken off the first column.

    A full adder is a chain of no carries: `loose`, three bits of one column.
    """

    column: int
    links: tuple[Link, ...]
    carry_in: bool = False
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """sites: LUT sites of all chains. last: the chain that ends the heap; None where there is no
    need of one."""

    sites: int
    chains: tuple[Chain, ...]
    last: Chain | None


def compressor_tree(
    heights: Sequence[int], ones: Sequence[int], *, top: bool, max_nodes: int = MAX_NODES
) -> Tree:
    """A tree of few LUT sites for a heap (see `search`).

    heights, ones [columns]: bits of every column, and how many of them are constant 1. top: only
    the highest bit of the sum modulo 2**columns is wanted, as where it is compared.
    """
    left, fixed = (np.array(row, dtype=np.int64) for row in (heights, ones))
    cost, moves = search.search(left, fixed, top, max_nodes)
    chains = [_moved(left, fixed, *(int(n) for n in move)) for move in moves]
    links = np.zeros((len(left), 2), np.int64)
    search.last_chain(left, fixed, top, links)
    return Tree(int(cost), tuple(chains), _last(left, links))


def _moved(left: Ints, fixed: Ints, kind: int, column: int, length: int) -> Chain:
    """A move as a chain, made on the heap."""
    before = left.copy()
    if kind == search.FULL_ADDER:
        chain = Chain(column, (Link(LinkKind.ADD, (3,)),), loose=True)
    else:
        room, step = (6, 2) if kind == search.SIXES else (4, 1)
        found = list[Link]()
        for place in range(length):
            bits = min(int(before[column + place * step]), room + (place == 0))
            carry_in = place == 0 and bits == room + 1
            if kind == search.SIXES:
                found.append(Link(LinkKind.SIX, (bits - carry_in, 0)))
            else:
                found.append(Link(LinkKind.TERNARY, (min(bits - carry_in, room - (place > 0)),)))
        first = sum(found[0].bits)
        chain = Chain(column, tuple(found), carry_in=int(before[column]) > first)
    search.moved(left, fixed, kind, column, length)
    return chain


def _last(left: Ints, links: Ints) -> Chain | None:
    """The chain that ends the heap, as `last_chain` found it."""
    places = np.flatnonzero(links[:, 0]).tolist()
    if not places:
        return None
    found, carry_in = list[Link](), False
    for place in places:
        kind, size = LinkKind(int(links[place, 0])), int(links[place, 1])
        bits = [int(n) for n in left[place : place + size]]
        if place == places[0] and kind is not LinkKind.TABLE:
            carry_in = _spare(kind, bits)
            bits[0] -= carry_in
        found.append(Link(kind, tuple(bits)))
    return Chain(places[0], tuple(found), carry_in)


_ROOM = {LinkKind.PARITY: 6, LinkKind.ADD: 2, LinkKind.TERNARY: 4, LinkKind.SIX: 6}


def _spare(kind: LinkKind, bits: list[int]) -> bool:
    """Whether the first link leaves a bit to the carry into the chain."""
    if kind is LinkKind.GROUP:
        return bits[0] > 0
    return bits[0] > _ROOM[kind]
