"""The adder graph: an immutable value that says how integers become sums, and its law.

An edge is an integer. Edges 0 to n_inputs - 1 are the inputs; node v makes edge n_inputs + v and
reads only edges before it. There are three kinds of node, of which `kinds` has the table:

* a count: how many of two to six bits are 1. Every bit is an input whose range lies within [0, 1],
  as it is or complemented (1 - x). In hardware: a few LUTs, the inverters inside them.
* a sum of two terms: (left << s) + (right << t) or (left << s) - (right << t), with s = 0 or t = 0.
  In hardware: one ripple-carry adder; the low bits that only one operand has are wires.
* a heap: a constant and any terms, each shifted, added or subtracted. In hardware: a compressor
  tree of all their bits at once (`solver.bit_heap`).

An output is an edge, perhaps negated, plus a constant: y = edge + offset or y = -edge + offset; an
output that is constant names no edge. Negation and offset cost nothing where the output meets a
threshold, since they move into the compared constant and its direction; whoever needs the plain
number adds them. Constants come from complemented bits and from heaps: an edge is always an integer
linear form of the inputs plus a constant, and the offset takes the constant off again.

Every edge carries its exact range [low, high]: the least and greatest value over all inputs in
their ranges, worked out from the linear form and not from the operands' ranges, so no bit is lost
and none is idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from solver.adder_graph.errors import AdderGraphError
from solver.adder_graph.forms import edge_ranges
from solver.adder_graph.kinds import KINDS, Node, Operands, Term
from solver.arrays import Flags, Ints

NO_EDGE = -1


@dataclass(frozen=True, slots=True)
class Output:
    """y = edge + offset, or -edge + offset; edge None means the constant offset alone."""

    edge: int | None
    negative: bool
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class AdderGraph:
    """A law-abiding adder graph, stored as arrays so that 100,000 nodes stay cheap.

    Arrays: input_low, input_high [n_inputs]; start [n_nodes + 1], the terms of node v being
    start[v] to start[v + 1]; term_edge, term_shift, term_negative [n_terms]; kind [n_nodes], places
    in KINDS; constant [n_nodes], 0 for all but heaps; output_edge (-1 for none), output_negative,
    output_offset [n_outputs]. low and high [n_inputs + n_nodes] are derived.
    All are read-only. Raises AdderGraphError if a law is broken.
    """

    input_low: Ints
    input_high: Ints
    start: Ints
    term_edge: Ints
    term_shift: Ints
    term_negative: Flags
    kind: Ints
    constant: Ints
    output_edge: Ints
    output_negative: Flags
    output_offset: Ints
    low: Ints = field(init=False)
    high: Ints = field(init=False)

    def __post_init__(self) -> None:
        for name in ("term_negative", "output_negative"):
            object.__setattr__(self, name, _frozen(getattr(self, name), np.bool_))
        for name in _INTEGER_FIELDS:
            object.__setattr__(self, name, _frozen(getattr(self, name), np.int64))
        _obey(self)
        low, high = edge_ranges(self)
        object.__setattr__(self, "low", _frozen(low, np.int64))
        object.__setattr__(self, "high", _frozen(high, np.int64))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AdderGraph):
            return NotImplemented
        return all(np.array_equal(getattr(self, n), getattr(other, n)) for n in _STORED_FIELDS)

    @property
    def n_inputs(self) -> int:
        return len(self.input_low)

    @property
    def n_nodes(self) -> int:
        return len(self.kind)

    @property
    def n_edges(self) -> int:
        return self.n_inputs + self.n_nodes

    @property
    def n_outputs(self) -> int:
        return len(self.output_edge)

    def terms(self, index: int) -> tuple[Term, ...]:
        """The terms of node `index` (0 to n_nodes - 1)."""
        return tuple(
            Term(int(self.term_edge[t]), int(self.term_shift[t]), bool(self.term_negative[t]))
            for t in range(self.start[index], self.start[index + 1])
        )

    def node(self, index: int) -> Node:
        """Node `index` as a value of its own kind."""
        made = KINDS[int(self.kind[index])].node
        return made(self.n_inputs + index, self.terms(index), int(self.constant[index]))

    def nodes(self) -> Iterator[Node]:
        """All nodes in order; each reads only inputs and nodes already seen."""
        return (self.node(index) for index in range(self.n_nodes))

    def outputs(self) -> Iterator[Output]:
        """All outputs in order."""
        for edge, negative, offset in zip(
            self.output_edge, self.output_negative, self.output_offset, strict=True
        ):
            yield Output(None if edge == NO_EDGE else int(edge), bool(negative), int(offset))


_INTEGER_FIELDS = (
    *("input_low", "input_high", "start", "term_edge", "term_shift", "kind", "constant"),
    *("output_edge", "output_offset"),
)
_STORED_FIELDS = (*_INTEGER_FIELDS, "term_negative", "output_negative")


def _frozen(array: npt.ArrayLike, dtype: type) -> npt.NDArray[np.generic]:
    own: npt.NDArray[np.generic] = np.array(array, dtype=dtype)
    own.setflags(write=False)
    return own


def _obey(graph: AdderGraph) -> None:
    """The law of adder graphs."""
    _obey_shapes(graph)
    _obey_inputs(graph)
    _obey_order(graph)
    _obey_kinds(graph)
    _obey_outputs(graph)


def _obey_shapes(graph: AdderGraph) -> None:
    lengths = {
        "input_high": (graph.input_high, len(graph.input_low)),
        "start": (graph.start, graph.n_nodes + 1),
        "constant": (graph.constant, graph.n_nodes),
        "term_shift": (graph.term_shift, len(graph.term_edge)),
        "term_negative": (graph.term_negative, len(graph.term_edge)),
        "output_negative": (graph.output_negative, graph.n_outputs),
        "output_offset": (graph.output_offset, graph.n_outputs),
    }
    for name, (array, length) in lengths.items():
        if array.shape != (length,):
            raise AdderGraphError(f"{name} has shape {array.shape}; expected ({length},)")
    ends = graph.start[0] == 0 and graph.start[-1] == len(graph.term_edge)
    if not ends or (np.diff(graph.start) < 2).any():
        raise AdderGraphError("start must rise from 0 to the number of terms by two or more a node")


def _obey_inputs(graph: AdderGraph) -> None:
    limit = 2**31
    bad = (graph.input_low > graph.input_high) | (graph.input_low < -limit)
    bad |= graph.input_high > limit
    if bad.any():
        i = int(bad.argmax())
        raise AdderGraphError(
            f"input {i} has range [{graph.input_low[i]}, {graph.input_high[i]}]; "
            "low must not exceed high, and both lie within +-2**31"
        )


def _obey_order(graph: AdderGraph) -> None:
    made = graph.n_inputs + np.repeat(np.arange(graph.n_nodes), np.diff(graph.start))
    bad = (graph.term_edge < 0) | (graph.term_edge >= made)
    if bad.any():
        t = int(bad.argmax())
        raise AdderGraphError(
            f"edge {made[t]} reads edge {graph.term_edge[t]}; a node reads only earlier edges"
        )


def _obey_kinds(graph: AdderGraph) -> None:
    """Every kind's own law, for the nodes of it."""
    unknown = (graph.kind < 0) | (graph.kind >= len(KINDS))
    if unknown.any():
        raise AdderGraphError(f"there is no kind {graph.kind[unknown.argmax()]} of node")
    sizes = np.diff(graph.start)
    is_bit = np.append((graph.input_low >= 0) & (graph.input_high <= 1), False)
    of_bit = is_bit[np.minimum(graph.term_edge, graph.n_inputs)]
    for code, row in enumerate(KINDS):
        mine = graph.kind == code
        terms = np.repeat(mine, sizes)
        arrays = (graph.term_edge, graph.term_shift, graph.term_negative, of_bit)
        row.obey(Operands(sizes[mine], *(array[terms] for array in arrays)))
        if not row.has_constant and graph.constant[mine].any():
            raise AdderGraphError(
                f"a node of kind {row.name or 'sum'!r} has a constant; only heaps may"
            )


def _obey_outputs(graph: AdderGraph) -> None:
    bad = (graph.output_edge < NO_EDGE) | (graph.output_edge >= graph.n_edges)
    if bad.any():
        row = int(bad.argmax())
        raise AdderGraphError(f"output {row} names edge {graph.output_edge[row]}: no such edge")
