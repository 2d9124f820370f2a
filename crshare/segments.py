"""The list of steps before it becomes a Network: input rescaling taken out, chains cut apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from math import gcd

from crshare.errors import ModelFormatError
from crshare.keras_config import DAMAGED
from crshare.network import INPUT, Input, Shape, extent
from crshare.steps import Affine, Binarize, Flat, Linear, Pool, Role, Squash, Step

MAX_BOUND = 2**24  # of the integers that the first layer sees


@dataclass(frozen=True, slots=True)
class Segment:
    """A chain of steps, and the linear layer that reads it (None at the end of the network)."""

    chain: tuple[Step, ...]
    linear: Linear | None


def enter(
    shape: Shape, rescale: tuple[Fraction, Fraction] | None, steps: Sequence[Step]
) -> tuple[Input, tuple[Step, ...]]:
    """The input as integers, with the rescaling that comes first, and the steps that are left."""
    leading = list(takewhile(_is_entry, steps))
    scale, offset = rescale or (Fraction(1), Fraction(0))
    owner = INPUT
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
    return given, (*factor, *flats, *steps[len(leading) :])


def _is_entry(step: Step) -> bool:
    return isinstance(step, Flat) or (isinstance(step, Affine) and step.role is Role.FACTOR)


def _common_unit(a: Fraction, b: Fraction) -> Fraction:
    """The greatest rational that goes into both a whole number of times."""
    over = a.denominator * b.denominator
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), over)


def without_squashes(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Drop the functions that change no sign and no order of scores; refuse the others."""
    kept = []
    for position, step in enumerate(steps):
        if not isinstance(step, Squash):
            kept.append(step)
        elif not _changes_nothing(step, steps[position + 1 :]):
            raise ModelFormatError(
                f"layer {step.owner} applies {step.function} before further layers, which is not "
                "read yet; crshare reads it at the end, and tanh also directly before a sign"
            )
    return tuple(kept)


def _changes_nothing(squash: Squash, after: Sequence[Step]) -> bool:
    maps = [step for step in after if not isinstance(step, Pool | Flat)]
    before_sign = squash.odd and bool(maps) and isinstance(maps[0], Binarize)
    return not after or before_sign


def segments(steps: Sequence[Step]) -> Iterator[Segment]:
    """Cut the steps after each chain; the last segment has no linear layer."""
    chain: list[Step] = []
    for step in steps:
        if isinstance(step, Linear):
            yield Segment(tuple(chain), step)
            chain = []
        else:
            chain.append(step)
    yield Segment(tuple(chain), None)


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
            case Affine(owner, role) if step.n_channels != shape[2]:
                if role is not Role.FACTOR or step.n_channels > 1:
                    raise ModelFormatError(
                        f"layer {owner} holds values for {step.n_channels} channels, and gets "
                        f"{shape[2]}; {DAMAGED}"
                    )
            case _:
                pass
    return shapes
