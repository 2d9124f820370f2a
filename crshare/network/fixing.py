"""A network with real values becomes one in fixed point: every factor, offset and kernel on a grid.

Products and sums of numbers on grids of powers of two are exact in float64, so the executor, the
reference and hardware agree bit for bit. A factor is an integer of a few bits times a power of two
of its layer; what is stored, forked, pooled or multiplied again is rounded to a Format, halves up.
Signs see the values before that rounding. Integer thresholds stay as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.arrays import Float64Array
from crshare.errors import NetworkError
from crshare.network.fixed_point import EXACT_BITS, OffGridError, fraction_of, unit_fraction
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
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
)

BITS = 8  # of a factor and of a weight, sign included, if nothing else is asked for
OFFSET_FRACTION = 8  # bits behind the point that an offset has at least
LEAST_BITS, MOST_BITS = 2, 16


@dataclass(frozen=True, slots=True)
class Format:
    """A number in two's complement: `bits` in all, of which `fraction` stand behind the point
    (negative: zeros that are left out before it)."""

    bits: int
    fraction: int

    def __post_init__(self) -> None:
        if not LEAST_BITS <= self.bits <= MOST_BITS or not abs(self.fraction) <= 32:
            raise NetworkError(
                f"a format has {LEAST_BITS} to {MOST_BITS} bits and its point within 32 places, "
                f"not {self.bits} bits with {self.fraction} behind the point"
            )

    @property
    def quantise(self) -> Quantise:
        unit = 2.0**-self.fraction
        top = 2.0 ** (self.bits - 1)
        return Quantise(unit, -top * unit, (top - 1) * unit, "up")

    def __str__(self) -> str:
        return f"{self.bits - self.fraction}.{self.fraction}"


def on_grid(values: npt.NDArray[np.floating[Any]], bits: int) -> tuple[Float64Array, int]:
    """The nearest integers of `bits` bits, sign included, times 2^-fraction, and that fraction: the
    greatest for which the greatest value fits; less where the values need less."""
    most = float(np.abs(values).max(initial=0.0))
    if not most:
        return np.zeros(values.shape), 0
    top = 2 ** (bits - 1) - 1
    fraction = int(np.floor(np.log2(top / most))) + 1
    while np.rint(np.ldexp(most, fraction)) > top:
        fraction -= 1
    steps = np.rint(np.ldexp(values.astype(np.float64), fraction))
    while not (steps % 2).any():
        steps, fraction = steps / 2, fraction - 1
    return np.ldexp(steps, -fraction), fraction


def rounded_at(network: Network) -> tuple[str, ...]:
    """The real-valued layers behind which a fixed-point network rounds: those that are stored,
    forked, pooled or multiplied, and curves."""
    return tuple(layer.name for layer in network.layers if _is_rounded(network, layer))


def _is_rounded(network: Network, layer: Layer) -> bool:
    if network.signals[layer.name].kind is not Kind.REALS:
        return False
    if isinstance(layer.op, Quantise):
        return _own_fraction(layer.op) is None
    if isinstance(layer.op, MaxPool | Pad | Flatten | Concatenate):
        return False  # what they read is rounded
    if isinstance(layer.op, Clamp) and _gives_rounded(network, layer.source):
        return False
    readers = [r for r in network.readers_of(layer.name) if not isinstance(r.op, Sign)]
    if isinstance(layer.op, Curve) or len(readers) > 1:
        return bool(readers)
    match [reader.op for reader in readers]:
        case [] | [Add() | Clamp() | Leak() | Quantise()]:
            return False
        case [Scale()]:
            return not isinstance(layer.op, RealConv | SumPool)
        case _:
            return True


def _gives_rounded(network: Network, name: str) -> bool:
    """Whether what reads this layer reads rounded values."""
    layer = network.layer(name)
    return isinstance(layer.op, Quantise | MaxPool | Pad | Concatenate) or _is_rounded(
        network, layer
    )


def to_fixed_point(network: Network, formats: Mapping[str, Format], bits: int = BITS) -> Network:
    """The network in fixed point.

    formats: of the layers that `rounded_at` names. bits: of factors and of real kernels.
    """
    fixing = _Fixing(formats, bits)
    for layer in network.layers:
        fixing.add(layer, real=network.signals[layer.name].kind is Kind.REALS)
    return Network(network.input, tuple(fixing.layers))


class _Fixing:
    """Layers in fixed point so far, with the bits behind the point of what they give."""

    def __init__(self, formats: Mapping[str, Format], bits: int) -> None:
        self.formats, self.bits = formats, bits
        self.layers: list[Layer] = []
        self.fractions = {INPUT: 0}
        self.rounded: dict[str, str] = {}  # by layer, the one that rounds what it gives

    def add(self, layer: Layer, *, real: bool) -> None:
        sources = layer.sources
        if not isinstance(layer.op, Sign):
            sources = tuple(self.rounded.get(source, source) for source in sources)
        given = [self.fractions[source] for source in sources]
        op, fraction = self._fixed(layer, given) if real else (layer.op, 0)
        self._append(Layer(layer.name, op, sources[0], sources[1:]), fraction)
        if layer.name in self.formats and not isinstance(layer.op, Quantise):
            chosen, name = self.formats[layer.name], f"{layer.name}/fixed"
            self._append(Layer(name, chosen.quantise, layer.name), chosen.fraction)
            self.rounded[layer.name] = name

    def _append(self, layer: Layer, fraction: int) -> None:
        self.layers.append(layer)
        self.fractions[layer.name] = fraction

    def _fixed(self, layer: Layer, given: list[int]) -> tuple[Op, int]:
        """A real-valued operation on grids, and the bits behind the point of its result."""
        fraction = max(given)
        match layer.op:
            case Scale(scale, offset):
                factors, shift = on_grid(scale, self.bits)
                return self._scaled(factors, offset, fraction + shift)
            case RealConv(kernel, bias):
                weights, shift = on_grid(kernel, self.bits)
                placed = _placed(bias, fraction + shift).astype(np.float32)
                single = weights.astype(np.float32)
                return replace(layer.op, kernel=single, bias=placed), fraction + shift
            case Leak(negative):
                slopes, shift = on_grid(negative, self.bits)
                return Leak(slopes), fraction + max(shift, 0)
            case Clamp(low, high):
                return Clamp(*(_limit(end, fraction) for end in (low, high))), fraction
            case Multiply():
                return layer.op, sum(given)
            case Quantise() as own:
                if layer.name in self.formats:
                    chosen = self.formats[layer.name]
                    return chosen.quantise, chosen.fraction
                return replace(own, halves="up"), _own_fraction(own) or 0
            case op:
                return op, fraction

    def _scaled(self, factors: Float64Array, offset: Float64Array, grid: int) -> tuple[Op, int]:
        fraction = max(grid, OFFSET_FRACTION) if offset.any() else grid
        return Scale(factors, _placed(offset, fraction)), fraction


def on_grid_of(scale: Scale, offset: Float64Array) -> Float64Array:
    """The nearest offset with as many bits behind the point as the factors and the offset of a
    scale have, or OFFSET_FRACTION of them; as it is where they have no end."""
    if not np.isfinite(offset).all():
        return scale.offset
    fraction = max(fraction_of(scale.scale), fraction_of(scale.offset), OFFSET_FRACTION)
    return _placed(offset, fraction) if fraction < EXACT_BITS - 2 else offset


def _placed(values: npt.NDArray[np.floating[Any]], fraction: int) -> Float64Array:
    """The nearest multiples of 2^-fraction."""
    steps = np.rint(np.ldexp(values.astype(np.float64), fraction))
    placed: Float64Array = np.ldexp(steps, -fraction)
    return placed


def _limit(end: float, fraction: int) -> float:
    return float(_placed(np.array(end), fraction)) if isfinite(end) else end


def _own_fraction(op: Quantise) -> int | None:
    """The bits behind the point of a quantiser of the network's own; None where its unit is no
    power of two, or a limit is missing or no multiple of it."""
    try:
        fraction = unit_fraction(op)
    except OffGridError:
        return None
    ends = (op.low / op.unit, op.high / op.unit)
    whole = all(isfinite(end) and end == round(end) for end in ends)
    return fraction if whole else None
