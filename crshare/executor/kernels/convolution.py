"""A convolution made ready for its kernel: packed weights, offsets, and the row of each position.

Zero padding is neither +1 nor -1, so its bits are left 0 as if it were -1, and the constants of the
positions whose windows overlap it correct the difference: the inner loop does nothing for it. A
falling threshold becomes a rising one of the negated filter.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, BoolArray, Int64Array
from crshare.executor.kernels.batches import Scratch
from crshare.executor.kernels.tile import conv_kernel
from crshare.executor.kernels.variants import Tile, Variant
from crshare.network.bits import WORD, full_words, n_words, pack
from crshare.network.graph import Conv, Kind, Shape, Signal, Threshold, extent, signal_after

INT16_MAX, INT32_MAX = 2**15 - 1, 2**31 - 1
CACHE_LINE = 64


@dataclass(frozen=True, eq=False)
class Border:
    """What surrounds a map: lines before and after along each axis, and their content."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    content: Array

    def around(self, x: Array, scratch: Scratch) -> Array:
        x = np.ascontiguousarray(x)
        if not any((*self.rows, *self.columns)):
            return x
        images, height, width, depth = x.shape
        shape = images, height + sum(self.rows), width + sum(self.columns), depth
        padded = scratch.take("padded", shape, x.dtype, self.content)
        top, left = self.rows[0], self.columns[0]
        padded[:, top : top + height, left : left + width] = x
        return padded


@dataclass(frozen=True, eq=False)
class PackedConv:
    """A convolution ready to run; `fused` with a threshold, or giving its sums.

    weights, offsets, origins, classes, table: as conv_kernel takes them. shape: of the output map.
    """

    tile: Tile
    fused: bool
    border: Border
    weights: Array
    offsets: Int64Array
    origins: Int64Array
    classes: Int64Array
    table: Array
    shape: Shape

    def run(self, x: Array, scratch: Scratch) -> Array:
        """Words or integers [n, h, w, .] to words [n, h, w, words] or int32 [n, h, w, filters]."""
        padded = self.border.around(x.astype(self.weights.dtype, copy=False), scratch)
        height, width, filters = self.shape
        item = np.dtype(np.uint64 if self.fused else np.int32)
        n_items = n_words(filters) if self.fused else self.table.shape[1]
        n_bytes = len(x) * height * width, n_items * item.itemsize
        out = scratch.take("out", n_bytes, np.uint8)
        if len(x):
            kernel = conv_kernel(self.tile, fused=self.fused)
            tables = self.weights, self.offsets, self.origins, self.classes, self.table
            kernel(padded, *tables, out)
        found = out.view(item).reshape(len(x), height, width, n_items)
        return found if self.fused else found[..., :filters]


def fits(conv: Conv, given: Signal) -> bool:
    """Whether a threshold may be fused: sums of integers must leave room for the constants."""
    return given.kind is Kind.BITS or _reach(conv, given) < INT32_MAX


def prepare(conv: Conv, given: Signal, threshold: Threshold | None, variant: Variant) -> PackedConv:
    """The packed form of a convolution of `given`, and of the threshold behind it."""
    tile = replace(_tile(conv, given, variant), masked=bool((conv.kernel == 0).any()))
    binary = given.kind is Kind.BITS
    kernel = conv.kernel
    if threshold is not None:
        kernel = np.where(threshold.rising, kernel, -kernel).astype(np.int8)
    depth = n_words(given.shape[2]) if binary else given.shape[2]
    weights = _pack_weights(kernel) if binary else _masks(kernel, tile)
    kept = np.where(kernel != 0, 1, -1) if binary else -np.abs(kernel)  # all bits set: counted
    counted = _pack_weights(kept) if binary else _masks(kept, tile)
    shape = signal_after(conv, given).shape
    border = _border(conv, given, shape, weights.dtype)
    size = given.shape[0] + sum(border.rows), given.shape[1] + sum(border.columns)
    grid = _places(size[1], conv.kernel.shape[:2], (1, 1), depth)
    valid = _valid_taps(conv, given, shape, border)
    kinds, classes = np.unique(valid, axis=0, return_inverse=True)
    rows = _window_constants(kernel, kinds) if binary else -_negative(kernel)[None]
    table = _rows(rows, threshold, binary=binary)
    return PackedConv(
        tile=tile,
        fused=threshold is not None,
        border=border,
        weights=_blocks(weights, counted, tile),
        offsets=(grid[:, None] + np.arange(depth)).reshape(-1),
        origins=_places(size[1], shape[:2], conv.strides, depth),
        classes=classes.reshape(-1).astype(np.int64),
        table=_widened(table, tile),
        shape=shape,
    )


def _reach(conv: Conv, given: Signal) -> int:
    """The greatest size of what the kernel adds up for an integer input."""
    return signal_after(conv, given).bound + int(np.prod(conv.kernel.shape[:3]))


def _tile(conv: Conv, given: Signal, variant: Variant) -> Tile:
    if given.kind is Kind.BITS:
        return variant.bits
    return variant.int16 if _reach(conv, given) < INT16_MAX else variant.int32


def _border(conv: Conv, given: Signal, shape: Shape, dtype: npt.DTypeLike) -> Border:
    if conv.pad_value is None:
        return Border((0, 0), (0, 0), np.zeros(1, dtype))
    around = []
    for axis in range(2):
        window, stride = conv.kernel.shape[axis], conv.strides[axis]
        _, before = extent(given.shape[axis], window, stride, same=True)
        needed = (shape[axis] - 1) * stride + window
        around.append((before, max(needed - before - given.shape[axis], 0)))
    content = np.full(1, 0 if given.kind is Kind.BITS else conv.pad_value, dtype)
    if given.kind is Kind.BITS and conv.pad_value == 1:
        content = full_words(given.shape[2])
    return Border(around[0], around[1], content)


def _places(width: int, count: tuple[int, ...], strides: tuple[int, int], depth: int) -> Int64Array:
    """Where a grid of positions lies in a map that is `width` wide and `depth` words deep."""
    rows = np.arange(count[0], dtype=np.int64) * strides[0]
    columns = np.arange(count[1], dtype=np.int64) * strides[1]
    places: Int64Array = (rows[:, None] * width + columns) * depth
    return places.reshape(-1)


def _valid_taps(conv: Conv, given: Signal, shape: Shape, border: Border) -> BoolArray:
    """[positions, taps]: whether a tap counts there; only zeros around bits do not."""
    inside = []
    for axis, before in ((0, border.rows[0]), (1, border.columns[0])):
        first = np.arange(shape[axis])[:, None] * conv.strides[axis] - before
        places = first + np.arange(conv.kernel.shape[axis])
        counts = given.kind is Kind.INTEGERS or conv.pad_value != 0
        inside.append(counts | ((places >= 0) & (places < given.shape[axis])))
    both = inside[0][:, None, :, None] & inside[1][None, :, None, :]
    return both.reshape(shape[0] * shape[1], -1)


def _negative(kernel: Array) -> Int64Array:
    """The number of -1 weights of each filter."""
    counts: Int64Array = (kernel < 0).sum(axis=(0, 1, 2), dtype=np.int64)
    return counts


def _window_constants(kernel: Array, kinds: BoolArray) -> Int64Array:
    """[kinds, filters]: the sum is this minus twice the disagreeing bits.

    A tap that counts for nothing has been compared with -1, and disagrees where the weight is +1.
    """
    positive = (kernel > 0).sum(axis=2, dtype=np.int64).reshape(-1, kernel.shape[3])
    counted = (kernel != 0).sum(axis=2, dtype=np.int64).reshape(-1, kernel.shape[3])
    missing = (~kinds).astype(np.int64) @ positive
    rows: Int64Array = kinds.astype(np.int64) @ counted + 2 * missing
    return rows


def _rows(constants: Int64Array, threshold: Threshold | None, *, binary: bool) -> Int64Array:
    """The rows of the kernel's table, from what stands between the sum and what is counted."""
    if threshold is None:
        return constants if binary else -constants
    at = np.where(threshold.rising, 1, -1) * threshold.at.astype(np.int64)
    return np.maximum((constants - at) // 2, -1) if binary else at + constants


def _widened(rows: Int64Array, tile: Tile) -> Array:
    """In the kernel's type, with filters to fill the last block that never fire."""
    n_filters = -(-rows.shape[1] // tile.filters) * tile.filters
    ends = np.iinfo(f"int{tile.element}")
    never = -1 if tile.element == WORD else ends.max
    table = _aligned((len(rows), n_filters), ends.dtype)
    table[...] = never
    table[:, : rows.shape[1]] = np.clip(rows, ends.min, ends.max)
    return table


def _pack_weights(kernel: Array) -> Array:
    """Words [taps * words, filters]."""
    words = pack(kernel.transpose(3, 0, 1, 2))
    return words.reshape(kernel.shape[3], -1).T


def _masks(kernel: Array, tile: Tile) -> Array:
    """[taps * channels, filters]: 0 for +1, and -1 (all bits) for -1."""
    masks = np.minimum(kernel, 0).astype(f"int{tile.element}")
    return masks.reshape(-1, kernel.shape[3])


def _blocks(weights: Array, counted: Array, tile: Tile) -> Array:
    """[window, filters] to [blocks, window, rows of vectors], masks behind the weights."""
    window, n_filters = weights.shape
    n_blocks = -(-n_filters // tile.filters)
    parts = (weights, counted) if tile.masked else (weights,)
    blocks = _aligned((n_blocks, window, len(parts), tile.filters), weights.dtype)
    for block in range(n_blocks):
        columns = slice(block * tile.filters, (block + 1) * tile.filters)
        for place, part in enumerate(parts):
            some = part[:, columns]
            blocks[block, :, place, : some.shape[1]] = some
    return blocks


def _aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Zeros that begin at a cache line."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(n_bytes + CACHE_LINE, np.uint8)
    first = -raw.ctypes.data % CACHE_LINE
    return raw[first : first + n_bytes].view(dtype).reshape(shape)
