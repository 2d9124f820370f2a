"""Layer by layer the stages of a design and what each of them reads.

A bit b stands for 2b - 1. A layer's adder graph computes y = W b; over the valid positions of a
window the sum is 2y - v with v the sum of the valid weights, so a border of zeros, whose bits are
0, changes nothing but the limit that y is compared with.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from crshare.hardware.binary_layers import BinaryLayers
from crshare.hardware.geometry import windowing_of
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.layer_stage import on_pixels
from crshare.hardware.lut_stages import (
    class_stages,
    counts_graph,
    modulation_stage,
    tables_stage,
)
from crshare.hardware.number_stages import pointwise_layer, weighted_stage
from crshare.hardware.options import Options
from crshare.hardware.parts import Part
from crshare.hardware.pointwise_stage import Stream, Tree, bits_at, plain_stage
from crshare.hardware.real_layer import real_layer
from crshare.hardware.scores import decision, scores_of
from crshare.hardware.settling import LoweredLayer, Settling, check_size
from crshare.hardware.window_stage import lines_of_bits, lines_of_numbers, pool_stage, pooled
from crshare.network.fixed_point import BITS
from crshare.network.graph import (
    INPUT,
    BitPool,
    ClassSums,
    Conv,
    Flatten,
    Kind,
    Layer,
    Lut,
    MaxPool,
    Modulate,
    Network,
    Pad,
    RealConv,
    Scale,
    Signal,
    SumPool,
    Threshold,
)
from crshare.plan.plan import SharingPlan
from hwgen import Entry, Gather, Pool, Range, Repeat, Stage
from hwgen.design import GIVEN
from hwgen.targets import XILINX
from solver.adder_graph import measure

Report = Callable[[str, float], None]


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
        self.planned, self.part, self.options = part.network, part, options
        self.grids = {part.start: BITS, **part.grids}
        self.binary = BinaryLayers(network, plan, options)
        self.on_progress = on_progress
        self.stages: list[Stage] = []
        self.sources: list[tuple[int, ...]] = []
        self.streams: dict[str, Stream] = {part.start: bits_at(GIVEN)}
        self.plain: dict[str, Stream] = {}
        self.lowered: list[LoweredLayer] = []
        self.settling = Settling(part.network, options, self.binary.graph)
        self.share = 0.0
        if part.start == INPUT:
            self._enter()

    def add(self, layer: Layer, share: float) -> None:
        """The stages of a layer, unless a later one has it inside."""
        given, self.share = self.planned.signals[layer.source], share
        match layer.op:
            case Conv() if self.part.settles_later(layer):
                pass
            case Conv():
                self._add_up(layer)
            case RealConv() as real:
                self._weigh(layer, real, given)
            case Threshold() as threshold if layer.source not in self.streams:
                conv = self._layer(layer.source)
                stage = self._settle(self._input(conv), threshold)
                self.streams[layer.name] = bits_at(self._put(conv, stage))
            case Threshold() as threshold if layer.source == INPUT:
                stage = on_pixels(layer, threshold, given, self.streams[INPUT].values)
                self.streams[layer.name] = bits_at(self._put(layer, stage))
            case Lut() as tables:
                self._tables(layer, tables, given)
            case Modulate() as modulate if layer.source == INPUT:
                values = self.streams[INPUT].values
                frames = modulation_stage(layer.name, modulate, given, values)
                self.streams[layer.name] = bits_at(self._put(layer, frames))
            case ClassSums() as sums:
                self._class_sums(layer, sums, given)
            case BitPool() as pool:
                self._pool_bits(layer, pool, given)
            case MaxPool() | SumPool() as windows:
                self._pool(layer, windows, given)
            case Pad() as lines:
                self._surround(layer, lines, given)
            case Flatten():
                self._flatten(layer, given)
            case _ if self.part.is_root(layer):
                self._look_at_channels(layer)
            case _:
                pass  # inside of another stage, or in the decision

    def finish(self, beats_in: int) -> None:
        """What decides for a class at the end of a network. beats_in: of an image."""
        end = self._layer(self.part.end)
        scale = end.op if isinstance(end.op, Scale) and self.part.scales_scores(end) else None
        name = end.source if scale else end.name
        signal = self.planned.signals[name]
        if signal.shape[:2] == (1, 1) and signal.kind is not Kind.BITS:
            stream = self._plain(name)
            stage = self.stages[stream.place]
            made = decision(stage, stream.values, signal.shape[2], scale, beats_in)
            self._append(made, (stream.place,))

    def _append(self, stage: Stage, sources: Sequence[int]) -> int:
        self.stages.append(stage)
        self.sources.append(tuple(sources))
        return len(self.stages) - 1

    def _put(self, layer: Layer, stage: Stage) -> int:
        """The place of a stage that reads what a layer reads."""
        return self._append(stage, [self.streams[name].place for name in layer.sources])

    def _layer(self, name: str) -> Layer:
        return self.planned.layer(name)

    def _enter(self) -> None:
        pixels, shape = self.planned.input, self.planned.signals[INPUT].shape
        ends = [*pixels.ends]
        for layer in self.part.readers_of(INPUT):
            if isinstance(layer.op, Conv) and layer.op.pad_value is not None:
                ends.append(layer.op.pad_value)
        values, raw = Range(min(ends), max(ends)), Range(pixels.low, pixels.high)
        entry = Entry("pixels", shape[2], raw, values, pixels.multiplier, pixels.offset)
        self.streams[INPUT] = Stream(self._append(entry, (GIVEN,)), values)

    def _input(self, layer: Layer) -> LayerInput:
        given = self.planned.signals[layer.source]
        bits = given.kind is Kind.BITS
        stream = self.streams[layer.source] if bits else self._plain(layer.source)
        return self.binary.input(layer, given, stream.values)

    def _settle(self, layer: LayerInput, threshold: Threshold | None) -> Stage:
        self.on_progress(f"building the datapath of {layer.name}", self.share)
        return self._counted(self.settling.settle(layer, threshold))

    def _counted(self, made: tuple[Stage, LoweredLayer]) -> Stage:
        stage, lowered = made
        check_size(lowered.layer, lowered.lut6, self.options)
        self.lowered.append(lowered)
        return stage

    def _add_up(self, layer: Layer) -> None:
        """The sums of a layer with binary weights."""
        stage = self._settle(self._input(layer), None)
        self.streams[layer.name] = Stream(self._put(layer, stage), scores_of(stage))

    def _weigh(self, layer: Layer, op: RealConv, given: Signal) -> None:
        """The sums of a layer with weights in fixed point."""
        self.on_progress(f"building the datapath of {layer.name}", self.share)
        stream, grid = self._plain(layer.source), self.grids[layer.source]
        stage = self._counted(
            weighted_stage(real_layer(layer, op, given, stream, grid), self.options)
        )
        place = self._append(stage, (stream.place,))
        self.streams[layer.name] = Stream(place, scores_of(stage))

    def _plain(self, name: str) -> Stream:
        """The stream of a layer whose raw values are its numbers; made of another where it is."""
        stream = self.streams[name]
        if stream.plain:
            return stream
        if name not in self.plain:
            n = self.planned.signals[name].shape[2]
            stage = plain_stage(f"{name} numbers", n, stream, self.options.per_stage)
            place = self._append(stage, (stream.place,))
            self.plain[name] = Stream(place, stage.netlist.score_range)
        return self.plain[name]

    def _look_at_channels(self, layer: Layer) -> None:
        """A tree of layers that look at one position and one channel."""
        self.on_progress(f"building the datapath of {layer.name}", self.share)
        tree = Tree(self.planned, self.grids, self.streams, layer)
        made = pointwise_layer(tree, self.options)
        stage = self._counted(made)
        place = self._append(stage, [self._at_all_positions(name, layer) for name in tree.leaves])
        bits = self.planned.signals[layer.name].kind is Kind.BITS
        self.streams[layer.name] = bits_at(place) if bits else Stream(place, scores_of(stage))

    def _at_all_positions(self, name: str, reader: Layer) -> int:
        """The place of a stream; a single position is given for all of the map that reads it."""
        place, rows_columns = self.streams[name].place, self.planned.signals[name].shape[:2]
        n_read = prod(self.planned.signals[reader.name].shape[:2])
        if prod(rows_columns) == n_read:
            return place
        repeat = Repeat(f"{name} repeated", self.stages[place].out_width, n_read)
        return self._append(repeat, (place,))

    def _surround(self, layer: Layer, op: Pad, given: Signal) -> None:
        """Lines around a map: of bits, or of numbers."""
        if self.planned.signals[layer.name].kind is Kind.BITS:
            stage: Stage = lines_of_bits(layer.name, op, given)
            self.streams[layer.name] = bits_at(self._put(layer, stage))
            return
        stream, per_stage = self._plain(layer.source), self.options.per_stage
        value = op.value << self.grids[layer.source].fraction
        lines = lines_of_numbers(layer.name, op, given, stream.values, value, per_stage)
        self.streams[layer.name] = Stream(self._append(lines, (stream.place,)), scores_of(lines))

    def _pool_bits(self, layer: Layer, pool: BitPool, given: Signal) -> None:
        every = tuple(bool(flag) for flag in pool.all_of)
        pad = sum(1 << place for place, flag in enumerate(every) if flag)
        windowing = windowing_of(given, pool.size, pool.strides, same=pool.same, pad=pad)
        self.streams[layer.name] = bits_at(self._put(layer, Pool(layer.name, windowing, every)))

    def _pool(self, layer: Layer, pool: MaxPool | SumPool, given: Signal) -> None:
        stream = self.streams[layer.source]
        stage = pool_stage(layer, pool, given, stream, self.options.per_stage)
        self.streams[layer.name] = pooled(pool, stage, stream, self._put(layer, stage))

    def _flatten(self, layer: Layer, given: Signal) -> None:
        stream = self.streams[layer.source]
        if given.shape[:2] != (1, 1):
            beats, width = given.shape[0] * given.shape[1], given.shape[2] * stream.values.width
            stream = replace(stream, place=self._put(layer, Gather(layer.name, beats, width)))
        self.streams[layer.name] = stream

    def _tables(self, layer: Layer, op: Lut, given: Signal) -> None:
        placed = self.options.target == XILINX
        stage = tables_stage(layer.name, op, given, self.options.per_stage, placed=placed)
        n_cells = len(stage.netlist.cells)
        beats = prod(stage.windowing.padded)
        lowered = LoweredLayer(
            layer.name, "tables", n_cells, 0, 0, 1, architecture="tables", clocks=beats
        )
        self.streams[layer.name] = bits_at(self._put(layer, self._counted((stage, lowered))))

    def _class_sums(self, layer: Layer, op: ClassSums, given: Signal) -> None:
        graph = counts_graph(op, given.shape[2], self.options.goal)
        cost = measure(graph)
        first, *others = class_stages(layer.name, op, graph, self.options.per_stage)
        place = self._put(layer, first)
        for stage in others:
            place = self._append(stage, (place,))
        sizes = cost.lut6, cost.full_adders, cost.additions, cost.depth
        self.lowered.append(LoweredLayer(layer.name, "separate", *sizes))
        self.streams[layer.name] = Stream(place, scores_of(self.stages[-1]))
