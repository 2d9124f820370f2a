"""Pools of numbers: the sum or the greatest of each window, channel by channel."""

from math import prod

from crshare.hardware.geometry import windowing_of
from crshare.hardware.numbers import Numbers, head_of
from crshare.hardware.pointwise_stage import Stream
from crshare.network.graph import Layer, MaxPool, Signal, SumPool
from hwgen import Accumulate, Compute, Range


def pool_stage(
    layer: Layer, op: MaxPool | SumPool, given: Signal, stream: Stream, per_stage: int
) -> Accumulate | Compute:
    """Of the raw values of a stream. Outside of the map lies what no maximum takes."""
    rows, columns, channels = given.shape
    if isinstance(op, SumPool) and op.size == (rows, columns) and rows * columns > 1:
        return Accumulate(layer.name, stream.values, channels, rows * columns)
    same = isinstance(op, MaxPool) and op.same
    width, taps = stream.values.width, prod(op.size)
    lowest = stream.values.low & (1 << width) - 1
    pad = sum(lowest << channel * width for channel in range(channels)) if same else 0
    windowing = windowing_of(given, op.size, op.strides, same=same, pad=pad)
    numbers = Numbers([stream.values] * (channels * taps))
    heads = []
    for channel in range(channels):
        window = [numbers.input(channel * taps + tap) for tap in range(taps)]
        found = numbers.total(window) if isinstance(op, SumPool) else numbers.greatest(window)
        heads.append(head_of(found))
    classes = (0,) * windowing.output[0], (0,) * windowing.output[1]
    netlist = numbers.netlist(heads)
    return Compute(layer.name, windowing, channels, stream.values, netlist, *classes, per_stage)


def pooled(
    op: MaxPool | SumPool, stage: Accumulate | Compute, stream: Stream, place: int
) -> Stream:
    """The stream of a pool, at its place."""
    values: Range = stage.sums if isinstance(stage, Accumulate) else stage.netlist.score_range
    taps = prod(op.size) if isinstance(op, SumPool) else 1
    return Stream(place, values, stream.factor, stream.offset * taps)
