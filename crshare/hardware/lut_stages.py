"""Layers of a LUT network as stages of a design: tables, modulation over frames, sums by class."""

from collections.abc import Iterator

import numpy as np

from crshare.hardware.geometry import windowing_of
from crshare.hardware.layer_stage import netlist_of
from crshare.network.graph import ClassSums, Lut, Modulate, Signal
from crshare.network.truth_tables import Function, functions_of
from hwgen import (
    Accumulate,
    Add,
    Cell,
    Compare,
    Compute,
    Fixed,
    Head,
    Linear,
    Modulation,
    Netlist,
    Operand,
    Range,
    Stage,
    TruthTable,
    Windowing,
)
from solver.adder_graph import AdderGraph, build

BITS = Range(0, 1)
ALONE = Windowing((1, 1), (1, 1))


def modulation_stage(name: str, op: Modulate, given: Signal, values: Range) -> Modulation:
    at = tuple(tuple(tuple(row) for row in frame) for frame in op.at.tolist())
    return Modulation(name, values, at, given.shape[0] * given.shape[1])


def tables_stage(
    name: str, op: Lut, given: Signal, per_stage: int, *, placed: bool = False
) -> Compute:
    """A cell for each function that is neither a constant nor a wire; equal and inverse nodes share
    one. placed: as LUTs of the device."""
    taps, channels = op.size[0] * op.size[1], given.shape[2]
    netlist = _Tables(taps * channels, placed)
    heads = [
        netlist.head(Function(tuple(_input(place, taps, channels) for place in f.places), f.table))
        for f in functions_of(op)
    ]
    return Compute(
        name=name,
        windowing=windowing_of(given, op.size, op.strides, same=op.same, pad=0),
        channels=channels,
        values=BITS,
        netlist=netlist.made(heads),
        row_classes=(0,),
        column_classes=(0,),
        per_stage=per_stage,
    )


def _input(place: int, taps: int, channels: int) -> int:
    """A place of a window, tap by tap, as a netlist has it, channel by channel."""
    tap, channel = divmod(place, channels)
    return channel * taps + tap


class _Tables:
    """Cells of tables, each function once, the way round that is asked for first: what reads only
    the inverse needs no inverter."""

    def __init__(self, n_inputs: int, placed: bool) -> None:
        self.n_inputs, self.placed = n_inputs, placed
        self.cells: dict[Function, tuple[int, Function]] = {}  # by the one of two inverses

    def head(self, function: Function) -> Head:
        """The bit of a function: inverse ones read the cell of the other."""
        if function.is_constant:
            return Fixed((bool(function.table),))
        kept = function.positive
        if kept.is_wire:
            net, made = kept.places[0], kept
        else:
            net, made = self.cells.setdefault(kept, (self.n_inputs + len(self.cells), function))
        return Compare(net, True, (1,)) if made == function else Compare(net, False, (0,))

    def made(self, heads: list[Head]) -> Netlist:
        cells: list[Cell] = [
            TruthTable(made.places, made.table, self.placed) for _, made in self.cells.values()
        ]
        ranges = (BITS,) * (self.n_inputs + len(cells))
        return Netlist(self.n_inputs, ranges, tuple(cells), tuple(heads))


def counts_graph(op: ClassSums, n_bits: int, goal: str) -> AdderGraph:
    """The ones of each class in one frame. goal: what the graph has least of."""
    ours = np.arange(n_bits)[None] % op.n_classes == np.arange(op.n_classes)[:, None]
    return build(ours.astype(np.int64), method="separate", measure=goal)


def class_stages(name: str, op: ClassSums, graph: AdderGraph, per_stage: int) -> list[Stage]:
    """The ones of each class, added up over the frames and weighted."""
    heads = tuple(
        Linear(found.edge, -1 if found.negative else 1, found.offset) for found in graph.outputs()
    )
    counts = Compute(
        name, ALONE, graph.n_inputs, BITS, netlist_of(graph, heads, 1), (0,), (0,), per_stage
    )
    stages: list[Stage] = [counts]
    values = counts.netlist.score_range
    if op.frames > 1:
        frames = Accumulate(f"{name} over frames", values, op.n_classes, op.frames)
        stages, values = [*stages, frames], frames.sums
    if (op.weights != 1).any() or op.offsets.any():
        stages.append(
            Compute(
                f"{name} weighted",
                ALONE,
                op.n_classes,
                values,
                _weighted(op, values),
                (0,),
                (0,),
                per_stage,
            )
        )
    return stages


def _weighted(op: ClassSums, values: Range) -> Netlist:
    """weights[c] * input c + offsets[c], by shifts and additions."""
    ranges, cells, heads = [values] * op.n_classes, list[Cell](), list[Head]()
    for lane, (weight, offset) in enumerate(
        zip(op.weights.tolist(), op.offsets.tolist(), strict=True)
    ):
        shift = (weight & -weight).bit_length() - 1
        net, times = lane, 1
        for power, sign in _digits(abs(weight) >> shift if weight else 0):
            times += sign << power
            cells.append(Add(Operand(net), Operand(lane, power), subtract=sign < 0))
            ends = values.low * times, values.high * times
            net = len(ranges)
            ranges.append(Range(min(ends), max(ends)))
        factor = (1 << max(shift, 0)) * (-1 if weight < 0 else 1)
        heads.append(Linear(net if weight else None, factor, offset))
    return Netlist(op.n_classes, tuple(ranges), tuple(cells), tuple(heads))


def _digits(odd: int) -> Iterator[tuple[int, int]]:
    """The powers of two that make this number of 1, each added or subtracted."""
    rest, power = odd - 1, 0
    while rest > 0:
        if rest & 1:
            sign = 2 - (rest & 3)
            rest -= sign
            yield power, sign
        rest >>= 1
        power += 1
