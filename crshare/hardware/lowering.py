"""A network, with or without a plan, to a streaming design: the bridge to solver and hwgen.

A bit b stands for 2b - 1. A layer's adder graph computes y = W b; over the valid positions of a
window the sum is 2y - v with v the sum of the valid weights, so a border of zeros, whose bits are
0, changes nothing but the limit that y is compared with.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from crshare.errors import HardwareError
from crshare.hardware.geometry import windowing_of
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.layer_stage import on_pixels
from crshare.hardware.lut_stages import (
    class_stages,
    counts_graph,
    modulation_stage,
    tables_stage,
)
from crshare.hardware.options import Options
from crshare.hardware.parts import beats, frames_sent, part_of
from crshare.hardware.scores import decides_in_turn, parities_of, ranked, scores_of
from crshare.hardware.settling import LoweredLayer, Settling, check_size
from crshare.network.graph import (
    INPUT,
    BitPool,
    ClassSums,
    Conv,
    Flatten,
    Kind,
    Layer,
    Lut,
    Modulate,
    Network,
    Scale,
    Signal,
    Threshold,
    signal_after,
)
from crshare.network.slices import SliceTable, decompose
from crshare.plan.cost import graph_as_planned
from crshare.plan.plan import LayerPlan, SharingPlan, planned_network
from hwgen import Decide, Design, Entry, Gather, Pool, Range, Stage
from hwgen.targets import GENERIC
from solver.adder_graph import AdderGraph, build, measure

__all__ = ["DESIGNS", "Lowered", "LoweredLayer", "Options", "lower"]

BITS = Range(0, 1)
UNSHARED, EXACT, PLANNED = "unshared", "exact", "plan"
DESIGNS = (UNSHARED, EXACT, PLANNED)
"""What a design shares: nothing between filters, what changes no output, or what a plan says."""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A design, and its datapaths; `network` computes the same, `start` and `end` are its ends.

    shares: one of DESIGNS."""

    design: Design
    layers: tuple[LoweredLayer, ...]
    network: Network
    start: str
    end: str
    target: str = GENERIC
    shares: str = EXACT

    @property
    def frames_sent(self) -> int:
        """How often an image enters."""
        return frames_sent(self.network, self.start)


Report = Callable[[str, float], None]


def lower(
    network: Network,
    plan: SharingPlan | None,
    options: Options,
    on_progress: Report = lambda what, share: None,
    *,
    name: str = "network",
    only: tuple[str, str] | None = None,
) -> Lowered:
    """The design of a whole network, or of the layers with weights from only[0] to only[1].

    HardwareError names a layer that has no hardware, or is too large to unroll.
    """
    planned = planned_network(network, plan) if plan else network
    layers = part_of(planned, only)
    lowering = _Lowering(network, planned, plan, options, on_progress)
    for place, layer in enumerate(layers):
        lowering.add(layer, place / len(layers))
    start, end = layers[0].source, layers[-1].name
    given = replace(planned.signals[start], frames=frames_sent(planned, start))
    stages = lowering.finish(beats(given) if end == planned.layers[-1].name else None)
    design = Design(name, tuple(stages), beats(given), beats(lowering.signal))
    unshared = UNSHARED if options.method == "separate" else EXACT
    shares = PLANNED if plan else unshared
    return Lowered(design, tuple(lowering.lowered), planned, start, end, options.target, shares)


class _Lowering:
    """The stages so far, and the sums that wait for their threshold."""

    def __init__(
        self,
        network: Network,
        planned: Network,
        plan: SharingPlan | None,
        options: Options,
        on_progress: Report,
    ) -> None:
        self.network, self.planned, self.plan, self.options = network, planned, plan, options
        self.tables = {table.layer: table for table in decompose(network)}
        self.on_progress = on_progress
        self.stages: list[Stage] = []
        self.lowered: list[LoweredLayer] = []
        self.settling = Settling(planned, options, self._graph)
        self.share = 0.0
        self.waiting: LayerInput | None = None
        self.scale: Scale | None = None
        self.decided: tuple[Range, int] | None = None  # the scores of sums by class, and how many
        self.signal = Signal(Kind.BITS, (1, 1, 1), 1)
        self.values = BITS

    def add(self, layer: Layer, share: float) -> None:
        given, self.share = self.planned.signals[layer.source], share
        if layer.source == INPUT:
            self._enter(layer, given)
        match layer.op:
            case Conv() as conv if conv.is_standard:
                self.waiting = self._input(layer, conv, given)
            case Threshold() as threshold:
                self._threshold(layer, threshold, given)
            case Lut() as tables:
                self._tables(layer, tables, given)
            case Modulate() as modulate if layer.source == INPUT:
                self.stages.append(modulation_stage(layer.name, modulate, given, self.values))
                self.values = BITS
            case ClassSums() as sums:
                self._class_sums(layer, sums, given)
            case BitPool() as pool:
                self._pool(layer, pool, given)
            case Flatten() if given.shape[:2] == (1, 1):
                pass
            case Flatten():
                beats, width = given.shape[0] * given.shape[1], given.shape[2] * self.values.width
                self.stages.append(Gather(layer.name, beats, width))
            case Scale() as scale if layer is self.planned.layers[-1] and self.waiting:
                self.scale = scale
            case op:
                raise HardwareError(
                    f"layer {layer.name} ({type(op).__name__} of {given.kind.value}) has no "
                    "hardware; choose a part of the network with --layers"
                )
        self.signal = signal_after(layer.op, given)

    def finish(self, beats_in: int | None) -> list[Stage]:
        """The stages, with what decides for a class at the end of a network.

        beats_in: of an image, where the end is that of the network.
        """
        if self.waiting is not None:
            self._scores(self.waiting, beats_in)
        elif beats_in is not None and self.decided is not None:
            self.stages.append(Decide("decide", *self.decided))
        return self.stages

    def _enter(self, layer: Layer, given: Signal) -> None:
        pixels = self.planned.input
        ends = [pixels.multiplier * end + pixels.offset for end in (pixels.low, pixels.high)]
        if isinstance(layer.op, Conv) and layer.op.pad_value is not None:
            ends.append(layer.op.pad_value)
        self.values = Range(min(ends), max(ends))
        raw = Range(pixels.low, pixels.high)
        self.stages.append(
            Entry("pixels", given.shape[2], raw, self.values, pixels.multiplier, pixels.offset)
        )

    def _input(self, layer: Layer, conv: Conv, given: Signal) -> LayerInput:
        table = self.tables[layer.name]
        plan = self.plan.layer(layer.name) if self.plan else None
        weights = (plan.effective(table) if plan else table.matrix).T.astype(np.int64)
        return LayerInput(layer.name, conv, given, self.values, weights)

    def _graph(self, layer: LayerInput) -> AdderGraph:
        """The adder graph of a layer's effective weights."""
        inputs = layer.values.low, layer.values.high
        plan = self.plan.layer(layer.name) if self.plan else None
        if self.options.method == "slices":
            return self._by_slices(self.tables[layer.name], plan, inputs)
        return build(
            layer.weights,
            method=self.options.method,
            measure=self.options.goal,
            input_range=inputs,
            groups=(plan.members if plan else None) or (),
        )

    def _settle(self, layer: LayerInput, threshold: Threshold | None) -> Stage:
        self.on_progress(f"building the datapath of {layer.name}", self.share)
        stage, lowered = self.settling.settle(layer, threshold)
        self.stages.append(stage)
        self.lowered.append(lowered)
        return stage

    def _by_slices(
        self, table: SliceTable, plan: LayerPlan | None, inputs: tuple[int, int]
    ) -> AdderGraph:
        if plan is None:
            raise HardwareError("--method slices follows a plan; give one with --plan")
        return graph_as_planned(table, plan, input_range=inputs, measure=self.options.goal)

    def _threshold(self, layer: Layer, threshold: Threshold, given: Signal) -> None:
        if self.waiting is not None:
            self._settle(self.waiting, threshold)
            self.waiting = None
        else:
            self.stages.append(on_pixels(layer, threshold, given, self.values))
        self.values = BITS

    def _pool(self, layer: Layer, pool: BitPool, given: Signal) -> None:
        every = tuple(bool(flag) for flag in pool.all_of)
        pad = sum(1 << place for place, flag in enumerate(every) if flag)
        windowing = windowing_of(given, pool.size, pool.strides, same=pool.same, pad=pad)
        self.stages.append(Pool(layer.name, windowing, every))

    def _tables(self, layer: Layer, op: Lut, given: Signal) -> None:
        stage = tables_stage(layer.name, op, given, self.options.per_stage)
        check_size(layer.name, len(stage.netlist.cells), self.options)
        self.stages.append(stage)
        n_cells = len(stage.netlist.cells)
        beats = prod(stage.windowing.padded)
        self.lowered.append(
            LoweredLayer(
                layer.name, "tables", n_cells, 0, 0, 1, architecture="tables", clocks=beats
            )
        )

    def _class_sums(self, layer: Layer, op: ClassSums, given: Signal) -> None:
        graph = counts_graph(op, given.shape[2], self.options.goal)
        cost = measure(graph)
        self.stages += class_stages(layer.name, op, graph, self.options.per_stage)
        sizes = cost.lut6, cost.full_adders, cost.additions, cost.depth
        self.lowered.append(LoweredLayer(layer.name, "separate", *sizes))
        self.decided = scores_of(self.stages[-1]), op.n_classes

    def _scores(self, layer: LayerInput, beats_in: int | None) -> None:
        stage = self._settle(layer, None)
        if beats_in is not None and layer.output.shape[:2] == (1, 1):
            scores, n_classes = scores_of(stage), layer.output.shape[2]
            ranks = None if self.scale is None else ranked(self.scale, scores, parities_of(stage))
            in_turn = decides_in_turn(n_classes, beats_in)
            self.stages.append(Decide("decide", scores, n_classes, ranks, in_turn))
