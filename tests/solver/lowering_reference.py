"""The lowering of sums to adders in plain Python: what `solver.adder_graph.adder_trees` must equal.

A sum's bits are counted in chunks of up to six; then the two narrowest terms (or, shallow, the two
shallowest) are added again and again. Nodes with one linear form, up to sign, become one.
"""

from __future__ import annotations

import heapq
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from solver.adder_graph.graph import NO_EDGE, AdderGraph
from solver.adder_graph.kernels import needed
from solver.adder_graph.kinds import COUNT, MAX_COUNT_BITS, SUM
from solver.adder_graph.sums import Sums, pruned

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
        self.start, self.kind = [0], list[int]()
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
        return self._made(COUNT, bits, node, (len(bits) - 1).bit_length())

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
        part = self._made(SUM, terms, self._combined(left.edge, a, right.edge, b, minus), depth)
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

    def _made(self, kind: int, terms: list[Part], node: _Node, depth: int) -> Part:
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
        self.kind.append(kind)
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
            np.array(self.kind, dtype=np.int64)[kept],
            np.zeros(int(kept.sum()), np.int64),
            name[edges],
            negative,
            np.where(negative, constant, -constant),
        )


def lower(
    sums: Sums, input_low: Ints, input_high: Ints, *, shallow: bool = False, share: bool = True
) -> AdderGraph:
    """The adder graph of the sums.

    shallow keeps every sum as shallow as its terms allow; share makes equal nodes one.
    """
    sums = pruned(sums)
    builder = Builder(input_low, input_high, share)
    parts: list[Part | None] = [Part(i, False, 0) for i in range(sums.n_inputs)]
    sources, coefficients = sums.source.tolist(), sums.coefficient.tolist()
    start = sums.start.tolist()
    for s in range(sums.n_sums):
        terms = [
            _scaled(part, coefficients[t])
            for t in range(start[s], start[s + 1])
            if (part := parts[sources[t]]) is not None
        ]
        parts.append(_tree(builder, terms, shallow))
    return builder.graph(parts[len(parts) - sums.n_outputs :])


def _scaled(part: Part, coefficient: int) -> Part:
    shift = abs(coefficient).bit_length() - 1
    return Part(part.edge, part.negative != (coefficient < 0), part.shift + shift)


def _tree(builder: Builder, terms: list[Part], shallow: bool) -> Part | None:
    """Add the terms up; None for no terms at all."""
    bits, rest = list[Part](), list[Part]()
    for term in terms:
        is_bit = term.edge < builder.n_inputs and builder.is_bit[term.edge] and not term.shift
        (bits if is_bit else rest).append(term)
    heap = [_ranked(builder, p, shallow) for p in (*rest, *_counted(builder, bits, shallow))]
    heapq.heapify(heap)
    while len(heap) > 1:
        left, right = heapq.heappop(heap)[-1], heapq.heappop(heap)[-1]
        heapq.heappush(heap, _ranked(builder, builder.add(left, right), shallow))
    return heap[0][-1] if heap else None


def _ranked(builder: Builder, part: Part, shallow: bool) -> tuple[int, int, int, int, Part]:
    """Sorts parts by width, or by depth; edges and shifts make the order complete."""
    width, depth = builder.width(part), builder.depth[part.edge]
    first, second = (depth, width) if shallow else (width, depth)
    return first, second, part.edge, 2 * part.shift + part.negative, part


def _counted(builder: Builder, bits: list[Part], shallow: bool) -> list[Part]:
    """Counts of the bits in chunks; a bit alone stays as it is."""
    counts, first = list[Part](), 0
    for size in _quads(len(bits)) if shallow else chunks(len(bits)):
        chunk = bits[first : first + size]
        counts.append(builder.count(chunk) if size > 1 else chunk[0])
        first += size
    return counts


def _quads(n_bits: int) -> list[int]:
    """Chunks that are as shallow as a balanced tree of two-operand additions."""
    return [4] * (n_bits // 4) + ([2] if n_bits % 4 >= 2 else []) + [1] * (n_bits % 2)


@cache
def chunks(n_bits: int) -> list[int]:
    """Sizes of the counts that n bits are cut into: sixes, with the cheapest few smaller ones."""
    best, best_cost = [n_bits], _popcount_cost((n_bits,)) if n_bits <= MAX_COUNT_BITS else 2**62
    for fives in range(4):
        for fours in range(7):
            rest = n_bits - 5 * fives - 4 * fours
            if rest < 0:
                continue
            tail = [rest % 6] if rest % 6 else []
            sizes = [6] * (rest // 6) + [5] * fives + [4] * fours + tail
            cost = _popcount_cost(tuple(sizes))
            if sizes and cost < best_cost:
                best, best_cost = sizes, cost
    return best if n_bits else []


def _popcount_cost(sizes: tuple[int, ...]) -> int:
    """Full adders of counting these chunks and adding the counts, by the rule of `measures`."""
    total = sum(max(c - c.bit_length(), 1) for c in sizes if c > 1)
    heap = sorted(sizes)
    while len(heap) > 1:
        small, large = heapq.heappop(heap), heapq.heappop(heap)
        total += large.bit_length()
        heapq.heappush(heap, small + large)
    return total
