"""A layer op as a layer of its own, where it is not merged into a threshold."""

import numpy as np

from crshare.network.graph import (
    BitPool,
    Clamp,
    Curve,
    Flatten,
    Float64Array,
    Kind,
    Leak,
    MaxPool,
    Op,
    Pad,
    Quantise,
    Scale,
    Sign,
    Signal,
)
from crshare.thresholds.chains import name_of
from crshare.thresholds.integer import linear_form
from crshare.thresholds.layer_ops import (
    Affine,
    Binarize,
    Bounds,
    Flat,
    Fractions,
    LayerOp,
    Padded,
    Pool,
    Round,
    Slope,
    Squash,
)


def wants_reals(layer_op: LayerOp, signal: Signal) -> bool:
    """Whether the values must be made reals first."""
    if isinstance(layer_op, Binarize):
        return signal.kind is not Kind.BITS
    return isinstance(layer_op, Bounds | Slope | Round | Squash)


def layer_of(layer_op: LayerOp, signal: Signal, owner: str) -> tuple[str, Op] | None:
    """The name and operation of a layer op on `signal`; None where it changes nothing.

    owner: the file's layer whose values these are, of which a sign takes its name.
    """
    channels = signal.shape[2]
    match layer_op:
        case Affine():
            scale, offset = (np.resize(part, channels) for part in linear_form(layer_op))
            return name_of(layer_op), Scale(scale, offset)
        case Pool():
            return layer_op.owner, _pool(layer_op, signal)
        case Flat():
            return layer_op.owner, Flatten()
        case Padded(owner, before, after, value):
            return owner, Pad(before, after, value)
        case Binarize(_, zero_is_plus) if signal.kind is not Kind.BITS:
            return f"{owner}/sign", Sign(zero_is_plus)
        case Bounds() | Slope() | Round() | Squash():
            return f"{layer_op.owner}/activation", _function(layer_op, channels)
        case _:
            return None


def _pool(layer_op: Pool, signal: Signal) -> Op:
    window = (layer_op.size, layer_op.strides, layer_op.same)
    if signal.kind is Kind.BITS:
        return BitPool(*window, np.zeros(signal.shape[2], np.bool_))
    return MaxPool(*window)


def _function(layer_op: Bounds | Slope | Round | Squash, channels: int) -> Op:
    match layer_op:
        case Bounds(_, low, high):
            least = -np.inf if low is None else float(low)
            return Clamp(least, np.inf if high is None else float(high))
        case Slope(_, negative):
            return Leak(_floats(negative, channels))
        case Round(_, unit, lowest, highest, halves):
            return Quantise(float(unit), float(lowest), float(highest), halves)
        case Squash(_, function):
            return Curve(function)


def _floats(values: Fractions, channels: int) -> Float64Array:
    return np.resize(np.array([float(value) for value in values]), channels)
