"""Layer ops that depend on the shape of what they get: reshaping, pooling all, padding."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

from crshare.errors import DAMAGED, ModelFormatError
from crshare.network.graph import Shape, extent
from crshare.thresholds.layer_ops import (
    Affine,
    Binarize,
    Flat,
    LayerOp,
    Linear,
    Padded,
    Pool,
    Reshaped,
    Role,
    WholePool,
)


def of_shape(layer_op: Reshaped | WholePool, shape: Shape) -> tuple[LayerOp, ...]:
    """The layer ops that this one is on maps of a shape; none where it changes nothing."""
    if isinstance(layer_op, WholePool):
        return (Pool(layer_op.owner, shape[:2], (1, 1), same=False),)
    target = target_of(layer_op, shape)
    long = [n for n in target if n != 1]
    if _as_map(target) == shape:
        return ()
    if len(long) <= 1 and target[-1] == prod(shape):
        return (Flat(layer_op.owner),)
    raise ModelFormatError(
        f"layer {layer_op.owner} reshapes maps of {_by(shape)} to {_by(target)}; crshare reads "
        "what flattens a map or adds axes of one entry, and any shape right behind the input"
    )


def entered_as(layer_op: Reshaped, shape: Shape) -> Shape:
    """The map that images of a shape become, all of whose values stand in a row."""
    found = _as_map(target_of(layer_op, shape))
    if found is None:
        target = _by(layer_op.target)
        raise ModelFormatError(
            f"layer {layer_op.owner} reshapes images to {target}; crshare reads maps of height, "
            "width and channels"
        )
    return found


def target_of(layer_op: Reshaped, shape: Shape) -> tuple[int, ...]:
    """The target with what is left in the place of -1."""
    known = prod(n for n in layer_op.target if n != -1)
    target = tuple(prod(shape) // known if n == -1 else n for n in layer_op.target)
    if prod(target) != prod(shape):
        raise ModelFormatError(
            f"layer {layer_op.owner} reshapes maps of {_by(shape)} to {_by(layer_op.target)}, "
            f"which holds another number of values; {DAMAGED}"
        )
    return target


def _as_map(target: tuple[int, ...]) -> Shape | None:
    """[height, width, channels]; axes of one entry may be missing or stand before them."""
    padded = (1,) * (3 - len(target)) + target
    if any(n != 1 for n in padded[:-3]):
        return None
    height, width, channels = padded[-3:]
    return height, width, channels


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def signed_first(chain: Sequence[LayerOp], sign: Binarize) -> tuple[LayerOp, ...]:
    """A chain that ends in lines around the map, and its sign: the sign of the map, and lines of
    that of their value around it."""
    padded = chain[-1]
    assert isinstance(padded, Padded)
    plus = padded.value > 0 or (padded.value == 0 and sign.zero_is_plus)
    return (*chain[:-1], sign, replace(padded, value=1 if plus else -1))


def after(factor: Affine, a: Fraction, b: Fraction) -> tuple[Fraction, Fraction]:
    """a*s + b through a map that is one for all channels."""
    scale = factor.scale[0]
    return scale * a, scale * (b - factor.center[0]) + factor.offset[0]


def one_scale(chain: Sequence[LayerOp]) -> list[LayerOp]:
    """A chain whose neighbouring factors for all channels are one, exactly."""
    found: list[LayerOp] = []
    for layer_op in chain:
        last = found[-1] if found else None
        match last, layer_op:
            case Affine() as one, Affine() as other if one.is_common and other.is_common:
                a, b = after(other, *after(one, Fraction(1), Fraction(0)))
                found[-1] = Affine(one.owner, Role.FACTOR, (a,), offset=(b,))
            case _:
                found.append(layer_op)
    return found


def in_units(chain: Sequence[LayerOp]) -> list[LayerOp] | None:
    """What is done to s, where rising maps for all channels make a*s + b of it beside: pools,
    flattenings and lines of integers; None where the chain is more than that."""
    a, b = Fraction(1), Fraction(0)
    found: list[LayerOp] = []
    for layer_op in chain:
        match layer_op:
            case Affine() if layer_op.is_common:
                a, b = after(layer_op, a, b)
            case Padded(value=value) if ((value - b) / a).denominator == 1:
                found.append(replace(layer_op, value=int((value - b) / a)))
            case Pool() | Flat():
                found.append(layer_op)
            case _:
                return None
    return found


def absorbed(
    rest: Sequence[LayerOp], linear: Linear, shape: Shape
) -> tuple[Sequence[LayerOp], Linear]:
    """Lines right before a convolution as its own padding, where SAME puts them so.

    shape: of the map before the lines.
    """
    padded = rest[-1] if rest else None
    if not isinstance(padded, Padded) or linear.pad_value is not None:
        return rest, linear
    for axis in range(2):
        window = (linear.weights.shape[axis] - 1) * linear.dilation[axis] + 1
        stride, before = linear.strides[axis], padded.before[axis]
        size = shape[axis] + before + padded.after[axis]
        if window > size or extent(shape[axis], window, stride, same=True) != (
            extent(size, window, stride, same=False)[0],
            before,
        ):
            return rest, linear
    return rest[:-1], replace(linear, pad_value=Fraction(padded.value))
