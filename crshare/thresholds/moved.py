"""Which parameter of a merged chain sets its threshold, and what to write there for a new one.

The last batch normalisation or bias does, when all maps before it are affine and strictly monotone
and none behind it moves a sign. It is centred half a step before the first sum that shall give +1,
so that float32 rounding in Keras cannot reach the decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from crshare.thresholds.integer import value_at
from crshare.thresholds.layer_ops import Affine, Binarize, Bounds, Map, Role, Slope, at


@dataclass(frozen=True, slots=True)
class Adjuster:
    """The layer op that sets a threshold, and the maps between the sums and that layer op."""

    layer_op: Affine
    before: tuple[Map, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """One channel's comparison: +1 for sums >= at (rising) or <= at (falling)."""

    at: int
    rising: bool


def adjuster(maps: Sequence[Map]) -> Adjuster | None:
    """What can be changed to set the threshold that `maps` make; None where nothing can."""
    for position in range(len(maps) - 1, -1, -1):
        layer_op = maps[position]
        if isinstance(layer_op, Affine) and layer_op.role is not Role.FACTOR:
            before = tuple(maps[:position])
            return Adjuster(layer_op, before) if all(map(_invertible, before)) else None
        if not _keeps_sign(layer_op):
            return None
    return None


def _keeps_sign(layer_op: Map) -> bool:
    match layer_op:
        case Binarize():
            return True
        case Bounds(_, low, high):
            return (low is None or low < 0) and (high is None or high >= 0)
        case Slope(_, negative):
            return min(negative) > 0
        case Affine():
            return layer_op.is_factor


def _invertible(layer_op: Map) -> bool:
    return isinstance(layer_op, Affine) and all(layer_op.scale)


def parameters(adjuster: Adjuster, channel: int, wanted: Decision, bound: int) -> dict[str, float]:
    """New values of a layer op's weights in one channel, by Keras's names; sums are within bound.

    A gamma is given only where the wanted direction asks for another one.
    """
    rises = _all_rise(adjuster.before, channel)
    gamma = at(adjuster.layer_op.scale, channel)
    decision = _along(wanted, rises == (gamma > 0), bound) if gamma else wanted
    center = float(value_at(adjuster.before, channel, _crossing(decision, bound)))
    if adjuster.layer_op.role is Role.BIAS:
        changed = {"bias": -center}
    else:
        changed = {"moving_mean": center, "beta": 0.0}
    if gamma == 0 or (rises == (gamma > 0)) != decision.rising:
        size = float(abs(gamma) or 1)
        changed["gamma"] = size if rises == decision.rising else -size
    return changed


def _along(wanted: Decision, rising: bool, bound: int) -> Decision:
    """The same decision in the given direction, where it is one for all sums."""
    everywhere = wanted.at <= -bound if wanted.rising else wanted.at >= bound
    nowhere = wanted.at > bound if wanted.rising else wanted.at < -bound
    if everywhere:
        return Decision(-bound if rising else bound, rising)
    if nowhere:
        return Decision(bound + 1 if rising else -bound - 1, rising)
    return wanted


def _crossing(wanted: Decision, bound: int) -> Fraction:
    """Half a step on the -1 side of the threshold, or beyond all sums where none or all give +1."""
    half = Fraction(1, 2)
    if wanted.rising:
        return min(max(wanted.at, -bound), bound + 1) - half
    return max(min(wanted.at, bound), -bound - 1) + half


def _all_rise(maps: Sequence[Map], channel: int) -> bool:
    """Whether affine maps together rise with their input."""
    falls = [at(layer_op.scale, channel) < 0 for layer_op in maps if isinstance(layer_op, Affine)]
    return sum(falls) % 2 == 0
