"""A network, with or without a plan, to a streaming design: the bridge to solver and hwgen.

A bit b stands for 2b - 1. A layer's adder graph computes y = W b; over the valid positions of a
window the sum is 2y - v with v the sum of the valid weights, so a border of zeros, whose bits are
0, changes nothing but the limit that y is compared with.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from crshare.arrays import Int64Array
from crshare.errors import HardwareError
from crshare.hardware.geometry import windowing_of
from crshare.hardware.layer_stage import LayerSums, on_pixels
from crshare.hardware.lut_stages import (
    class_stages,
    counts_graph,
    modulation_stage,
    tables_stage,
)
from crshare.hardware.options import Options
from crshare.hardware.parts import frames_sent, part_of
from crshare.hardware.scores import ranked, scores_of
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
from crshare.plan.cost import slices_of
from crshare.plan.plan import LayerPlan, SharingPlan, planned_network
from hwgen import Compute, Decide, Design, Entry, Gather, Pool, Range, Stage, tally
from hwgen.targets import GENERIC
from solver.adder_graph import AdderGraph, build, measure

__all__ = ["Lowered", "LoweredLayer", "Options", "lower"]

BITS = Range(0, 1)


@dataclass(frozen=True, slots=True)
class LoweredLayer:
    """What is known of one layer's datapath before it is synthesised.

    phases: clocks for a window. why: it is folded or not, where folding was asked for.
    """

    layer: str
    method: str
    lut6: int
    full_adders: int
    additions: int
    depth: int
    phases: int = 1
    why: str = ""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A design, and its datapaths; `network` computes the same, `start` and `end` are its ends."""

    design: Design
    layers: tuple[LoweredLayer, ...]
    network: Network
    start: str
    end: str
    target: str = GENERIC

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
    stages = lowering.finish(whole=end == planned.layers[-1].name)
    given = replace(planned.signals[start], frames=frames_sent(planned, start))
    beats = (one.shape[0] * one.shape[1] * one.frames for one in (given, lowering.signal))
    design = Design(name, tuple(stages), *beats)
    return Lowered(design, tuple(lowering.lowered), planned, start, end, options.target)


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
        self.waiting: LayerSums | None = None
        self.scale: Scale | None = None
        self.decided: tuple[Range, int] | None = None  # the scores of sums by class, and how many
        self.signal = Signal(Kind.BITS, (1, 1, 1), 1)
        self.values = BITS

    def add(self, layer: Layer, share: float) -> None:
        given = self.planned.signals[layer.source]
        if layer.source == INPUT:
            self._enter(layer, given)
        match layer.op:
            case Conv() as conv if conv.is_standard:
                self.on_progress(f"building the datapath of {layer.name}", share)
                self.waiting = self._sums(layer, conv, given)
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

    def finish(self, *, whole: bool) -> list[Stage]:
        """The stages, with what decides for a class at the end of a whole network."""
        if self.waiting is not None:
            self._scores(self.waiting, decide=whole)
        elif whole and self.decided is not None:
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

    def _sums(self, layer: Layer, conv: Conv, given: Signal) -> LayerSums:
        table = self.tables[layer.name]
        plan = self.plan.layer(layer.name) if self.plan else None
        weights = (plan.effective(table) if plan else table.matrix).T.astype(np.int64)
        graph = self._graph(table, plan, weights)
        return LayerSums(layer.name, conv, given, graph, self.values, weights)

    def _graph(self, table: SliceTable, plan: LayerPlan | None, weights: Int64Array) -> AdderGraph:
        """The adder graph of a layer's effective weights."""
        inputs = self.values.low, self.values.high
        if self.options.method == "slices":
            return self._by_slices(table, plan, inputs)
        return build(
            weights,
            method=self.options.method,
            measure=self.options.goal,
            input_range=inputs,
        )

    def _settle(self, sums: LayerSums, threshold: Threshold | None) -> Compute:
        """The stage of a layer's sums, unrolled or in turns, if it is small enough."""
        cost, options = measure(sums.graph), self.options
        stage = sums.compute(threshold, options.per_stage)
        lut6 = tally(stage.netlist).chain_luts or cost.lut6
        phases, why = 1, ""
        turns = min(options.fold, len(sums.weights))  # a turn gives at least one output
        if options.fold > 1 and (threshold is None or not sums.binary):
            why = "unrolled: only layers of bits before a threshold are folded"
        elif turns > 1 and threshold is not None:
            turned = sums.turned(threshold, turns, options.method, options.goal)
            if turned.lut6 < lut6:
                why = f"in {turns} turns: about {turned.lut6:,} LUTs, unrolled {lut6:,}"
                phases, lut6, cost = turns, turned.lut6, measure(turned.graph)
                stage = sums.folded(stage, turned, threshold)
            else:
                why = f"unrolled: about {lut6:,} LUTs, in {turns} turns {turned.lut6:,}"
        self._check_size(sums.name, lut6)
        sizes = lut6, cost.full_adders, cost.additions, cost.depth
        self.lowered.append(LoweredLayer(sums.name, options.method, *sizes, phases, why))
        return stage

    def _check_size(self, layer: str, lut6: int) -> None:
        if lut6 > self.options.max_luts:
            raise HardwareError(
                f"layer {layer} would take about {lut6:,} LUTs, above the limit of "
                f"{self.options.max_luts:,}; raise --max-luts, fold it with --fold, or choose "
                "layers with --layers"
            )

    def _by_slices(
        self, table: SliceTable, plan: LayerPlan | None, inputs: tuple[int, int]
    ) -> AdderGraph:
        if plan is None:
            raise HardwareError("--method slices follows a plan; give one with --plan")
        weights = table.matrix.T.astype(np.int64)
        return build(
            weights,
            method="slices",
            slices=slices_of(table, plan),
            input_range=inputs,
            measure=self.options.goal,
        )

    def _threshold(self, layer: Layer, threshold: Threshold, given: Signal) -> None:
        if self.waiting is not None:
            self.stages.append(self._settle(self.waiting, threshold))
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
        self._check_size(layer.name, len(stage.netlist.cells))
        self.stages.append(stage)
        self.lowered.append(LoweredLayer(layer.name, "tables", len(stage.netlist.cells), 0, 0, 1))

    def _class_sums(self, layer: Layer, op: ClassSums, given: Signal) -> None:
        graph = counts_graph(op, given.shape[2], self.options.goal)
        cost = measure(graph)
        self.stages += class_stages(layer.name, op, graph, self.options.per_stage)
        sizes = cost.lut6, cost.full_adders, cost.additions, cost.depth
        self.lowered.append(LoweredLayer(layer.name, "separate", *sizes))
        self.decided = scores_of(self.stages[-1]), op.n_classes

    def _scores(self, sums: LayerSums, *, decide: bool) -> None:
        stage = self._settle(sums, None)
        self.stages.append(stage)
        if decide and sums.output.shape[:2] == (1, 1):
            scores, n_classes = stage.netlist.score_range, len(stage.netlist.heads)
            ranks = None if self.scale is None else ranked(self.scale, scores, n_classes)
            self.stages.append(Decide("decide", scores, n_classes, ranks))
