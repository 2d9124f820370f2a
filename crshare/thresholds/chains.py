"""Chains of steps before they become layers: input rescaling, squashes, shapes, dense kernels."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import takewhile
from math import gcd, prod

import numpy as np

from crshare.arrays import Float64Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.network.graph import Input, Shape, extent, spread
from crshare.network.reference import CURVES
from crshare.thresholds.layer_ops import (
    ONE,
    Affine,
    Binarize,
    Bounds,
    Flat,
    Fractions,
    Linear,
    Map,
    Pool,
    Role,
    Slope,
    Squash,
    Step,
)

Chain = Sequence[Step]
Maps = tuple[Map, ...]

ENTRY = "input"  # the owner of what is done to images before any layer
MAX_BOUND = 2**24  # of the integers that the first layer sees
MAX_DENSE = 2**26  # weights of a real-valued layer, with the zeros of its groups


def enter(
    shape: Shape, rescale: tuple[Fraction, Fraction] | None, steps: Sequence[Step]
) -> tuple[Input, tuple[Step, ...], int]:
    """The input as integers, with the rescaling that comes first; the steps to be done on it, and
    how many of the given ones these stand for."""
    leading = list(takewhile(_is_entry, steps))
    scale, offset = rescale or (Fraction(1), Fraction(0))
    owner = ENTRY
    for step in leading:
        if isinstance(step, Affine):
            scale, offset = scale * step.scale[0], offset * step.scale[0] + step.offset[0]
            owner = step.owner
    if scale == 0:
        raise ModelFormatError(f"layer {owner} rescales every input to one value; mend its scale")
    unit = _common_unit(scale, offset)
    given = Input(shape, int(scale / unit), int(offset / unit))
    if given.bound > MAX_BOUND:
        raise ModelFormatError(
            f"layer {owner} rescales by {float(scale)!r} and {float(offset)!r}, which have no "
            "common unit of fair size; rescale with simple fractions such as 1/255"
        )
    factor = () if unit == 1 else (Affine(owner, Role.FACTOR, (unit,)),)
    flats = tuple(step for step in leading if isinstance(step, Flat))
    return given, (*factor, *flats), len(leading)


def _is_entry(step: Step) -> bool:
    return isinstance(step, Flat) or (isinstance(step, Affine) and step.role is Role.FACTOR)


def _common_unit(a: Fraction, b: Fraction) -> Fraction:
    """The greatest rational that goes into both a whole number of times."""
    over = a.denominator * b.denominator
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), over)


def without_squashes(steps: Sequence[Step], *, at_end: bool) -> tuple[Step, ...]:
    """Drop the functions that change no sign, and at the end those that change no order of scores;
    refuse what cannot be computed."""
    kept = []
    for position, step in enumerate(steps):
        after = steps[position + 1 :]
        if not isinstance(step, Squash) or not (_before_sign(step, after) or at_end and not after):
            kept.append(step)
            if isinstance(step, Squash) and step.function not in CURVES:
                raise ModelFormatError(
                    f"layer {step.owner} applies {step.function} before further layers, which is "
                    "not read; crshare reads it at the end"
                )
    return tuple(kept)


def _before_sign(squash: Squash, after: Sequence[Step]) -> bool:
    maps = [step for step in after if not isinstance(step, Pool | Flat)]
    return squash.odd and bool(maps) and isinstance(maps[0], Binarize)


def mergeable(steps: Sequence[Step]) -> bool:
    """Whether steps that a sign ends are one comparison: exact, rising or falling throughout."""
    return all(
        isinstance(step, Affine | Bounds | Binarize | Pool | Flat)
        or (isinstance(step, Slope) and step.rises)
        for step in steps
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


def shapes_along(chain: Sequence[Step], shape: Shape) -> list[Shape]:
    """The shape that each step gets; a map must hold one value for each channel of its own."""
    shapes = []
    for step in chain:
        shapes.append(shape)
        match step:
            case Flat():
                shape = (1, 1, shape[0] * shape[1] * shape[2])
            case Pool(_, size, strides, same):
                rows, _ = extent(shape[0], size[0], strides[0], same=same)
                columns, _ = extent(shape[1], size[1], strides[1], same=same)
                shape = (rows, columns, shape[2])
            case Slope(owner, negative) if len(negative) not in (1, shape[2]):
                raise ModelFormatError(
                    f"layer {owner} holds values for {len(negative)} channels, and gets "
                    f"{shape[2]}; {DAMAGED}"
                )
            case Affine(owner, role) if step.n_channels != shape[2]:
                if role is not Role.FACTOR or step.n_channels > 1:
                    raise ModelFormatError(
                        f"layer {owner} holds values for {step.n_channels} channels, and gets "
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
    cut = next((i for i, step in enumerate(chain) if isinstance(step, Flat)), len(chain))
    late = any(isinstance(s, Affine) and s.n_channels > 1 for s in chain[cut:])
    return cut if late else None


def maps_of(chain: Chain) -> Maps:
    return tuple(step for step in chain if isinstance(step, Affine | Bounds | Slope | Binarize))


def magnified(owner: str, scales: Fractions) -> tuple[Affine, ...]:
    return () if scales == ONE else (Affine(owner, Role.FACTOR, scales),)


def name_of(step: Affine) -> str:
    match step.role:
        case Role.BATCH_NORM:
            return step.owner
        case Role.BIAS:
            return f"{step.owner}/bias"
        case Role.FACTOR:
            return f"{step.owner}/scale"


def repeated(step: Map, positions: int) -> Map:
    """The map for each position of a flattened map; as such it can no longer be adjusted alone."""
    match step:
        case Affine():
            parts = (step.scale, step.center, step.radicand, step.offset)
            tiled = (part * positions if len(part) > 1 else part for part in parts)
            return Affine(step.owner, Role.FACTOR, *tiled)
        case Slope(_, negative) if len(negative) > 1:
            return replace(step, negative=negative * positions)
        case _:
            return step
