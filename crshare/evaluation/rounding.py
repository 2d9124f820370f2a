"""Whether float32 rounding explains a bit that differs: the exact values before the sign.

A library computes in float32, so it may decide otherwise where the exact value before a sign lies
within its rounding of zero, and only there. `margin` tells whether it does.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from crshare.arrays import Array
from crshare.evaluation.halves import halves_margin
from crshare.model.read import Model
from crshare.network.graph import (
    INPUT,
    Add,
    BitPool,
    Clamp,
    Concatenate,
    Conv,
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
    Scale,
    Sign,
    Threshold,
    extent,
)
from crshare.thresholds.integer import linear_form, value_at
from crshare.thresholds.layer_ops import Affine, Binarize

Place = tuple[int, int, int]

FLOAT32, FLOAT64 = 2.0**-24, 2.0**-53  # half of the last bit of 1
MARGIN_OF_REALS = 2.0**-13  # of the greatest value of a real-valued map, over all of its layers


def margin(
    model: Model,
    values: Mapping[str, Array],
    name: str,
    image: int,
    place: Place,
    epsilon: float = FLOAT32,
) -> float:
    """How far from zero the nearest value before a sign of this bit is, in units of the rounding
    that the library may have done on its way: above 1 rounding does not explain another bit.

    values: the outputs of all layers as the reference gives them. name: a layer that gives bits, or
    sums of them.
    epsilon: of the library's numbers; reals of ours are float32 whatever it computes in.
    """
    nearest = np.inf
    for layer, at in origins(model.network, name, place):
        x = values[layer.source]
        if isinstance(layer.op, Sign):
            nearest = min(nearest, abs(float(x[image][at])) / _rounding_of(x))
            halves = halves_margin(model.network, values, image, layer.source, at)
            nearest = min(nearest, halves)
        else:
            total = int(x[image][at])
            nearest = min(nearest, _threshold_margin(model, layer, at[2], total, epsilon))
        for bits, there in _bits_added(model.network, layer.source, at):
            nearest = min(nearest, margin(model, values, bits, image, there, epsilon))
    return nearest


def _rounding_of(reals: Array) -> float:
    """What may have been rounded on the way to the values of a real-valued map."""
    return MARGIN_OF_REALS * max(float(np.abs(reals).max()), 1e-30)


def rounded_step(
    model: Model, values: Mapping[str, Array], image: int, epsilon: float = FLOAT32
) -> bool:
    """Whether any bit that is only added to others (a step of an activation of several bits) lies
    within the library's rounding of its threshold; arguments as of `margin`."""
    network = model.network
    for layer in network.layers:
        if not any(isinstance(reader.op, Add) for reader in network.readers_of(layer.name)):
            continue
        if isinstance(layer.op, Sign):
            x = values[layer.source]
            if float(np.abs(x[image]).min()) <= _rounding_of(x):
                return True
        elif isinstance(layer.op, Threshold):
            x = values[layer.source]
            for channel in range(x.shape[3]):
                for total in np.unique(x[image, ..., channel]).tolist():
                    if _threshold_margin(model, layer, channel, int(total), epsilon) <= 1:
                        return True
    return False


def _bits_added(network: Network, name: str, place: Place) -> Iterator[tuple[str, Place]]:
    """The bits that reach a place by way of additions, which no convolution reads and shows."""
    if name == INPUT:
        return
    layer = network.layer(name)
    match layer.op:
        case _ if network.signals[name].kind is Kind.BITS:
            yield name, place
        case Add() | Scale() | Leak() | Clamp() | Curve() | Quantise() | Multiply():
            for source in layer.sources:
                alone = network.signals[source].shape[:2] == (1, 1)
                yield from _bits_added(network, source, (0, 0, place[2]) if alone else place)
        case Concatenate() | Flatten() | Pad():
            found = _before(network, layer, place)
            yield from _bits_added(network, *found) if found else ()
        case _:
            pass


def _before(network: Network, layer: Layer, place: Place) -> tuple[str, Place] | None:
    """The place from which a Flatten, Concatenate or Pad takes this one; None: from none."""
    if isinstance(layer.op, Pad):
        inside = (place[0] - layer.op.before[0], place[1] - layer.op.before[1])
        height, width, _ = network.input_of(layer).shape
        fits = 0 <= inside[0] < height and 0 <= inside[1] < width
        return (layer.source, (*inside, place[2])) if fits else None
    if isinstance(layer.op, Flatten):
        shape = network.input_of(layer).shape
        row, column, channel = (int(part) for part in np.unravel_index(place[2], shape))
        return layer.source, (row, column, channel)
    channel = place[2]
    for source in layer.sources:
        if channel < network.signals[source].shape[2]:
            break
        channel -= network.signals[source].shape[2]
    return source, (place[0], place[1], channel)


def _threshold_margin(
    model: Model, layer: Layer, channel: int, total: int, epsilon: float
) -> float:
    """Of the last sign, and of those that are merged before it."""
    maps = model.merged[layer.name]
    ends = [i for i, layer_op in enumerate(maps) if isinstance(layer_op, Binarize)] + [len(maps)]
    exact = min(abs(float(value_at(maps[:end], channel, total))) for end in ends)
    return exact / (epsilon * rounded(model, layer, channel))


def rounded(model: Model, threshold: Layer, channel: int) -> float:
    """A bound of what is rounded on the way from the products to the sign, each time by at most a
    relative half of a last bit."""
    above = next((la for la in model.network.layers if la.name == threshold.source), None)
    n_inputs = above.op.n_inputs if above is not None and isinstance(above.op, Conv) else 64
    size = float(model.network.input_of(threshold).bound)
    total = size
    for layer_op in model.merged[threshold.name]:
        if isinstance(layer_op, Affine):
            scale, offset = (
                np.abs(np.resize(p, channel + 1)[channel]) for p in linear_form(layer_op)
            )
            size = float(scale * size + offset)
            total = max(total * float(scale), size)
    return max(total, size) * (8 + n_inputs)


def origins(network: Network, name: str, place: Place) -> Iterator[tuple[Layer, Place]]:
    """The comparisons that a bit, or a sum of bits, comes from, each with its place."""
    if name == INPUT:
        return
    layer = network.layer(name)
    shape = network.input_of(layer).shape
    match layer.op:
        case Threshold() | Sign():
            yield layer, place
        case Flatten() | Concatenate() | Pad():
            found = _before(network, layer, place)
            yield from origins(network, *found) if found else ()
        case Add():
            for source in layer.sources:
                yield from origins(network, source, place)
        case BitPool(size, strides, same) | MaxPool(size, strides, same):
            for row in _span(place[0], shape[0], size[0], strides[0], same):
                for column in _span(place[1], shape[1], size[1], strides[1], same):
                    yield from origins(network, layer.source, (row, column, place[2]))
        case _:
            pass


def _span(position: int, size: int, window: int, stride: int, same: bool) -> range:
    _, before = extent(size, window, stride, same=same)
    start = position * stride - before
    return range(max(start, 0), min(start + window, size))
