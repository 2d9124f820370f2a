"""Covariances of a layer's inputs, over sampled windows of the calibration images.

Sums of products of +1/-1 are counted in whole numbers, so the same images give the same covariance
whatever the number of threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crshare.arrays import Float64Array, Int8Array, Words
from crshare.network.bits import unpack
from crshare.network.graph import Conv, Signal, extent
from crshare.network.slices import SliceTable

CHUNK = 2048  # windows at a time


@dataclass(frozen=True, eq=False)
class SampledWindows:
    """Sampled windows: image, and output row and column, all int64 [n]."""

    image: np.ndarray[tuple[int], np.dtype[np.int64]]
    row: np.ndarray[tuple[int], np.dtype[np.int64]]
    column: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.image)

    def part(self, start: int) -> "SampledWindows":
        rows = slice(start, start + CHUNK)
        return SampledWindows(self.image[rows], self.row[rows], self.column[rows])


@dataclass(frozen=True, eq=False)
class Moments:
    """Covariances of a layer's window, inputs ordered (channel, tap) as in a SliceTable.

    In whole numbers, float64: n^2 times the covariance over n windows. own: of the inputs as they
    are now, [inputs, inputs]. cross: between the inputs as they are now and the sums as they were
    in the original network, [inputs, filters]. within: the same with that part alone of a sum that
    comes from the input's own group.
    """

    own: Float64Array
    cross: Float64Array
    within: Float64Array
    n_windows: int


def sample_windows(n_images: int, output: Signal, n: int, seed: int) -> SampledWindows:
    """At most n different windows, drawn evenly over all images and positions."""
    height, width, _ = output.shape
    total = n_images * height * width
    chosen = np.arange(total)
    if total > n:
        chosen = np.sort(np.random.default_rng(seed).choice(total, n, replace=False))
    image, place = np.divmod(chosen, height * width)
    return SampledWindows(image, *np.divmod(place, width))


def gather(conv: Conv, given: Signal, words: Words, places: SampledWindows) -> Int8Array:
    """The windows as int8 [n, inputs]; 0 where padding with zero reaches in."""
    kh, kw, channels, _ = conv.kernel.shape
    same = conv.pad_value is not None
    taps = np.empty((len(places), channels, kh * kw), np.int8)
    for i in range(kh):
        rows, rows_inside = _inside(places.row, i, given.shape[0], kh, conv.strides[0], same)
        for j in range(kw):
            columns, inside = _inside(places.column, j, given.shape[1], kw, conv.strides[1], same)
            values = unpack(words[places.image, rows, columns], channels)
            known = (rows_inside & inside)[:, None]
            taps[:, :, i * kw + j] = np.where(known, values, np.int8(conv.pad_value or 0))
    return taps.reshape(len(places), -1)


def moments(
    conv: Conv,
    given: Signal,
    changed: Words,
    original: Words | None,
    places: SampledWindows,
    table: SliceTable,
) -> Moments:
    """Covariances at the sampled windows; `original` None where the inputs have not changed.

    table: the original layer's.
    """
    weights, groups = table.matrix.astype(np.float64), [*map(table.rows, range(table.n_groups))]
    n_inputs, n_filters = weights.shape
    products, crossed = np.zeros((n_inputs, n_inputs)), np.zeros((n_inputs, n_filters))
    blocks = [np.zeros((rows.stop - rows.start,) * 2) for rows in groups]
    sum_now, sum_then = np.zeros(n_inputs), np.zeros(n_inputs)
    narrow = table.matrix.astype(np.float32)
    for start in range(0, len(places), CHUNK):
        part = places.part(start)
        now = gather(conv, given, changed, part).astype(np.float32)
        sum_now += now.sum(axis=0)
        products += now.T @ now
        if original is not None:
            then = gather(conv, given, original, part).astype(np.float32)
            sum_then += then.sum(axis=0)
            crossed += now.T.astype(np.float64) @ (then @ narrow)
            both = now.T.copy(), then.T.copy()
            for block, rows in zip(blocks, groups, strict=True):
                block += both[0][rows] @ both[1][rows].T
    n = len(places)
    own = _covariance(products, sum_now, sum_now, n)
    if original is None:
        blocks = [own[rows, rows] for rows in groups]
        return Moments(own, own @ weights, _within(blocks, weights, groups), n)
    blocks = [
        _covariance(block, sum_now[rows], sum_then[rows], n)
        for block, rows in zip(blocks, groups, strict=True)
    ]
    cross = _covariance(crossed, sum_now, sum_then @ weights, n)
    return Moments(own, cross, _within(blocks, weights, groups), n)


def _within(
    blocks: Sequence[Float64Array], weights: Float64Array, groups: Sequence[slice]
) -> Float64Array:
    """Each group's block of covariances times its weights, one below the other."""
    pairs = zip(blocks, groups, strict=True)
    return np.concatenate([block @ weights[rows] for block, rows in pairs])


def _inside(
    places: np.ndarray[tuple[int], np.dtype[np.int64]],
    tap: int,
    size: int,
    window: int,
    stride: int,
    same: bool,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    _, before = extent(size, window, stride, same=same)
    at = places * stride + tap - before
    return at.clip(0, size - 1), (at >= 0) & (at < size)


def _covariance(products: Float64Array, a: Float64Array, b: Float64Array, n: int) -> Float64Array:
    return n * products - np.outer(a, b)
