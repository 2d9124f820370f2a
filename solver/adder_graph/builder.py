"""Collects the nodes of a graph one by one: signs drawn out, equal forms made once, no dead ones.

Two nodes with one linear form (up to sign) become one. Forms are told apart by their value at a
fixed random point modulo 2**64; `check` proves the finished graph.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from solver.adder_graph.graph import NO_EDGE, AdderGraph
from solver.adder_graph.kernels import needed

Ints = npt.NDArray[np.int64]

_MODULUS = 1 << 64


class _Node(NamedTuple):
    """The value of a node: its form at the random point, bounds, constant."""

    form: int
    low: int
    high: int
    constant: int


class Part(NamedTuple):
    """A term on its way into a sum: the edge shifted left, subtracted where negative."""

    edge: int
    negative: bool
    shift: int


class Builder:
    """Nodes so far, each with bounds, depth, constant and form of its value."""

    def __init__(self, input_low: Ints, input_high: Ints, share: bool) -> None:
        n_inputs = len(input_low)
        self.share, self.n_inputs = share, n_inputs
        self.input_low, self.input_high = input_low, input_high
        self.low, self.high = input_low.tolist(), input_high.tolist()
        self.depth, self.constant = [0] * n_inputs, [0] * n_inputs
        points = np.random.default_rng(0x5EED).integers(0, 2**63, n_inputs, dtype=np.int64)
        self.form = [2 * int(p) + 1 for p in points]
        self.known = {form: edge for edge, form in enumerate(self.form)}
        self.is_bit = [a >= 0 and b <= 1 for a, b in zip(self.low, self.high, strict=True)]
        self.start, self.is_count = [0], list[bool]()
        self.edge, self.shift, self.negative = list[int](), list[int](), list[bool]()

    def width(self, part: Part) -> int:
        low: int = self.low[part.edge]
        high: int = self.high[part.edge]
        bits = max(high, -low - 1, 0).bit_length()
        return bits + (low < 0) + part.shift

    def count(self, bits: list[Part]) -> Part:
        """A count of the bits; complements bring constants, which outputs take off again."""
        form = sum(-self.form[b.edge] if b.negative else self.form[b.edge] for b in bits)
        node = _Node(form % _MODULUS, 0, len(bits), sum(b.negative for b in bits))
        return self._made(True, bits, node, (len(bits) - 1).bit_length())

    def add(self, left: Part, right: Part) -> Part:
        """left + right, as a sum or a difference, with common shifts and signs drawn out."""
        shared, flip = min(left.shift, right.shift), left.negative and right.negative
        if left.negative != right.negative:
            left, right = (right, left) if left.negative else (left, right)
        elif left.edge > right.edge:
            left, right = right, left
        a, b = left.shift - shared, right.shift - shared
        minus = right.negative and not flip
        terms = [Part(left.edge, False, a), Part(right.edge, minus, b)]
        depth = max(self.depth[left.edge], self.depth[right.edge]) + 1
        part = self._made(False, terms, self._combined(left.edge, a, right.edge, b, minus), depth)
        return Part(part.edge, part.negative != flip, shared)

    def _combined(self, left: int, a: int, right: int, b: int, minus: bool) -> _Node:
        """(left << a) + (right << b), or - where minus."""
        sign = -1 if minus else 1
        ends = sign * (self.low[right] << b), sign * (self.high[right] << b)
        return _Node(
            ((self.form[left] << a) + sign * (self.form[right] << b)) % _MODULUS,
            (self.low[left] << a) + min(ends),
            (self.high[left] << a) + max(ends),
            (self.constant[left] << a) + sign * (self.constant[right] << b),
        )

    def _made(self, is_count: bool, terms: list[Part], node: _Node, depth: int) -> Part:
        """A new node, or the one that has this form already if it is no deeper."""
        for sign in (1, -1) if self.share else ():
            edge = self.known.get(sign * node.form % _MODULUS)
            if edge is not None and self.depth[edge] <= depth:
                return Part(edge, sign < 0, 0)
        self.known[node.form] = len(self.form)
        self.form.append(node.form)
        self.low.append(node.low)
        self.high.append(node.high)
        self.constant.append(node.constant)
        self.depth.append(depth)
        self.is_count.append(is_count)
        for term in terms:
            self.edge.append(term.edge)
            self.shift.append(term.shift)
            self.negative.append(term.negative)
        self.start.append(len(self.edge))
        return Part(len(self.form) - 1, False, 0)

    def graph(self, outputs: list[Part | None]) -> AdderGraph:
        """The graph of these outputs (None: 0), without nodes that none of them needs."""
        edges = np.array([NO_EDGE if p is None else p.edge for p in outputs], dtype=np.int64)
        negative = np.array([p is not None and p.negative for p in outputs], dtype=np.bool_)
        constant = np.array([*self.constant, 0], dtype=np.int64)[edges]
        start, edge = np.array(self.start), np.array(self.edge, dtype=np.int64)
        kept = needed(self.n_inputs, edges[edges != NO_EDGE], start, edge)[self.n_inputs :]
        terms = np.repeat(kept, np.diff(start))
        name = np.full(len(self.form) + 1, NO_EDGE)
        alive = np.concatenate([np.ones(self.n_inputs, dtype=np.bool_), kept])
        name[:-1][alive] = np.arange(int(alive.sum()))
        return AdderGraph(
            self.input_low,
            self.input_high,
            np.concatenate([[0], np.cumsum(np.diff(start)[kept])]),
            name[edge[terms]],
            np.array(self.shift, dtype=np.int64)[terms],
            np.array(self.negative, dtype=np.bool_)[terms],
            np.array(self.is_count, dtype=np.bool_)[kept],
            name[edges],
            negative,
            np.where(negative, constant, -constant),
        )
