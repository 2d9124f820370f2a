"""How a layer's inputs vary and go together: covariances over sampled windows of real images.

Sums of products of +1/-1 are counted in whole numbers, so the same images give the same covariance
whatever the number of threads.
"""

from dataclasses import dataclass

import numpy as np

from crshare.bits import Words, unpack
from crshare.network import Conv, Float64Array, Int8Array, Signal, extent

CHUNK = 4096  # windows at a time


@dataclass(frozen=True, eq=False)
class Places:
    """Sampled windows: image, and output row and column, all int64 [n]."""

    image: np.ndarray[tuple[int], np.dtype[np.int64]]
    row: np.ndarray[tuple[int], np.dtype[np.int64]]
    column: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.image)

    def part(self, start: int) -> "Places":
        rows = slice(start, start + CHUNK)
        return Places(self.image[rows], self.row[rows], self.column[rows])


@dataclass(frozen=True, eq=False)
class Moments:
    """Covariances of a layer's window, inputs ordered (channel, tap) as in a SliceTable.

    In whole numbers, float64 [inputs, inputs]: n^2 times the covariance over n windows. own: of
    the inputs as they are now. cross: between the inputs as they are now (rows) and as they were
    in the original network (columns).
    """

    own: Float64Array
    cross: Float64Array
    n_windows: int


def sample_places(n_images: int, output: Signal, n: int, seed: int) -> Places:
    """At most n different windows, drawn evenly over all images and positions."""
    height, width, _ = output.shape
    total = n_images * height * width
    chosen = np.arange(total)
    if total > n:
        chosen = np.sort(np.random.default_rng(seed).choice(total, n, replace=False))
    image, place = np.divmod(chosen, height * width)
    return Places(image, *np.divmod(place, width))


def gather(conv: Conv, given: Signal, words: Words, places: Places) -> Int8Array:
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
    conv: Conv, given: Signal, changed: Words, original: Words | None, places: Places
) -> Moments:
    """Covariances at the sampled windows; `original` None where the inputs have not changed."""
    n_inputs = int(np.prod(conv.kernel.shape[:3]))
    products = np.zeros((n_inputs, n_inputs))
    crossed = np.zeros((n_inputs, n_inputs))
    sum_now, sum_then = np.zeros(n_inputs), np.zeros(n_inputs)
    for start in range(0, len(places), CHUNK):
        part = places.part(start)
        now = gather(conv, given, changed, part).astype(np.float32)
        sum_now += now.sum(axis=0)
        products += now.T @ now
        if original is not None:
            then = gather(conv, given, original, part).astype(np.float32)
            sum_then += then.sum(axis=0)
            crossed += now.T @ then
    own = _covariance(products, sum_now, sum_now, len(places))
    if original is None:
        return Moments(own, own, len(places))
    return Moments(own, _covariance(crossed, sum_now, sum_then, len(places)), len(places))


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
