"""A run of a network as plain +1/-1 arithmetic: slow, obvious, trusted.

Every other way to run a network must agree with this one, bit for bit. Bits are int8 +1/-1, sums
are int64, reals float64; maps are [images, height, width, channels].
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.network import (
    INPUT,
    BitPool,
    Clamp,
    Conv,
    Flatten,
    Input,
    MaxPool,
    Network,
    Op,
    RealConv,
    Scale,
    Sign,
    Threshold,
    extent,
)

Array = npt.NDArray[Any]


def run(network: Network, images: Array) -> dict[str, Array]:
    """The outputs of all layers by name, for integer images [n, height, width, channels]."""
    values = {INPUT: enter(network.input, images)}
    for layer in network.layers:
        values[layer.name] = apply(layer.op, values[layer.source])
    return values


def enter(given: Input, images: Array) -> Array:
    return given.multiplier * images.astype(np.int64) + given.offset


def sign(values: Array) -> npt.NDArray[np.int8]:
    """+1 where the value is >= 0, else -1: sign(0) is +1."""
    return np.where(values >= 0, 1, -1).astype(np.int8)


def apply(op: Op, x: Array) -> Array:
    """One operation on a batch of maps."""
    match op:
        case Conv(kernel, strides, pad_value):
            padded = pad(x.astype(np.int64), kernel.shape, strides, pad_value)
            return convolve(padded, kernel.astype(np.int64), strides)
        case RealConv(kernel, bias, strides, same):
            real = pad(x.astype(np.float64), kernel.shape, strides, 0 if same else None)
            sums = convolve_reals(real, kernel.astype(np.float64), strides)
            return sums + bias.astype(np.float64)
        case Threshold(at, rising):
            return np.where(np.where(rising, x >= at, x <= at), 1, -1).astype(np.int8)
        case Sign():
            return sign(x)
        case BitPool(size, strides, same, all_of):
            some = pool(x, size, strides, same, np.max, -1)
            every = pool(x, size, strides, same, np.min, 1)
            return np.where(all_of, every, some)
        case MaxPool(size, strides, same):
            lowest = -np.inf if x.dtype == np.float64 else np.iinfo(np.int64).min
            return pool(x, size, strides, same, np.max, lowest)
        case Flatten():
            return x.reshape(len(x), 1, 1, -1)
        case Scale(scale, offset):
            return scale * x.astype(np.float64) + offset
        case Clamp(low, high):
            return np.clip(x, low, high)


def pad(x: Array, window: tuple[int, ...], strides: tuple[int, int], value: float | None) -> Array:
    """Surround the maps with `value` as TensorFlow's SAME does; None leaves them as they are."""
    if value is None:
        return x
    around = [(0, 0)]
    for size, width, stride in zip(x.shape[1:3], window, strides, strict=False):
        positions, before = extent(size, width, stride, same=True)
        needed = (positions - 1) * stride + width
        around.append((before, max(needed - before - size, 0)))
    return np.pad(x, (*around, (0, 0)), constant_values=value)


def convolve(x: Array, kernel: Array, strides: tuple[int, int]) -> Array:
    """Sums over windows, one tap after the other."""
    kh, kw, _, filters = kernel.shape
    rows = (x.shape[1] - kh) // strides[0] + 1
    columns = (x.shape[2] - kw) // strides[1] + 1
    sums = np.zeros((len(x), rows, columns, filters), kernel.dtype)
    for i in range(kh):
        for j in range(kw):
            sums += _tap(x, i, j, rows, columns, strides) @ kernel[i, j]
    return sums


def convolve_reals(x: Array, kernel: Array, strides: tuple[int, int]) -> Array:
    """The same for float64, whose sums depend on the order: tap by tap, channel by channel."""
    kh, kw, channels, filters = kernel.shape
    rows = (x.shape[1] - kh) // strides[0] + 1
    columns = (x.shape[2] - kw) // strides[1] + 1
    sums = np.zeros((len(x), rows, columns, filters))
    for i in range(kh):
        for j in range(kw):
            tap = _tap(x, i, j, rows, columns, strides)
            for c in range(channels):
                sums += tap[..., c, None] * kernel[i, j, c]
    return sums


def pool(
    x: Array,
    size: tuple[int, int],
    strides: tuple[int, int],
    same: bool,
    reduce: Callable[..., Array],
    outside: float,
) -> Array:
    """Reduce each window of each channel; what lies outside the map counts as `outside`."""
    padded = pad(x, size, strides, outside if same else None)
    rows, _ = extent(x.shape[1], size[0], strides[0], same=same)
    columns, _ = extent(x.shape[2], size[1], strides[1], same=same)
    taps = [
        _tap(padded, i, j, rows, columns, strides) for i in range(size[0]) for j in range(size[1])
    ]
    return reduce(np.stack(taps), axis=0)


def _tap(x: Array, i: int, j: int, rows: int, columns: int, strides: tuple[int, int]) -> Array:
    ends = i + (rows - 1) * strides[0] + 1, j + (columns - 1) * strides[1] + 1
    return x[:, i : ends[0] : strides[0], j : ends[1] : strides[1]]
