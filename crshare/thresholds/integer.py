"""Everything between a linear layer and a sign, merged exactly into one integer comparison.

Semantics: the file's float32 parameters are real numbers, and Keras's formulas are taken over the
reals: a sum S of a channel gives +1 exactly where f(S) >= 0, with ties as sign(0) = +1. Keras
rounds in float32, so it may decide otherwise where f(S) is within its rounding of 0, only there.

f is a chain of monotone maps, so that f(S) >= 0 holds from some integer on, or up to one. A float64
estimate proposes that integer; exact arithmetic (surds.Surd) confirms it, or bisects.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from crshare.arrays import Float64Array, Int32Array
from crshare.network.graph import ALWAYS, NEVER, Threshold
from crshare.thresholds.layer_ops import Affine, Binarize, Bounds, Map, Slope, at
from crshare.thresholds.surds import Surd

Maps = Sequence[Map]


def merge_maps(maps: Maps, n_channels: int, *, adjustable: bool = True) -> Threshold:
    """The threshold that `maps`, followed by a sign, is for each channel."""
    directions = direction(maps, n_channels)
    guesses = _estimates(maps, directions)
    found = [
        threshold_at(maps, channel, int(directions[channel]), guess)
        for channel, guess in enumerate(guesses)
    ]
    merged = tuple(
        dict.fromkeys(layer_op.owner for layer_op in maps if not isinstance(layer_op, Binarize))
    )
    return Threshold(np.array(found, np.int32), directions >= 0, merged, adjustable)


def direction(maps: Maps, n_channels: int) -> Int32Array:
    """Per channel +1 where the maps rise, -1 where they fall, 0 where they are constant."""
    total = np.ones(n_channels, np.int32)
    for layer_op in maps:
        if isinstance(layer_op, Affine):
            total *= np.array([(s > 0) - (s < 0) for s in layer_op.scale], np.int32)
    return total


def threshold_at(maps: Maps, channel: int, direction: int, guess: int | None) -> int:
    """The least sum that gives +1 (the greatest, where the maps fall)."""
    if direction == 0:
        return ALWAYS if fires(maps, channel, 0) else NEVER
    if guess is not None:
        reached = fires(maps, channel, direction * guess)
        if reached and not fires(maps, channel, direction * (guess - 1)):
            return direction * guess
    return _bisect(maps, channel, direction)


def _bisect(maps: Maps, channel: int, direction: int) -> int:
    low, high = ALWAYS + 1, NEVER  # fires(low) is false, fires(high) is true, on the rising side
    if fires(maps, channel, direction * low):
        return ALWAYS if direction > 0 else NEVER
    if not fires(maps, channel, direction * high):
        return NEVER if direction > 0 else ALWAYS
    while high - low > 1:
        middle = (low + high) // 2
        if fires(maps, channel, direction * middle):
            high = middle
        else:
            low = middle
    return direction * high


def fires(maps: Maps, channel: int, total: int | Fraction) -> bool:
    """Whether the channel is +1 at this sum, exactly."""
    return value_at(maps, channel, total).sign() >= 0


def value_at(maps: Maps, channel: int, total: int | Fraction) -> Surd:
    """What the maps make of a sum, exactly."""
    value = Surd(Fraction(total))
    for layer_op in maps:
        match layer_op:
            case Affine():
                scale, center = at(layer_op.scale, channel), at(layer_op.center, channel)
                scaled = value.plus(-center).times(scale)
                value = scaled.over_root(at(layer_op.radicand, channel))
                value = value.plus(at(layer_op.offset, channel))
            case Bounds(_, low, high):
                value = _bounded(value, low, high)
            case Slope(_, negative):
                value = value.times(at(negative, channel)) if value.sign() < 0 else value
            case Binarize(_, zero_is_plus):
                plus = value.sign() >= (0 if zero_is_plus else 1)
                value = Surd(Fraction(1 if plus else -1))
    return value


def _bounded(value: Surd, low: Fraction | None, high: Fraction | None) -> Surd:
    if low is not None and value.plus(-low).sign() < 0:
        return Surd(low)
    if high is not None and value.plus(-high).sign() > 0:
        return Surd(high)
    return value


def _estimates(maps: Maps, directions: Int32Array) -> list[int | None]:
    """Where the maps up to the first sign cross zero, in float64, on the rising side."""
    slope, offset = np.ones(len(directions)), np.zeros(len(directions))
    for layer_op in maps:
        if isinstance(layer_op, Binarize):
            break
        if isinstance(layer_op, Affine):
            scale, shift = linear_form(layer_op)
            slope, offset = slope * scale, offset * scale + shift
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        crossing = np.ceil(-offset / slope * directions)
    usable = np.isfinite(crossing) & (np.abs(crossing) < NEVER)
    return [int(x) if ok else None for x, ok in zip(crossing, usable, strict=True)]


def linear_form(layer_op: Affine) -> tuple[Float64Array, Float64Array]:
    """The affine map as float64 scale and offset, each for all channels or one for each."""
    scale, center, radicand, offset = (
        np.array([float(value) for value in values])
        for values in (layer_op.scale, layer_op.center, layer_op.radicand, layer_op.offset)
    )
    slope = scale / np.sqrt(radicand)
    return slope, offset - center * slope
