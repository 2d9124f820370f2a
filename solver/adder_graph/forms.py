"""Linear forms of edges, exact, a block of inputs at a time, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from solver.adder_graph.kernels import run_nodes, widen_ranges

if TYPE_CHECKING:
    from solver.adder_graph.graph import AdderGraph

Ints = npt.NDArray[np.int64]

_BLOCK_VALUES = 2**22  # 32 MiB of int64 at a time


def run(graph: AdderGraph, inputs: Ints, complement: int) -> Ints:
    """Values of all edges [n_edges, batch] for inputs [n_inputs, batch].

    A complemented bit counts as `complement` - x: 1 gives the values, 0 the linear parts alone.
    """
    values = np.empty((graph.n_inputs + len(graph.is_count), inputs.shape[1]), dtype=np.int64)
    values[: graph.n_inputs] = inputs
    run_nodes(
        values, graph.start, graph.term_edge, graph.term_shift, graph.term_negative,
        graph.is_count, complement,
    )  # fmt: skip
    return values


def constants(graph: AdderGraph) -> Ints:
    """The constant of every edge's form: its value when all inputs are 0. [n_edges]"""
    return run(graph, np.zeros((graph.n_inputs, 1), dtype=np.int64), complement=1)[:, 0]


def form_blocks(graph: AdderGraph) -> Iterator[tuple[slice, Ints]]:
    """For consecutive blocks of inputs, the coefficients of every edge [n_edges, block]."""
    n_edges = graph.n_inputs + len(graph.is_count)
    width = max(1, min(64, _BLOCK_VALUES // max(n_edges, 1)))
    for first in range(0, graph.n_inputs, width):
        block = slice(first, min(first + width, graph.n_inputs))
        size = block.stop - first
        units = np.zeros((graph.n_inputs, size), dtype=np.int64)
        units[block] = np.eye(size, dtype=np.int64)
        yield block, run(graph, units, complement=0)


def edge_ranges(graph: AdderGraph) -> tuple[Ints, Ints]:
    """Least and greatest value of every edge over all inputs in their ranges. [n_edges] each"""
    low = constants(graph)
    high = low.copy()
    for block, form in form_blocks(graph):
        widen_ranges(form, graph.input_low[block], graph.input_high[block], low, high)
    return low, high
