"""Layer by layer the stages of a design and what each of them reads.

A bit b stands for 2b - 1. A layer's adder graph computes y = W b; over the valid positions of a
window the sum is 2y - v with v the sum of the valid weights, so a border of zeros, whose bits are
0, changes nothing but the limit that y is compared with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from crshare.hardware.parts import Part
from crshare.hardware.scores import decides_in_turn, parities_of, ranked, scores_of
from crshare.hardware.settling import LoweredLayer, Settling, check_size
from crshare.network.graph import (
    INPUT,
    BitPool,
    ClassSums,
    Concatenate,
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
)
from crshare.network.slices import SliceTable, decompose
from crshare.plan.cost import graph_as_planned
from crshare.plan.plan import LayerPlan, SharingPlan
from hwgen import Decide, Entry, Gather, Lanes, Linear, Netlist, Pointwise, Pool, Range, Stage
from hwgen.design import GIVEN
from solver.adder_graph import AdderGraph, build, measure

BITS = Range(0, 1)
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the stage of a layer stands, and the range of a value of its beats."""

    place: int
    values: Range


@dataclass(frozen=True, eq=False)
class Scores:
    """The sums at the end of a network, the layer that gives them, and what scales them."""

    stage: Stage
    layer: LayerInput
    scale: Scale | None


class Stages:
    """The stages so far, and where the stream of each layer is. network: without the plan."""

    def __init__(
        self,
        network: Network,
        part: Part,
        plan: SharingPlan | None,
        options: Options,
        on_progress: Report,
    ) -> None:
        self.planned, self.part, self.plan, self.options = part.network, part, plan, options
        self.tables = {table.layer: table for table in decompose(network)}
        self.on_progress = on_progress
        self.stages: list[Stage] = []
        self.sources: list[tuple[int, ...]] = []
        self.streams: dict[str, Stream] = {part.start: Stream(GIVEN, BITS)}
        self.lowered: list[LoweredLayer] = []
        self.settling = Settling(part.network, options, self._graph)
        self.share = 0.0
        self.scores: Scores | None = None
        self.decided: tuple[Range, int] | None = None  # the scores of sums by class, and how many
        if part.start == INPUT:
            self._enter()

    def add(self, layer: Layer, share: float) -> None:
        """The stages of a layer, unless a later one has it inside."""
        given, self.share = self.planned.signals[layer.source], share
        match layer.op:
            case Conv() as conv if conv.is_standard:
                if not self._settles_later(layer):
                    self._sums(layer, None)
            case Threshold() as threshold:
                self._threshold(layer, threshold, given)
            case Lut() as tables:
                self._tables(layer, tables, given)
            case Modulate() as modulate if layer.source == INPUT:
                values = self.streams[INPUT].values
                self._put(layer, modulation_stage(layer.name, modulate, given, values), BITS)
            case ClassSums() as sums:
                self._class_sums(layer, sums, given)
            case BitPool() as pool:
                self._pool(layer, pool, given)
            case Flatten() if given.shape[:2] == (1, 1):
                self.streams[layer.name] = self.streams[layer.source]
            case Flatten():
                values = self.streams[layer.source].values
                beats, width = given.shape[0] * given.shape[1], given.shape[2] * values.width
                self._put(layer, Gather(layer.name, beats, width), values)
            case Scale() as scale if self._is_of_scores(layer):
                self._sums(self._layer(layer.source), scale)
            case Concatenate() if self.planned.signals[layer.name].kind is Kind.BITS:
                self._put(layer, self._side_by_side(layer), BITS)
            case op:
                raise HardwareError(
                    f"layer {layer.name} ({type(op).__name__} of {given.kind.value}) has no "
                    "hardware; choose a part of the network with --layers"
                )

    def finish(self, beats_in: int | None) -> None:
        """What decides for a class at the end of a network.

        beats_in: of an image, where the end is that of the network.
        """
        if beats_in is None:
            return
        if self.scores is not None:
            self._decide(self.scores, beats_in)
        elif self.decided is not None:
            self._append(Decide("decide", *self.decided), (len(self.stages) - 1,))

    def _append(self, stage: Stage, sources: Sequence[int]) -> int:
        self.stages.append(stage)
        self.sources.append(tuple(sources))
        return len(self.stages) - 1

    def _put(self, layer: Layer, stage: Stage, values: Range, source: Layer | None = None) -> None:
        """The stage that gives a layer's stream; source: whose streams it reads, if another's."""
        places = [self.streams[name].place for name in (source or layer).sources]
        self.streams[layer.name] = Stream(self._append(stage, places), values)

    def _layer(self, name: str) -> Layer:
        return self.planned.layer(name)

    def _settles_later(self, layer: Layer) -> bool:
        """Whether a threshold, or the scale at the end, is all that reads the sums of a layer."""
        match self.part.readers_of(layer.name):
            case [Layer(op=Threshold())]:
                return True
            case [reader]:
                return self._is_of_scores(reader)
            case _:
                return False

    def _is_of_scores(self, layer: Layer) -> bool:
        """Whether it scales the sums of weights at the end of the network."""
        is_last = layer is self.planned.layers[-1] and isinstance(layer.op, Scale)
        source = next((one for one in self.part.layers if one.name == layer.source), None)
        return is_last and source is not None and isinstance(source.op, Conv)

    def _enter(self) -> None:
        pixels, shape = self.planned.input, self.planned.signals[INPUT].shape
        ends = [pixels.multiplier * end + pixels.offset for end in (pixels.low, pixels.high)]
        for layer in self.part.readers_of(INPUT):
            if isinstance(layer.op, Conv) and layer.op.pad_value is not None:
                ends.append(layer.op.pad_value)
        values, raw = Range(min(ends), max(ends)), Range(pixels.low, pixels.high)
        entry = Entry("pixels", shape[2], raw, values, pixels.multiplier, pixels.offset)
        self.streams[INPUT] = Stream(self._append(entry, (GIVEN,)), values)

    def _input(self, layer: Layer) -> LayerInput:
        assert isinstance(layer.op, Conv)
        table, given = self.tables[layer.name], self.planned.signals[layer.source]
        plan = self.plan.layer(layer.name) if self.plan else None
        weights = (plan.effective(table) if plan else table.matrix).T.astype(np.int64)
        values = self.streams[layer.source].values
        return LayerInput(layer.name, layer.op, given, values, weights)

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

    def _by_slices(
        self, table: SliceTable, plan: LayerPlan | None, inputs: tuple[int, int]
    ) -> AdderGraph:
        if plan is None:
            raise HardwareError("--method slices follows a plan; give one with --plan")
        return graph_as_planned(table, plan, input_range=inputs, measure=self.options.goal)

    def _settle(self, layer: LayerInput, threshold: Threshold | None) -> Stage:
        self.on_progress(f"building the datapath of {layer.name}", self.share)
        stage, lowered = self.settling.settle(layer, threshold)
        self.lowered.append(lowered)
        return stage

    def _sums(self, layer: Layer, scale: Scale | None) -> None:
        """The sums of a layer; at the end of a network they are scores."""
        given = self._input(layer)
        stage = self._settle(given, None)
        self._put(layer, stage, scores_of(stage))
        if layer is self.part.layers[-1] or scale is not None:
            self.scores = Scores(stage, given, scale)

    def _threshold(self, layer: Layer, threshold: Threshold, given: Signal) -> None:
        source = next((one for one in self.part.layers if one.name == layer.source), None)
        if source is not None and isinstance(source.op, Conv) and self._settles_later(source):
            self._put(layer, self._settle(self._input(source), threshold), BITS, source)
        else:
            values = self.streams[layer.source].values
            self._put(layer, on_pixels(layer, threshold, given, values), BITS)

    def _pool(self, layer: Layer, pool: BitPool, given: Signal) -> None:
        every = tuple(bool(flag) for flag in pool.all_of)
        pad = sum(1 << place for place, flag in enumerate(every) if flag)
        windowing = windowing_of(given, pool.size, pool.strides, same=pool.same, pad=pad)
        self._put(layer, Pool(layer.name, windowing, every), BITS)

    def _side_by_side(self, layer: Layer) -> Pointwise:
        """The bits of several maps behind each other."""
        shapes = [self.planned.signals[name].shape for name in layer.sources]
        n = sum(shape[2] for shape in shapes)
        netlist = Netlist(n, (BITS,) * n, (), tuple(Linear(net, 1, 0) for net in range(n)))
        return Pointwise(layer.name, tuple(Lanes(shape[2], BITS) for shape in shapes), netlist, 1)

    def _tables(self, layer: Layer, op: Lut, given: Signal) -> None:
        stage = tables_stage(layer.name, op, given, self.options.per_stage)
        check_size(layer.name, len(stage.netlist.cells), self.options)
        self._put(layer, stage, BITS)
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
        first, *others = class_stages(layer.name, op, graph, self.options.per_stage)
        place = self._append(first, (self.streams[layer.source].place,))
        for stage in others:
            place = self._append(stage, (place,))
        sizes = cost.lut6, cost.full_adders, cost.additions, cost.depth
        self.lowered.append(LoweredLayer(layer.name, "separate", *sizes))
        scores = scores_of(self.stages[-1])
        self.streams[layer.name] = Stream(place, scores)
        self.decided = scores, op.n_classes

    def _decide(self, found: Scores, beats_in: int) -> None:
        if found.layer.output.shape[:2] != (1, 1):
            return
        scores, n_classes = scores_of(found.stage), found.layer.output.shape[2]
        parities = parities_of(found.stage)
        ranks = None if found.scale is None else ranked(found.scale, scores, parities)
        in_turn = decides_in_turn(n_classes, beats_in)
        stage = Decide("decide", scores, n_classes, ranks, in_turn)
        self._append(stage, (len(self.stages) - 1,))
