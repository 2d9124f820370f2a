"""Chains of layer ops before they become layers: input rescaling, squashes, shapes, kernels."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import gcd, prod

import numpy as np

from crshare.arrays import Float64Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.network.graph import Input, Shape, extent, spread
from crshare.network.reference import CURVES
from crshare.thresholds.layer_ops import (
    ONE,
    ZERO,
    Affine,
    Binarize,
    Bounds,
    Flat,
    Fractions,
    LayerOp,
    Linear,
    Map,
    Padded,
    Pool,
    Reshaped,
    Role,
    Round,
    Slope,
    Squash,
)
from crshare.thresholds.shapes import entered_as

Chain = Sequence[LayerOp]
Maps = tuple[Map, ...]

ENTRY = "input"  # the owner of what is done to images before any layer
MAX_BOUND = 2**24  # of the integers that the first layer sees
MAX_DENSE = 2**26  # weights of a real-valued layer, with the zeros of its groups


def enter(
    shape: Shape,
    rescale: tuple[Fraction, Fraction] | None,
    layer_ops: Sequence[LayerOp],
    *,
    real: bool = False,
) -> tuple[Input, tuple[LayerOp, ...], int]:
    """The input as integers, with the rescaling that comes first, or as real numbers; the layer ops
    that follow, and how many of the given ones these stand for."""
    scale, offset = rescale or (Fraction(1), Fraction(0))
    owner, n_taken, stored = ENTRY, 0, shape
    flats: list[LayerOp] = []
    for layer_op in layer_ops:
        found = _entered(shape, scale, offset, layer_op)
        if found is None or (real and not isinstance(layer_op, Flat | Reshaped)):
            break
        n_taken += 1
        match layer_op:
            case Flat():
                flats.append(layer_op)
            case Reshaped():
                flats, shape = [], entered_as(layer_op, shape)
            case _:
                (scale, offset), owner = found, layer_op.owner
    form = None if shape == stored else stored
    if real:
        return Input(shape, stored=form, real=True), tuple(flats), n_taken
    if scale == 0:
        raise ModelFormatError(f"layer {owner} rescales every input to one value; mend its scale")
    unit = _common_unit(scale, offset)
    given = Input(shape, int(scale / unit), int(offset / unit), stored=form)
    if given.bound > MAX_BOUND:
        raise ModelFormatError(
            f"layer {owner} rescales by {float(scale)!r} and {float(offset)!r}, which have no "
            "common unit of fair size; rescale with simple fractions such as 1/255"
        )
    factor = () if unit == 1 else (Affine(owner, Role.FACTOR, (unit,)),)
    return given, (*factor, *flats), n_taken


def _entered(
    shape: Shape, scale: Fraction, offset: Fraction, layer_op: LayerOp
) -> tuple[Fraction, Fraction] | None:
    """The rescaling of the images together with a layer op that can be part of it."""
    match layer_op:
        case Flat() | Reshaped():
            return scale, offset
        case Affine(_, Role.FACTOR, scales, center, radicand, offsets):
            if layer_op.n_channels == 1 and center == ZERO and radicand == ONE:
                return scale * scales[0], offset * scales[0] + offsets[0]
        case Round():
            return _rounded(Input(shape), scale, offset, layer_op)
        case _:
            pass
    return None


def _rounded(
    given: Input, scale: Fraction, offset: Fraction, layer_op: Round
) -> tuple[Fraction, Fraction] | None:
    """A rounding that rescales the integers of the images evenly, as one that changes none does."""
    values = [layer_op.value(scale * v + offset) for v in range(given.low, given.high + 1)]
    step = values[1] - values[0]
    even = step and all(b - a == step for a, b in pairwise(values))
    return (step, values[0] - step * given.low) if even else None


def _common_unit(a: Fraction, b: Fraction) -> Fraction:
    """The greatest rational that goes into both a whole number of times."""
    over = a.denominator * b.denominator
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), over)


def without_squashes(layer_ops: Sequence[LayerOp], *, at_end: bool) -> tuple[LayerOp, ...]:
    """Drop the functions that change no sign, and at the end those that change no order of scores;
    refuse what cannot be computed."""
    kept = []
    for position, layer_op in enumerate(layer_ops):
        after = layer_ops[position + 1 :]
        if not isinstance(layer_op, Squash) or not (
            _before_sign(layer_op, after) or at_end and not after
        ):
            kept.append(layer_op)
            if isinstance(layer_op, Squash) and layer_op.function not in CURVES:
                raise ModelFormatError(
                    f"layer {layer_op.owner} applies {layer_op.function} before further layers, "
                    "which is not read; crshare reads it at the end"
                )
    return tuple(kept)


def _before_sign(squash: Squash, after: Sequence[LayerOp]) -> bool:
    maps = [layer_op for layer_op in after if not isinstance(layer_op, Pool | Flat)]
    return squash.odd and bool(maps) and isinstance(maps[0], Binarize)


def mergeable(layer_ops: Sequence[LayerOp]) -> bool:
    """Whether layer ops before a sign are one comparison: exact, rising or falling throughout."""
    return all(
        isinstance(layer_op, Affine | Bounds | Binarize | Pool | Flat)
        or (isinstance(layer_op, Slope) and layer_op.rises)
        for layer_op in layer_ops
    )


def dense_kernel(linear: Linear) -> Float64Array:
    """The weights as a plain convolution has them: zeros between the taps and between groups."""
    depth, filters = linear.weights.shape[2:]
    shape = spread(linear.weights.shape, linear.dilation, linear.groups)
    if prod(shape) > MAX_DENSE:
        raise ModelFormatError(
            f"layer {linear.owner} spans {'x'.join(map(str, shape))} weights with its groups and "
            "dilation, which is too large; build it smaller"
        )
    dense = np.zeros(shape)
    n = filters // linear.groups
    taps = dense[:: linear.dilation[0], :: linear.dilation[1]]
    for group in range(linear.groups):
        rows, columns = slice(group * depth, (group + 1) * depth), slice(group * n, (group + 1) * n)
        taps[:, :, rows, columns] = linear.weights[..., columns]
    return dense


def shape_after(chain: Sequence[LayerOp], shape: Shape) -> Shape:
    """The shape that a chain gives."""
    return shapes_along((*chain, Bounds("", None, None)), shape)[-1]


def shapes_along(chain: Sequence[LayerOp], shape: Shape) -> list[Shape]:
    """The shape that each layer op gets; a map must hold one value for each channel of its own."""
    shapes = []
    for layer_op in chain:
        shapes.append(shape)
        match layer_op:
            case Flat():
                shape = (1, 1, shape[0] * shape[1] * shape[2])
            case Pool(_, size, strides, same):
                rows, _ = extent(shape[0], size[0], strides[0], same=same)
                columns, _ = extent(shape[1], size[1], strides[1], same=same)
                shape = (rows, columns, shape[2])
            case Padded(_, above, below):
                rows, columns = (n + a + b for n, a, b in zip(shape, above, below, strict=False))
                shape = (rows, columns, shape[2])
            case Slope(owner, negative) if len(negative) not in (1, shape[2]):
                raise ModelFormatError(
                    f"layer {owner} holds values for {len(negative)} channels, and gets "
                    f"{shape[2]}; {DAMAGED}"
                )
            case Affine(owner, role) if layer_op.n_channels != shape[2]:
                if role is not Role.FACTOR or layer_op.n_channels > 1:
                    raise ModelFormatError(
                        f"layer {owner} holds values for {layer_op.n_channels} channels, and gets "
                        f"{shape[2]}; {DAMAGED}"
                    )
            case _:
                pass
    return shapes


def reaches_out(shape: Shape, size: tuple[int, int], strides: tuple[int, int]) -> bool:
    for length, window, stride in zip(shape[:2], size, strides, strict=True):
        positions, _ = extent(length, window, stride, same=True)
        if (positions - 1) * stride + window > length:
            return True
    return False


def late_maps(chain: Chain) -> int | None:
    """The place of the Flatten behind which a map has values of its own, if there is one."""
    cut = next((i for i, layer_op in enumerate(chain) if isinstance(layer_op, Flat)), len(chain))
    late = any(isinstance(s, Affine) and s.n_channels > 1 for s in chain[cut:])
    return cut if late else None


def maps_of(chain: Chain) -> Maps:
    return tuple(
        layer_op for layer_op in chain if isinstance(layer_op, Affine | Bounds | Slope | Binarize)
    )


def magnified(owner: str, scales: Fractions) -> tuple[Affine, ...]:
    return () if scales == ONE else (Affine(owner, Role.FACTOR, scales),)


def name_of(layer_op: Affine) -> str:
    match layer_op.role:
        case Role.BATCH_NORM:
            return layer_op.owner
        case Role.BIAS:
            return f"{layer_op.owner}/bias"
        case Role.FACTOR:
            return f"{layer_op.owner}/scale"


def repeated(layer_op: Map, positions: int) -> Map:
    """The map for each position of a flattened map; as such it can no longer be adjusted alone."""
    match layer_op:
        case Affine():
            parts = (layer_op.scale, layer_op.center, layer_op.radicand, layer_op.offset)
            tiled = (part * positions if len(part) > 1 else part for part in parts)
            return Affine(layer_op.owner, Role.FACTOR, *tiled)
        case Slope(_, negative) if len(negative) > 1:
            return replace(layer_op, negative=negative * positions)
        case _:
            return layer_op
