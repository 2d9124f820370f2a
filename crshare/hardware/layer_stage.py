"""One layer's sums as a stage of a design: windows, heads by class of position, turns.

Positions whose windows reach equally far over the border are of one class: they share a limit.
"""

from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np

from crshare.arrays import Int64Array
from crshare.hardware.heap_cells import heap_netlist
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.time_multiplex import Turned, in_turns
from crshare.network.graph import Layer, Signal, Threshold
from hwgen import (
    Add,
    Bit,
    Cell,
    Compare,
    Compute,
    Fixed,
    Folding,
    Head,
    Linear,
    Netlist,
    Operand,
    Popcount,
    Range,
    Windowing,
)
from solver.adder_graph import AdderGraph, Count, Output, Sum
from solver.adder_graph.kinds import HEAP


@dataclass(frozen=True, eq=False)
class LayerSums:
    """A layer's sums before its threshold is known."""

    layer: LayerInput
    graph: AdderGraph

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def weights(self) -> Int64Array:
        return self.layer.weights

    @property
    def binary(self) -> bool:
        return self.layer.binary

    def compute(self, threshold: Threshold | None, per_stage: int) -> Compute:
        row_classes, column_classes, constants = self.layer.classes()
        heads = [
            self._score(output, constants[:, place])
            if threshold is None
            else _compared(
                output,
                int(threshold.at[place]),
                bool(threshold.rising[place]),
                constants[:, place] if self.binary else None,
                len(constants),
            )
            for place, output in enumerate(self.graph.outputs())
        ]
        return Compute(
            name=self.name,
            windowing=self.layer.windowing,
            channels=self.layer.conv.kernel.shape[2],
            values=self.layer.values,
            netlist=netlist_of(self.graph, tuple(heads), len(constants)),
            row_classes=row_classes,
            column_classes=column_classes,
            per_stage=per_stage,
        )

    def turned(self, threshold: Threshold, n_turns: int, method: str, measure: str) -> Turned:
        """The layer in turns, filters before a falling threshold turned round, so that all rise."""
        weights = self.weights * _signs(threshold)[:, None]
        return in_turns(weights, n_turns, "auto" if method == "slices" else method, measure)

    def folded(self, stage: Compute, turned: Turned, threshold: Threshold) -> Compute:
        """The same stage with its outputs in turns, one limit for each class and turn."""
        *_, constants = self.layer.classes()
        phases, units = turned.constants.shape
        signs, last = _signs(threshold), len(threshold.at) - 1

        def limits(unit: int, output: Output, phase: int) -> Head:
            place = min(phase * units + unit, last)
            at = int(threshold.at[place]) * int(signs[place])
            shifted = constants[:, place] * signs[place] + 2 * turned.constants[phase, unit]
            return _compared(output, at, True, shifted, len(constants))

        heads = tuple(
            _in_turn([limits(unit, output, phase) for phase in range(phases)])
            for unit, output in enumerate(turned.graph.outputs())
        )
        netlist = netlist_of(turned.graph, heads, len(constants) * phases)
        folding = Folding(phases, turned.gates, len(threshold.at))
        return replace(stage, netlist=netlist, folding=folding)

    def _score(self, output: Output, constants: Int64Array) -> Linear:
        factor = 2 if self.binary else 1
        sign = -factor if output.negative else factor
        if not self.binary:
            return Linear(output.edge, sign, output.offset)
        first, *others = (factor * output.offset - one for one in constants.tolist())
        per_class = (0, *(one - first for one in others)) if others else ()
        return Linear(output.edge, sign, first, per_class)


def _compared(
    output: Output, at: int, rising: bool, constants: Int64Array | None, n_classes: int
) -> Head:
    """sum >= at (rising) or sum <= at, in terms of the graph's edge."""
    halves = np.zeros(n_classes, np.int64) if constants is None else constants
    limits = []
    for constant in halves.tolist():
        if constants is None:
            limit = at
        else:
            limit = ceil((at + constant) / 2) if rising else floor((at + constant) / 2)
        limits.append(limit - output.offset)
    if output.edge is None:
        return Fixed(tuple(limit <= 0 if rising else limit >= 0 for limit in limits))
    if output.negative:
        return Compare(output.edge, not rising, tuple(-limit for limit in limits))
    return Compare(output.edge, rising, tuple(limits))


def _signs(threshold: Threshold) -> Int64Array:
    return np.where(threshold.rising, 1, -1).astype(np.int64)


def _in_turn(turns: list[Head]) -> Compare:
    """One comparison of an edge with the limits of every turn, by class and then by turn."""
    compared = [head for head in turns if isinstance(head, Compare)]
    limits = zip(*(head.limits for head in compared), strict=True)
    return replace(compared[0], limits=tuple(limit for turn in limits for limit in turn))


def on_pixels(layer: Layer, threshold: Threshold, given: Signal, values: Range) -> Compute:
    """Thresholds that read the pixels themselves."""
    channels = given.shape[2]
    heads = tuple(
        Compare(place, bool(threshold.rising[place]), (int(threshold.at[place]),))
        for place in range(channels)
    )
    netlist = Netlist(channels, (values,) * channels, (), heads)
    windowing = Windowing((given.shape[0], given.shape[1]), (1, 1))
    return Compute(layer.name, windowing, channels, values, netlist, (0,), (0,), 1)


def netlist_of(graph: AdderGraph, heads: tuple[Head, ...], n_classes: int) -> Netlist:
    """A graph in the words of hwgen: node by node, or compressor trees where it has heaps."""
    if (graph.kind == HEAP).any():
        return heap_netlist(graph, heads, n_classes)
    cells: list[Cell] = []
    for node in graph.nodes():
        match node:
            case Count(_, bits):
                cells.append(Popcount(tuple(Bit(term.edge, term.negative) for term in bits)))
            case Sum(_, left, right):
                one, other = Operand(left.edge, left.shift), Operand(right.edge, right.shift)
                cells.append(Add(one, other, right.negative))
    ranges = tuple(map(Range, graph.low.tolist(), graph.high.tolist()))
    return Netlist(graph.n_inputs, ranges, tuple(cells), heads, n_classes)
