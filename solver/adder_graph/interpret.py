"""What a graph computes: its outputs for given inputs, and the proof that they are matrix @ x."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.forms import constants, form_blocks, run
from solver.adder_graph.graph import NO_EDGE, AdderGraph
from solver.adder_graph.kinds import KINDS, inexact
from solver.arrays import Forms, Ints

_BATCH_VALUES = 2**23


def interpret(graph: AdderGraph, inputs: npt.ArrayLike) -> Ints:
    """Outputs [..., n_outputs] for integer inputs [..., n_inputs].

    Raises AdderGraphError where the last axis is not n_inputs or an input leaves its range.
    """
    values = np.asarray(inputs, dtype=np.int64)
    if values.shape[-1:] != (graph.n_inputs,):
        raise AdderGraphError(
            f"inputs have shape {values.shape}; the last axis must be {graph.n_inputs} inputs"
        )
    n_vectors = int(np.prod(values.shape[:-1], dtype=np.int64))
    flat = values.reshape(n_vectors, graph.n_inputs)
    bad = (flat < graph.input_low) | (flat > graph.input_high)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise AdderGraphError(
            f"input {column} is {flat[row, column]}; its range is "
            f"[{graph.input_low[column]}, {graph.input_high[column]}]"
        )
    step = max(1, _BATCH_VALUES // max(graph.n_edges, 1))
    batches = [_outputs(graph, flat[i : i + step]) for i in range(0, len(flat), step)]
    empty = np.empty((0, graph.n_outputs), dtype=np.int64)
    outputs: Ints = np.concatenate([empty, *batches])
    return outputs.reshape(*values.shape[:-1], graph.n_outputs)


def _outputs(graph: AdderGraph, inputs: Ints) -> Ints:
    """Outputs [batch, n_outputs] of inputs [batch, n_inputs]."""
    values = _picked(graph, run(graph, inputs.T, complement=1), np.arange(graph.n_edges))
    outputs: Ints = (values + graph.output_offset[:, None]).T
    return outputs


def _picked(graph: AdderGraph, values: Forms, place: Ints) -> Ints:
    """Values of the outputs [n_outputs, batch], negated where they are; 0 for no edge, and for
    edges that have no place [n_edges] in values [n_places, batch]."""
    picked = np.zeros((graph.n_outputs, values.shape[1]), dtype=np.int64)
    at = np.append(place, NO_EDGE)[graph.output_edge]
    there = at >= 0
    picked[there] = values[at[there]]
    return np.where(graph.output_negative[:, None], -picked, picked)


def check(graph: AdderGraph, matrix: npt.ArrayLike) -> None:
    """Prove that the graph's outputs are matrix @ x for every integer x.

    Multiplies the graph out to its exact linear form, a block of inputs at a time, and compares
    with the matrix [n_outputs, n_inputs]. Raises AdderGraphError naming the first wrong output, or
    an inexact node, of which no matrix tells the values.
    """
    loose = inexact(graph.kind)
    if len(loose):
        name = KINDS[graph.kind[loose[0]]].name
        raise AdderGraphError(
            f"edge {graph.n_inputs + loose[0]} is of kind {name!r}, which is not exact; no matrix "
            "tells what the graph computes"
        )
    wanted = np.asarray(matrix, dtype=np.int64)
    if wanted.shape != (graph.n_outputs, graph.n_inputs):
        raise AdderGraphError(
            f"matrix has shape {wanted.shape}; the graph has {graph.n_outputs} outputs "
            f"of {graph.n_inputs} inputs"
        )
    wrong = np.full(graph.n_outputs, graph.n_inputs + 1)
    edges = np.arange(graph.n_edges)
    constant = _picked(graph, constants(graph)[:, None], edges)[:, 0] + graph.output_offset
    wrong[constant != 0] = graph.n_inputs
    for block, place, form in form_blocks(graph):
        differs = _picked(graph, form, place) != wanted[:, block]
        first = block.start + differs.argmax(axis=1)
        wrong = np.where(differs.any(axis=1), np.minimum(wrong, first), wrong)
    _report(graph, wrong, constant)


def _report(graph: AdderGraph, wrong: Ints, constant: Ints) -> None:
    rows = np.flatnonzero(wrong <= graph.n_inputs)
    if not len(rows):
        return
    row = int(rows[0])
    if wrong[row] == graph.n_inputs:
        raise AdderGraphError(f"output {row} is off by the constant {constant[row]}")
    raise AdderGraphError(
        f"output {row} has the wrong coefficient for input {wrong[row]}; "
        f"{len(rows)} of {graph.n_outputs} outputs are wrong"
    )
