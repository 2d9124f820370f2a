"""A step as a layer of its own, where no threshold takes it in."""

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
    Pool,
    Round,
    Slope,
    Squash,
    Step,
)


def wants_reals(step: Step, signal: Signal) -> bool:
    """Whether the values must be made reals first."""
    if isinstance(step, Binarize):
        return signal.kind is not Kind.BITS
    return isinstance(step, Bounds | Slope | Round | Squash)


def layer_of(step: Step, signal: Signal, owner: str) -> tuple[str, Op] | None:
    """The name and operation of a step on `signal`; None where it changes nothing.

    owner: the file's layer whose values these are, of which a sign takes its name.
    """
    channels = signal.shape[2]
    match step:
        case Affine():
            scale, offset = (np.resize(part, channels) for part in linear_form(step))
            return name_of(step), Scale(scale, offset)
        case Pool():
            return step.owner, _pool(step, signal)
        case Flat():
            return step.owner, Flatten()
        case Binarize(_, zero_is_plus) if signal.kind is not Kind.BITS:
            return f"{owner}/sign", Sign(zero_is_plus)
        case Bounds() | Slope() | Round() | Squash():
            return f"{step.owner}/activation", _function(step, channels)
        case _:
            return None


def _pool(step: Pool, signal: Signal) -> Op:
    window = (step.size, step.strides, step.same)
    if signal.kind is Kind.BITS:
        return BitPool(*window, np.zeros(signal.shape[2], np.bool_))
    return MaxPool(*window)


def _function(step: Bounds | Slope | Round | Squash, channels: int) -> Op:
    match step:
        case Bounds(_, low, high):
            least = -np.inf if low is None else float(low)
            return Clamp(least, np.inf if high is None else float(high))
        case Slope(_, negative):
            return Leak(_floats(negative, channels))
        case Round(_, unit, lowest, highest):
            return Quantise(float(unit), float(lowest), float(highest))
        case Squash(_, function):
            return Curve(function)


def _floats(values: Fractions, channels: int) -> Float64Array:
    return np.resize(np.array([float(value) for value in values]), channels)
