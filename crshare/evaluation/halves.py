"""Values on their way to a sign that a quantiser rounds: how near they are to a half.

A library in float32 may round such a value to the other side, which moves all that follows by a
whole unit; the values themselves show no sign of it.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from crshare.arrays import Array
from crshare.network.graph import (
    INPUT,
    Add,
    Clamp,
    Concatenate,
    Curve,
    Flatten,
    Kind,
    Layer,
    Leak,
    MaxPool,
    Multiply,
    Network,
    Pad,
    Quantise,
    RealConv,
    Scale,
    SumPool,
    extent,
)

Place = tuple[int, int, int]
Reached = tuple[str, Place]

OF_REALS = (
    2.0**-20
)  # of the greatest value of a map: a few roundings of float32 from layer to layer


def halves_margin(
    network: Network, values: Mapping[str, Array], image: int, name: str, place: Place
) -> float:
    """How far from a half the nearest value is that a quantiser rounds on the way to this place, in
    units of what float32 may round; infinite where there is none.

    values: the outputs of all layers as the reference gives them.
    """
    nearest, seen, waiting = np.inf, {(name, place)}, [(name, place)]
    while waiting:
        reached, at = waiting.pop()
        if reached == INPUT or network.signals[reached].kind is not Kind.REALS:
            continue
        layer = network.layer(reached)
        if isinstance(layer.op, Quantise):
            nearest = min(nearest, _distance(layer.op, values[layer.source], image, at))
        for one in _read(network, layer, at):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return nearest


def _distance(op: Quantise, x: Array, image: int, place: Place) -> float:
    """Of one value; what lies beyond the limits, by more than half a unit, is limited anyhow."""
    value = float(x[image][place])
    if not op.low - op.unit / 2 <= value <= op.high + op.unit / 2:
        value = op.low if value < op.low else op.high
    steps = value / op.unit + 0.5
    size = OF_REALS * max(float(np.abs(x).max()), op.unit)
    return abs(steps - round(steps)) * op.unit / size


def _read(network: Network, layer: Layer, place: Place) -> Iterator[Reached]:
    """What a real-valued operation reads for one of its values."""
    row, column, channel = place
    match layer.op:
        case Quantise() | Add() | Scale() | Leak() | Clamp() | Curve() | Multiply():
            for source in layer.sources:
                alone = network.signals[source].shape[:2] == (1, 1)
                yield source, ((0, 0, channel) if alone else place)
        case RealConv(kernel, _, strides, same):
            for at in _window(network, layer, place, kernel.shape[:2], strides, same=same):
                yield from ((layer.source, (*at, c)) for c in range(kernel.shape[2]))
        case MaxPool(size, strides, same):
            for at in _window(network, layer, place, size, strides, same=same):
                yield layer.source, (*at, channel)
        case SumPool(size, strides):
            for at in _window(network, layer, place, size, strides, same=False):
                yield layer.source, (*at, channel)
        case Pad(before):
            inside = (row - before[0], column - before[1])
            height, width, _ = network.input_of(layer).shape
            if 0 <= inside[0] < height and 0 <= inside[1] < width:
                yield layer.source, (*inside, channel)
        case Flatten():
            found = np.unravel_index(channel, network.input_of(layer).shape)
            yield layer.source, (int(found[0]), int(found[1]), int(found[2]))
        case Concatenate():
            source, channel = network.channel_source(layer, channel)
            yield source, (row, column, channel)
        case _:
            return


def _window(
    network: Network,
    layer: Layer,
    place: Place,
    size: tuple[int, ...],
    strides: tuple[int, int],
    *,
    same: bool,
) -> Iterator[tuple[int, int]]:
    """The places of a window that lie inside the map."""
    shape = network.input_of(layer).shape
    spans = []
    for axis in range(2):
        _, before = extent(shape[axis], size[axis], strides[axis], same=same)
        start = place[axis] * strides[axis] - before
        spans.append(range(max(start, 0), min(start + size[axis], shape[axis])))
    return ((row, column) for row in spans[0] for column in spans[1])
