"""Each operation of a network as a function from one native array to the next.

Native arrays are what the kernels read and write: BITS as words [n, h, w, words], INTEGERS as
int16, int32 or int64, REALS as float64, always [n, h, w, .].
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, Words
from crshare.executor.kernels import maps, unpacked
from crshare.executor.kernels.batches import Scratch
from crshare.executor.kernels.convolution import fits, prepare
from crshare.executor.kernels.lookup import ready_lut
from crshare.executor.kernels.unpacked import values_of
from crshare.executor.kernels.variants import Variant
from crshare.network.bits import n_words, pack_bits, unpack
from crshare.network.graph import (
    Add,
    BitPool,
    Clamp,
    ClassSums,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Input,
    Kind,
    Leak,
    Lut,
    MaxPool,
    Modulate,
    Multiply,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    Signal,
    SumPool,
    Threshold,
    extent,
    signal_after,
)
from crshare.network.reference import apply

__all__ = ["Run", "enter", "ready", "ready_fused", "values_of"]

Run = Callable[..., Array]  # native arrays, one for each source, and a Scratch


def ready(op: Op, variant: Variant, given: Signal, *others: Signal) -> Run:
    """What runs one operation on native arrays of `given`, and of `others` for a join."""
    match op:
        case Add():
            return partial(unpacked.add, (given, *others))
        case Concatenate():
            return partial(unpacked.concatenate, (given, *others))
        case Multiply():
            return partial(unpacked.multiply, (given, *others))
        case Pad():
            return partial(unpacked.surround, op, given)
        case Conv() if not op.is_standard:
            return partial(unpacked.grouped_sums, op, given)
        case Conv():
            return prepare(op, given, None, variant).run
        case RealConv():
            return partial(real_conv, op, given)
        case Threshold():
            return partial(compare, op)
        case Sign(zero_is_plus):
            return partial(sign, zero_is_plus)
        case BitPool():
            return partial(pool_bits, op, given)
        case MaxPool():
            return partial(max_pool, op, given)
        case SumPool():
            return partial(unpacked.sum_pool, op, given)
        case Flatten():
            return partial(flatten, given)
        case Leak(negative):
            return lambda x, _: np.where(x < 0, negative * x, x)
        case Quantise():
            return partial(quantise, op)
        case Curve():
            return lambda x, _: apply(op, x)
        case Scale():
            return partial(scaled, op, given)
        case Clamp(low, high):
            return lambda x, _: np.clip(x, low, high)
        case Lut() | Modulate() | ClassSums():
            return ready_lut(op, given)


def ready_fused(conv: Conv, threshold: Threshold, given: Signal, variant: Variant) -> Run:
    """A convolution and the threshold behind it in one."""
    if conv.is_standard and fits(conv, given):
        return prepare(conv, given, threshold, variant).run
    sums = ready(conv, variant, given)
    return lambda x, scratch: compare(threshold, sums(x, scratch), scratch)


def enter(given: Input, images: Array, scratch: Scratch) -> Array:
    """The integers, or the reals, that the network sees."""
    if given.real:
        reals = scratch.take("entered", images.shape, np.float64)
        np.copyto(reals, images)
        return reals
    parts = given.bound, given.offset, given.multiplier, given.low, given.high
    small = max(map(abs, parts)) < 2**15
    kind: type[Any] = np.int16 if small else np.int64
    entered = scratch.take("entered", images.shape, kind)
    np.multiply(images, kind(given.multiplier), out=entered, dtype=kind, casting="unsafe")
    np.add(entered, kind(given.offset), out=entered)
    return entered


def compare(threshold: Threshold, x: Array, _: Scratch) -> Words:
    reached = np.where(threshold.rising, x >= threshold.at, x <= threshold.at)
    return pack_bits(reached)


def sign(zero_is_plus: bool, x: Array, _: Scratch) -> Words:
    words = np.empty((*x.shape[:3], n_words(x.shape[3])), np.uint64)
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[3])
    maps.signs(rows, zero_is_plus, words.reshape(-1, words.shape[3]))
    return words


def quantise(op: Quantise, x: Array, _: Scratch) -> Array:
    out = np.empty(x.shape)
    flat = np.ascontiguousarray(x).reshape(-1)
    maps.quantise(flat, op.unit, op.low, op.high, op.halves == "even", out.reshape(-1))
    return out


def scaled(op: Scale, given: Signal, x: Array, _: Scratch) -> Array:
    values = values_of(x, given) if given.kind is Kind.BITS else x
    out: Array = np.multiply(values, op.scale, dtype=np.float64)
    out += op.offset
    return out


def flatten(given: Signal, x: Array, _: Scratch) -> Array:
    if given.kind is not Kind.BITS:
        return x.reshape(len(x), 1, 1, int(np.prod(given.shape)))
    bits = unpack(x, given.shape[2]) > 0
    return pack_bits(bits.reshape(len(x), 1, 1, int(np.prod(given.shape))))


def pool_bits(op: BitPool, given: Signal, x: Words, scratch: Scratch) -> Words:
    height, width, channels = signal_after(op, given).shape
    out = scratch.take("pooled", (len(x), height, width, n_words(channels)), np.uint64)
    maps.pool_words(
        np.ascontiguousarray(x), pack_bits(op.all_of), op.size, op.strides, before(op, given), out
    )
    return out


def max_pool(op: MaxPool, given: Signal, x: Array, scratch: Scratch) -> Array:
    """Of integers by the compiled loop, of reals tap by tap."""
    shape = signal_after(op, given).shape
    if given.kind is Kind.INTEGERS:
        return pool_integers(op, given, np.zeros(shape[2], np.bool_), x, scratch)
    out = np.full((len(x), *shape), -np.inf)
    top, left = before(op, given)
    after = (op.size[0] + op.strides[0], op.size[1] + op.strides[1])
    around = ((0, 0), (top, after[0]), (left, after[1]), (0, 0))
    padded = np.pad(x, around, constant_values=-np.inf)
    for i in range(op.size[0]):
        for j in range(op.size[1]):
            tap = padded[:, i :: op.strides[0], j :: op.strides[1]]
            np.maximum(out, tap[:, : shape[0], : shape[1]], out=out)
    return out


def pool_integers(
    op: MaxPool | BitPool,
    given: Signal,
    least: npt.NDArray[np.bool_],
    x: Array,
    scratch: Scratch,
) -> npt.NDArray[np.int32]:
    """The greatest of each window, or the least for the channels that `least` names."""
    height, width = (
        extent(given.shape[axis], op.size[axis], op.strides[axis], same=op.same)[0]
        for axis in range(2)
    )
    out = scratch.take("pooled", (len(x), height, width, given.shape[2]), np.int32)
    x = np.ascontiguousarray(x, np.int32)
    maps.pool_sums(x, least, op.size, op.strides, before(op, given), out)
    return out


def before(op: MaxPool | BitPool, given: Signal) -> tuple[int, int]:
    """Lines of padding above and to the left of a map."""
    _, top = extent(given.shape[0], op.size[0], op.strides[0], same=op.same)
    _, left = extent(given.shape[1], op.size[1], op.strides[1], same=op.same)
    return top, left


def real_conv(op: RealConv, given: Signal, x: Array, _: Scratch) -> Array:
    """Sums in the order of the reference, then the bias."""
    lines = [
        extent(given.shape[axis], op.kernel.shape[axis], op.strides[axis], same=op.same)[1]
        for axis in range(2)
    ]
    out = np.empty((len(x), *signal_after(op, given).shape))
    reals = np.ascontiguousarray(values_of(x, given), np.float64)
    kernel, bias = op.kernel.astype(np.float64), op.bias.astype(np.float64)
    maps.real_windows(reals, kernel, bias, op.strides, (lines[0], lines[1]), out)
    return out
