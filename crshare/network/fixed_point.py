"""Which signals of a network are integers times 2**-f, and between which bounds.

Reals are float64. Where every value of a signal, and every product and sum on the way to it, is an
integer of at most 53 bits times one power of two, float64 has it exactly, and so has hardware that
computes with the integers. Such a network is in fixed point. The values of a curve are no such
integers; what rounds them, or takes their signs, looks up one of few of them, by the integer that
the curve reads: the format of a curve is that of what it reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import frexp, isinf

import numpy as np

from crshare.arrays import Float64Array
from crshare.errors import HardwareError
from crshare.network.graph import (
    INPUT,
    Add,
    Clamp,
    ClassSums,
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
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
)
from crshare.network.reference import apply

EXACT_BITS = 53  # of an integer that float64 holds
MOST_ENTRIES = 1 << 12  # of a curve's table
ADVICE = "write the network in fixed point with `crshare export --fixed-point`"


@dataclass(frozen=True, slots=True)
class Grid:
    """Values k * 2**-fraction, for integers k from low to high."""

    fraction: int
    low: int
    high: int

    def at(self, fraction: int) -> "Grid":
        """The same values on a grid at least as fine."""
        shift = fraction - self.fraction
        return Grid(fraction, self.low << shift, self.high << shift)


BITS = Grid(0, -1, 1)


class OffGridError(Exception):
    """Why an operation gives values that are not in fixed point."""


def formats(network: Network, layers: Sequence[Layer] | None = None) -> dict[str, Grid]:
    """The format of each signal; HardwareError that names the first layer off the grid.

    layers: only these, in order, which read each other, bits or the images.
    """
    found = {INPUT: given_format(network)}
    for layer in network.layers if layers is None else layers:
        given = [format_of_source(network, found, source) for source in layer.sources]
        found[layer.name] = format_after(network, layer, given)
    return found


def given_format(network: Network) -> Grid:
    """Of the images, as the network sees them."""
    return Grid(0, *network.input.ends)


def format_of_source(network: Network, found: dict[str, Grid], source: str) -> Grid:
    """What is known of a source; bits need no more."""
    return BITS if network.signals[source].kind is Kind.BITS else found[source]


def format_after(network: Network, layer: Layer, given: Sequence[Grid]) -> Grid:
    """The format that a layer makes of those it reads."""
    signal = network.signals[layer.name]
    if signal.kind is Kind.BITS:
        return BITS
    try:
        if isinstance(layer.op, Curve):
            return _looked_up_by(network, layer, given[0])
        before = network.op_of(layer.source)
        if isinstance(before, Curve) and isinstance(layer.op, Quantise):
            return _of_curve(before, layer.op, given[0])
        made = _after(layer.op, given)
        if made is None:  # sums of integers
            return Grid(0, -signal.bound, signal.bound)
        return _checked(made)
    except OffGridError as why:
        raise HardwareError(
            f"layer {layer.name} ({type(layer.op).__name__}) is not in fixed point: {why}; {ADVICE}"
        ) from why


def fraction_of(values: Float64Array) -> int:
    """The fewest fraction bits with which all values are integers."""
    flat = np.asarray(values, np.float64).reshape(-1)
    if not np.isfinite(flat).all():
        raise OffGridError("a weight is no finite number")
    return max((_fraction(value) for value in np.unique(flat).tolist()), default=0)


def _fraction(value: float) -> int:
    mantissa, exponent = frexp(value)
    whole = int(mantissa * 2**EXACT_BITS)
    zeros = (whole & -whole).bit_length() - 1 if whole else EXACT_BITS
    return max(0, EXACT_BITS - exponent - zeros) if whole else 0


def integers_of(values: Float64Array, fraction: int) -> list[int]:
    """values * 2**fraction, which are integers, in the order of the flattened array."""
    return [int(value) for value in np.ldexp(np.asarray(values, np.float64), fraction).ravel()]


def unit_fraction(quantise: Quantise) -> int:
    """f of a unit of 2**-f, which is negative for coarse ones."""
    mantissa, exponent = frexp(quantise.unit)
    if mantissa != 0.5:
        raise OffGridError(f"its unit {quantise.unit:g} is no power of two")
    return 1 - exponent


def kernel_integers(op: RealConv, given: Grid) -> tuple[list[list[int]], list[int], int]:
    """[inputs][filters] integer weights, integer biases, and the fraction of their sums.

    The weights multiply integers of `given`; inputs are tap by tap, channel by channel.
    """
    kernel = op.kernel.astype(np.float64).reshape(-1, op.kernel.shape[3])
    own, biases = fraction_of(kernel), op.bias.astype(np.float64)
    fraction = max(own + given.fraction, fraction_of(biases))
    weights = integers_of(kernel, fraction - given.fraction)
    n = kernel.shape[1]
    rows = [weights[place : place + n] for place in range(0, len(weights), n)]
    return rows, integers_of(biases, fraction), fraction


def _after(op: Op, given: Sequence[Grid]) -> Grid | None:
    first = given[0]
    match op:
        case RealConv():
            return _weighted(op, first)
        case Scale(scale, offset):
            fraction = max(fraction_of(scale) + first.fraction, fraction_of(offset))
            factors = integers_of(scale, fraction - first.fraction)
            starts = integers_of(offset, fraction)
            sides = [(factor * first.low, factor * first.high) for factor in factors]
            _checked(Grid(fraction, min(map(min, sides)), max(map(max, sides))))
            sums = [
                (one + start, other + start)
                for (one, other), start in zip(sides, starts, strict=True)
            ]
            return Grid(fraction, min(map(min, sums)), max(map(max, sums)))
        case Clamp(low, high):
            return _limited(first, low, high)
        case Leak(negative):
            own = fraction_of(negative)
            slopes = [*integers_of(negative, own), 1 << own]
            ends = [end * slope for end in (first.low, first.high, 0) for slope in slopes]
            return Grid(first.fraction + own, min(ends), max(ends))
        case Quantise(low=low, high=high):
            return _limited(_rounded(first, op), low, high)
        case Add() | Concatenate():
            fraction = max(one.fraction for one in given)
            alike = [_checked(one.at(fraction)) for one in given]
            lows, highs = [one.low for one in alike], [one.high for one in alike]
            if isinstance(op, Add):
                return Grid(fraction, sum(lows), sum(highs))
            return Grid(fraction, min(lows), max(highs))
        case Multiply():
            return reduce(_multiplied, given)
        case SumPool(size):
            n = size[0] * size[1]
            return Grid(first.fraction, n * first.low, n * first.high)
        case MaxPool() | Flatten():
            return first
        case Pad(value=value):
            around = Grid(0, value, value).at(first.fraction)
            return Grid(first.fraction, min(first.low, around.low), max(first.high, around.high))
        case Conv() | ClassSums():
            return None
        case _:
            raise OffGridError("it gives values of any fraction")


def _looked_up_by(network: Network, layer: Layer, given: Grid) -> Grid:
    readers = network.readers_of(layer.name)
    other = next((one for one in readers if not isinstance(one.op, Quantise | Sign)), None)
    if other is not None or not readers:
        behind = f"{other.name} reads them unrounded" if other else "nothing rounds them"
        raise OffGridError(f"it gives values of any fraction, and {behind}")
    entries = given.high - given.low + 1
    if entries > MOST_ENTRIES:
        raise OffGridError(f"it is a table of {entries:,} entries, of at most {MOST_ENTRIES:,}")
    return given


def looked_up(curve: Curve, reader: Quantise | Sign, given: Grid) -> Float64Array:
    """What the reader of a curve gives for each integer of `given`, from the lowest."""
    keys = np.ldexp(np.arange(given.low, given.high + 1, dtype=np.float64), -given.fraction)
    return np.asarray(apply(reader, apply(curve, keys)), np.float64)


def _of_curve(curve: Curve, reader: Quantise, given: Grid) -> Grid:
    unit = unit_fraction(reader)  # refuses others
    values = looked_up(curve, reader, given)
    fraction = max(0, unit, fraction_of(values))
    found = integers_of(values, fraction)
    return _checked(Grid(fraction, min(found), max(found)))


def _checked(made: Grid) -> Grid:
    if max(-made.low, made.high) >= 1 << EXACT_BITS:
        bits = max(-made.low, made.high).bit_length()
        raise OffGridError(f"its values take {bits} bits, {made.fraction} of them behind the point")
    return made


def _multiplied(one: Grid, other: Grid) -> Grid:
    ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
    return _checked(Grid(one.fraction + other.fraction, min(ends), max(ends)))


def _weighted(op: RealConv, given: Grid) -> Grid:
    """Of real weights; every partial sum has to be exact, too."""
    weights, biases, fraction = kernel_integers(op, given)
    low = high = most = 0
    ends = (
        min(given.low, 0 if op.same else given.low),
        max(given.high, 0 if op.same else given.high),
    )
    for filters, bias in zip(zip(*weights, strict=True), biases, strict=True):
        lows = sum(min(weight * end for end in ends) for weight in filters)
        highs = sum(max(weight * end for end in ends) for weight in filters)
        low, high = min(low, lows + bias), max(high, highs + bias)
        most = max(most, sum(max(abs(weight * end) for end in ends) for weight in filters))
    _checked(Grid(fraction, -most, most))
    return Grid(fraction, low, high)


def rounded(value: int, drop: int, *, even: bool) -> int:
    """value / 2**drop to the nearest integer; halves to the even one, or up."""
    half = (1 << drop - 1) - (even and not value >> drop & 1)
    return value + half >> drop


def _rounded(given: Grid, op: Quantise) -> Grid:
    """To the nearest multiples of the unit, where that is coarser."""
    fraction = unit_fraction(op)
    drop = given.fraction - fraction
    if drop <= 0:
        return given
    low, high = (rounded(end, drop, even=op.halves == "even") for end in (given.low, given.high))
    if fraction >= 0:
        return Grid(fraction, low, high)
    return Grid(0, low << -fraction, high << -fraction)


def _limited(given: Grid, low: float, high: float) -> Grid:
    """Within limits, which are values of the signal then; infinite ones limit nothing."""
    own = [limit for limit in (low, high) if not isinf(limit)]
    fraction = max(given.fraction, fraction_of(np.array(own or [0.0])))
    wide = _checked(given.at(fraction))
    ends = [wide.low, wide.high]
    if not isinf(low):
        ends = [max(end, int(np.ldexp(low, fraction))) for end in ends]
    if not isinf(high):
        ends = [min(end, int(np.ldexp(high, fraction))) for end in ends]
    return Grid(fraction, *ends)
