"""Maps joined, summed and convolved in groups, in whole arrays: what the packed kernels leave out.

Sums of integers are exact: products of +1/-1 and integers below 2^24 in float32, else in float64.
"""

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array
from crshare.executor.kernels.batches import Scratch
from crshare.network.bits import pack_bits, unpack
from crshare.network.graph import Add, Conv, Kind, Pad, Signal, SumPool, signal_after
from crshare.network.reference import apply, pad, product

EXACT_IN_FLOAT32 = 2**24


def values_of(x: Array, signal: Signal) -> Array:
    """A native array as the reference has it: int8 +1/-1, int64 or float64."""
    if signal.kind is Kind.BITS:
        return unpack(x, signal.shape[2])
    return x.astype(np.int64) if signal.kind is Kind.INTEGERS else x


def channels(x: Array, signal: Signal, first: int, n: int) -> Array:
    """Some channels of a native array, as a native array."""
    part = values_of(x, signal)[..., first : first + n]
    return pack_bits(part > 0) if signal.kind is Kind.BITS else part


def add(given: tuple[Signal, ...], *maps: Array) -> Array:
    """The sum of native arrays, the last argument being the scratch."""
    kind = np.float64 if signal_after(Add(), *given).kind is Kind.REALS else np.int32
    parts = _parts(given, maps)
    total: Array = np.add(parts[0], 0, dtype=kind, casting="unsafe")
    for part in parts[1:]:
        np.add(total, part, out=total, casting="unsafe")
    return total


def concatenate(given: tuple[Signal, ...], *maps: Array) -> Array:
    """Native arrays behind each other, the last argument being the scratch."""
    kinds = {signal.kind for signal in given}
    parts = _parts(given, maps)
    if kinds == {Kind.BITS}:
        return pack_bits(np.concatenate(parts, axis=3) > 0)
    kind = np.float64 if Kind.REALS in kinds else np.int32
    return np.concatenate([part.astype(kind) for part in parts], axis=3)


def multiply(given: tuple[Signal, ...], *maps: Array) -> Array:
    """The product of native arrays, the last argument being the scratch."""
    return product(_parts(given, maps))


def surround(op: Pad, given: Signal, x: Array, _: Scratch) -> Array:
    """A native array with lines around it; integers stay of their kind."""
    if given.kind is Kind.BITS:
        padded = apply(op, values_of(x, given))
        return pack_bits(padded > 0) if op.value else padded.astype(np.int32)
    return apply(op, x.astype(np.result_type(x.dtype, np.min_scalar_type(op.value))))


def _parts(given: tuple[Signal, ...], maps: tuple[Array, ...]) -> list[Array]:
    return [values_of(x, signal) for x, signal in zip(maps, given, strict=False)]


def sum_pool(op: SumPool, given: Signal, x: Array, _: Scratch) -> Array:
    """Tap by tap in the order of the reference."""
    height, width, channels = signal_after(op, given).shape
    values = values_of(x, given)
    kind = np.float64 if given.kind is Kind.REALS else np.int32
    total: Array = np.zeros((len(x), height, width, channels), kind)
    for i in range(op.size[0]):
        for j in range(op.size[1]):
            tap = values[:, i :: op.strides[0], j :: op.strides[1]]
            total += tap[:, :height, :width].astype(kind)
    return total


def grouped_sums(op: Conv, given: Signal, x: Array, _: Scratch) -> npt.NDArray[np.int32]:
    """Sums of a convolution in groups or with distances between its taps."""
    summed = signal_after(op, given)
    kind = np.float32 if summed.bound < EXACT_IN_FLOAT32 else np.float64
    padded = pad(values_of(x, given).astype(kind), op.window, op.strides, op.pad_value)
    images, rows, columns, channels = padded.shape
    apart = padded.reshape(images, rows, columns, op.groups, channels // op.groups)
    planes = np.ascontiguousarray(apart.transpose(3, 0, 1, 2, 4))
    kh, kw, depth, filters = op.kernel.shape
    split = op.kernel.astype(kind).reshape(kh, kw, depth, op.groups, filters // op.groups)
    kernels = split.transpose(0, 1, 3, 2, 4)
    height, width = summed.shape[:2]
    sums: Array = np.zeros((op.groups, images, height, width, filters // op.groups), kind)
    for i in range(kh):
        for j in range(kw):
            first, left = i * op.dilation[0], j * op.dilation[1]
            tap = planes[:, :, first :: op.strides[0], left :: op.strides[1]]
            sums += tap[:, :, :height, :width] @ kernels[i, j][:, None, None]
    together = sums.transpose(1, 2, 3, 0, 4).reshape(images, height, width, filters)
    return together.astype(np.int32)
