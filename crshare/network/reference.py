"""A run of a network as plain +1/-1 arithmetic: slow, obvious, trusted.

Every other way to run a network must agree with this one, bit for bit. Bits are int8 +1/-1, sums
are int64, reals float64; maps are [images, height, width, channels], or where a modulation spreads
them in time [images * frames, height, width, channels], image by image.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array
from crshare.network.graph import (
    INPUT,
    Add,
    BitPool,
    Clamp,
    ClassSums,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Input,
    Leak,
    Lut,
    MaxPool,
    Modulate,
    Multiply,
    Network,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
    Threshold,
    extent,
)

CURVES: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "elu": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
}


def run(network: Network, images: Array) -> dict[str, Array]:
    """The outputs of all layers by name, for integer images [n, height, width, channels]."""
    values = {INPUT: enter(network.input, images)}
    for layer in network.layers:
        values[layer.name] = apply(layer.op, *(values[source] for source in layer.sources))
    return values


def enter(given: Input, images: Array) -> Array:
    if given.real:
        return images.astype(np.float64)
    return given.multiplier * images.astype(np.int64) + given.offset


def sign(values: Array) -> npt.NDArray[np.int8]:
    """+1 where the value is >= 0, else -1: sign(0) is +1."""
    return np.where(values >= 0, 1, -1).astype(np.int8)


def apply(op: Op, x: Array, *others: Array) -> Array:
    """One operation on a batch of maps (an Add or Concatenate on several)."""
    match op:
        case Conv():
            return convolve_groups(op, x.astype(np.int64))
        case RealConv(kernel, bias, strides, same):
            real = pad(x.astype(np.float64), kernel.shape, strides, 0 if same else None)
            sums = convolve_reals(real, kernel.astype(np.float64), strides)
            return sums + bias.astype(np.float64)
        case Threshold(at, rising):
            return np.where(np.where(rising, x >= at, x <= at), 1, -1).astype(np.int8)
        case Sign(zero_is_plus):
            return sign(x) if zero_is_plus else -sign(-x)
        case BitPool(size, strides, same, all_of):
            some = pool(x, size, strides, same, np.max, -1)
            every = pool(x, size, strides, same, np.min, 1)
            return np.where(all_of, every, some)
        case MaxPool(size, strides, same):
            lowest = -np.inf if x.dtype == np.float64 else np.iinfo(np.int64).min
            return pool(x, size, strides, same, np.max, lowest)
        case SumPool(size, strides):
            wide = x if x.dtype == np.float64 else x.astype(np.int64)
            return add_up(window_taps(wide, size, strides))
        case Flatten():
            return x.reshape(len(x), 1, 1, -1)
        case Scale(scale, offset):
            return scale * x.astype(np.float64) + offset
        case Clamp(low, high):
            return np.clip(x, low, high)
        case Leak(negative):
            return np.where(x < 0, negative * x, x)
        case Quantise(unit, low, high, halves):
            steps = np.rint(x / unit) if halves == "even" else np.floor(x / unit + 0.5)
            return np.asarray(np.clip(unit * steps, low, high))
        case Curve(function):
            return np.asarray(CURVES[function](x))
        case Add():
            return add_up(alike(x, *others))
        case Concatenate():
            return np.concatenate(alike(x, *others, bits_stay=True), axis=3)
        case Multiply():
            return product([x, *others])
        case Pad(before, after, value):
            kept = x if x.dtype != np.int8 or value else x.astype(np.int64)
            around = zip(before, after, strict=True)
            return np.pad(kept, ((0, 0), *around, (0, 0)), constant_values=value)
        case Lut():
            return look_up(op, x)
        case Modulate():
            return modulate(op, x)
        case ClassSums():
            return sum_classes(op, x)


def alike(*given: Array, bits_stay: bool = False) -> list[Array]:
    """Maps to be joined in one type: reals where one of them is, else integers."""
    kinds = {x.dtype for x in given}
    if bits_stay and kinds == {np.dtype(np.int8)}:
        return list(given)
    kind = np.float64 if np.dtype(np.float64) in kinds else np.int64
    return [x.astype(kind) for x in given]


def add_up(parts: list[Array]) -> Array:
    """One after the other, since sums of reals depend on the order."""
    total = np.zeros_like(parts[0])
    for part in parts:
        total += part
    return total


def product(parts: list[Array]) -> Array:
    """One after the other, in float64; a single position counts for all."""
    total = parts[0].astype(np.float64)
    for part in parts[1:]:
        total = total * part.astype(np.float64)
    return total


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


def convolve_groups(op: Conv, x: Array) -> Array:
    """Each group of filters on its own input channels."""
    padded = pad(x, op.window, op.strides, op.pad_value)
    kernels = np.split(op.kernel.astype(x.dtype), op.groups, axis=3)
    maps = np.split(padded, op.groups, axis=3)
    parts = [
        convolve(part, kernel, op.strides, op.dilation)
        for part, kernel in zip(maps, kernels, strict=True)
    ]
    return np.concatenate(parts, axis=3)


def convolve(
    x: Array, kernel: Array, strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Array:
    """Sums over windows, one tap after the other."""
    kh, kw, _, filters = kernel.shape
    rows = (x.shape[1] - (kh - 1) * dilation[0] - 1) // strides[0] + 1
    columns = (x.shape[2] - (kw - 1) * dilation[1] - 1) // strides[1] + 1
    sums = np.zeros((len(x), rows, columns, filters), kernel.dtype)
    for i in range(kh):
        for j in range(kw):
            tap = _tap(x, i * dilation[0], j * dilation[1], rows, columns, strides)
            sums += tap @ kernel[i, j]
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


def look_up(op: Lut, x: Array) -> Array:
    """The entry of each node's table that the bits of its window name."""
    padded = pad(x, op.size, op.strides, -1 if op.same else None)
    window = np.concatenate(window_taps(padded, op.size, op.strides), axis=3) > 0
    entry = np.zeros((*window.shape[:3], op.n_nodes), np.uint64)
    for place in range(op.n_inputs):
        entry |= window[..., op.connections[:, place]].astype(np.uint64) << np.uint64(place)
    return np.where((op.tables >> entry) & np.uint64(1) > 0, 1, -1).astype(np.int8)


def modulate(op: Modulate, x: Array) -> Array:
    """The frames of each image, one behind the other."""
    reached = x[:, None, :, :, None, :] >= op.at[None, :, None, None]
    n, frames, rows, columns, depth, channels = reached.shape
    bits = reached.reshape(n * frames, rows, columns, depth * channels)
    return np.where(bits, 1, -1).astype(np.int8)


def sum_classes(op: ClassSums, x: Array) -> Array:
    """Ones of all frames and of every n_classes-th channel, weighted."""
    ones = (x > 0).reshape(-1, op.frames, x.shape[3]).sum(axis=1, dtype=np.int64)
    scores = np.empty((len(ones), 1, 1, op.n_classes), np.int64)
    for place in range(op.n_classes):
        counted = ones[:, place :: op.n_classes].sum(axis=1)
        scores[:, 0, 0, place] = int(op.weights[place]) * counted + int(op.offsets[place])
    return scores


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
    return reduce(np.stack(window_taps(padded, size, strides)), axis=0)


def window_taps(x: Array, size: tuple[int, int], strides: tuple[int, int]) -> list[Array]:
    """The values at each place of the windows that lie inside the map, row by row."""
    rows, _ = extent(x.shape[1], size[0], strides[0], same=False)
    columns, _ = extent(x.shape[2], size[1], strides[1], same=False)
    places = ((i, j) for i in range(size[0]) for j in range(size[1]))
    return [_tap(x, i, j, rows, columns, strides) for i, j in places]


def _tap(x: Array, i: int, j: int, rows: int, columns: int, strides: tuple[int, int]) -> Array:
    ends = i + (rows - 1) * strides[0] + 1, j + (columns - 1) * strides[1] + 1
    return x[:, i : ends[0] : strides[0], j : ends[1] : strides[1]]
