"""Pools of numbers, the sum or the greatest of each window of a channel, and lines around maps."""

from math import prod

from crshare.hardware.geometry import windowing_of
from crshare.hardware.numbers import Numbers, head_of
from crshare.hardware.pointwise_stage import Stream
from crshare.network.graph import Layer, MaxPool, Pad, Signal, SumPool
from hwgen import Accumulate, Compute, Linear, Netlist, Pool, Range, Windowing


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


def lines_of_bits(name: str, op: Pad, given: Signal) -> Pool:
    """A pool of one position each."""
    channels = given.shape[2]
    around = (1 << channels) - 1 if op.value > 0 else 0
    return Pool(name, _surrounded(op, given, around), (False,) * channels)


def lines_of_numbers(
    name: str, op: Pad, given: Signal, values: Range, value: int, per_stage: int
) -> Compute:
    """values: of the stream. value: of the lines, an integer of its grid: 0 around the map, and in
    the classes of windows that lie outside what is added to it."""
    channels, windowing = given.shape[2], _surrounded(op, given, 0)
    rows, columns = (_outside(axis, op, given, value) for axis in range(2))
    kinds = range(max(rows) + 1), range(max(columns) + 1)
    added = tuple(value * bool(row or column) for row in kinds[0] for column in kinds[1])
    with_zero = Range(min(values.low, 0), max(values.high, 0))
    netlist = Netlist(
        channels,
        (with_zero,) * channels,
        (),
        tuple(Linear(channel, 1, 0, added) for channel in range(channels)),
        len(added),
    )
    return Compute(name, windowing, channels, with_zero, netlist, rows, columns, per_stage)


def _outside(axis: int, op: Pad, given: Signal, value: int) -> tuple[int, ...]:
    """The class of each row or column: 1 outside of the map, unless all is 0 there."""
    line = int(value != 0)
    return (line,) * op.before[axis] + (0,) * given.shape[axis] + (line,) * op.after[axis]


def _surrounded(op: Pad, given: Signal, around: int) -> Windowing:
    rows, columns, _ = given.shape
    pads = (op.before[0], op.before[1], op.after[0], op.after[1])
    return Windowing((rows, columns), (1, 1), (1, 1), pads, around)
