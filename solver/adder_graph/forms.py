"""Linear forms of edges, exact, a block of inputs at a time, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from solver.adder_graph.kernels import coefficient_bounds, run_nodes, widen_ranges

if TYPE_CHECKING:
    from solver.adder_graph.graph import AdderGraph

Ints = npt.NDArray[np.int64]
Forms = npt.NDArray[np.signedinteger[Any]]

_BLOCK_VALUES = 2**22  # 16 or 32 MiB at a time


def run(graph: AdderGraph, inputs: Forms, complement: int) -> Forms:
    """Values of all edges [n_edges, batch] for inputs [n_inputs, batch].

    A complemented bit counts as `complement` - x: 1 gives the values, 0 the linear parts alone.
    The values have the dtype of the inputs, which must be wide enough for them.
    """
    values: Forms = np.empty(
        (graph.n_inputs + len(graph.is_count), inputs.shape[1]), dtype=inputs.dtype
    )
    values[: graph.n_inputs] = inputs
    run_nodes(
        values, graph.start, graph.term_edge, graph.term_shift, graph.term_negative,
        graph.is_count, complement,
    )  # fmt: skip
    return values


def constants(graph: AdderGraph) -> Ints:
    """The constant of every edge's form: its value when all inputs are 0. [n_edges]"""
    values = run(graph, np.zeros((graph.n_inputs, 1), dtype=np.int64), complement=1)
    return values[:, 0].astype(np.int64)


def form_blocks(graph: AdderGraph) -> Iterator[tuple[slice, Forms]]:
    """For consecutive blocks of inputs, the coefficients of every edge [n_edges, block]."""
    n_edges = graph.n_inputs + len(graph.is_count)
    width = max(1, min(64, _BLOCK_VALUES // max(n_edges, 1)))
    dtype = np.int32 if _is_narrow(graph) else np.int64
    for first in range(0, graph.n_inputs, width):
        block = slice(first, min(first + width, graph.n_inputs))
        size = block.stop - first
        units: Forms = np.zeros((graph.n_inputs, size), dtype=dtype)
        units[block] = np.eye(size, dtype=dtype)
        yield block, run(graph, units, complement=0)


def _is_narrow(graph: AdderGraph) -> bool:
    """Whether no coefficient can leave 32 bits, every term taken at its largest."""
    most = coefficient_bounds(graph.n_inputs, graph.start, graph.term_edge, graph.term_shift)
    return bool(most.max(initial=0) < 2**31)


def edge_ranges(graph: AdderGraph) -> tuple[Ints, Ints]:
    """Least and greatest value of every edge over all inputs in their ranges. [n_edges] each"""
    low = constants(graph)
    high = low.copy()
    for block, form in form_blocks(graph):
        widen_ranges(form, graph.input_low[block], graph.input_high[block], low, high)
    return low, high
