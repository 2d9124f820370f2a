"""Linear forms of edges, exact, a block of inputs at a time, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from solver.adder_graph.kernels import (
    coefficient_bounds,
    fill_forms,
    reached,
    run_nodes,
    widen_ranges,
)
from solver.adder_graph.kinds import KINDS, complementing, inexact
from solver.arrays import Forms, Ints

_BLOCK = 32  # inputs at a time: few edges read any of them


class Wiring(Protocol):
    """What forms need of an adder graph: its inputs' ranges, its nodes and their terms."""

    @property
    def n_inputs(self) -> int: ...
    @property
    def input_low(self) -> Ints: ...
    @property
    def input_high(self) -> Ints: ...
    @property
    def start(self) -> Ints: ...
    @property
    def term_edge(self) -> Ints: ...
    @property
    def term_shift(self) -> Ints: ...
    @property
    def term_negative(self) -> npt.NDArray[np.bool_]: ...
    @property
    def kind(self) -> Ints: ...
    @property
    def constant(self) -> Ints: ...


def run(graph: Wiring, inputs: Forms, complement: int) -> Forms:
    """Values of all edges [n_edges, batch] for inputs [n_inputs, batch].

    A complemented bit counts as `complement` - x, and a node's constant as often: 1 gives the
    values, 0 the linear parts alone.
    The values have the dtype of the inputs, which must be wide enough for them.
    """
    values: Forms = np.empty(
        (graph.n_inputs + len(graph.kind), inputs.shape[1]), dtype=inputs.dtype
    )
    values[: graph.n_inputs] = inputs
    complements = complementing(graph.kind)

    def add_up(first: int, end: int) -> None:
        run_nodes(
            values, graph.start, graph.term_edge, graph.term_shift, graph.term_negative,
            complements, graph.constant, complement, first, end,
        )  # fmt: skip

    first = 0
    for node in inexact(graph.kind).tolist():
        add_up(first, node + 1)
        edge, first = graph.n_inputs + node, node + 1
        values[edge] = KINDS[graph.kind[node]].finish(values[edge])
    add_up(first, len(graph.kind))
    return values


def constants(graph: Wiring) -> Ints:
    """The constant of every edge's form: its value when all inputs are 0. [n_edges]"""
    values = run(graph, np.zeros((graph.n_inputs, 1), dtype=np.int64), complement=1)
    return values[:, 0].astype(np.int64)


def form_blocks(graph: Wiring) -> Iterator[tuple[slice, Ints, Forms]]:
    """For consecutive blocks of inputs, where the edges that read any of them stand (place
    [n_edges], -1: reads none), and their coefficients [n_reached, block]."""
    dtype = np.int32 if _is_narrow(graph) else np.int64
    for first in range(0, graph.n_inputs, _BLOCK):
        block = slice(first, min(first + _BLOCK, graph.n_inputs))
        size = block.stop - first
        place = np.empty(graph.n_inputs + len(graph.kind), dtype=np.int64)
        n_reached = reached(graph.n_inputs, graph.start, graph.term_edge, first, block.stop, place)
        form: Forms = np.zeros((n_reached, size), dtype=dtype)
        form[:size] = np.eye(size, dtype=dtype)
        fill_forms(
            form, place, graph.n_inputs, graph.start, graph.term_edge, graph.term_shift,
            graph.term_negative,
        )  # fmt: skip
        yield block, place, form


def _is_narrow(graph: Wiring) -> bool:
    """Whether no coefficient can leave 32 bits, every term taken at its largest."""
    most = coefficient_bounds(graph.n_inputs, graph.start, graph.term_edge, graph.term_shift)
    return bool(most.max(initial=0) < 2**31)


def edge_ranges(graph: Wiring) -> tuple[Ints, Ints]:
    """Least and greatest value of every edge over all inputs in their ranges. [n_edges] each

    Exact where an edge has a linear form. An inexact node and whatever reads one have none: their
    ranges follow from those of the terms, and may be wider than need be.
    """
    low = constants(graph)
    high = low.copy()
    for block, place, form in form_blocks(graph):
        widen_ranges(form, place, graph.input_low[block], graph.input_high[block], low, high)
    _enclose_formless(graph, low, high)
    return low, high


def _enclose_formless(graph: Wiring, low: Ints, high: Ints) -> None:
    formless = np.zeros(len(low), dtype=np.bool_)
    for node in range(*_span(inexact(graph.kind), len(graph.kind))):
        row = KINDS[graph.kind[node]]
        terms = slice(graph.start[node], graph.start[node + 1])
        edges, negative = graph.term_edge[terms], graph.term_negative[terms]
        if row.exact and not formless[edges].any():
            continue
        ends = np.stack([low[edges], high[edges]]) << graph.term_shift[terms]
        turned = int(row.complements) - ends[::-1]
        sums = np.where(negative, turned, ends).sum(axis=1)
        edge = graph.n_inputs + node
        formless[edge] = True
        low[edge], high[edge] = row.finish(sums)


def _span(places: Ints, end: int) -> tuple[int, int]:
    """From the first of some places to the end; nothing where there are none."""
    return (int(places[0]) if len(places) else end), end
