"""OR over windows of 2x2, of bits and, as their maximum, of probabilities."""

import numpy as np

from crshare.arrays import Array, Float32Array
from crshare.train.lutnet.wiring import Shape


def pooled(shape: Shape) -> Shape:
    return shape[0] // 2, shape[1] // 2, shape[2]


def pool(samples: Array, shape: Shape) -> Array:
    """Samples [channels * height * width, S] of a map to those of the smaller map; an odd last row
    or column is left out."""
    found: Array = _windows(samples, shape).max(axis=(2, 4))
    return found.reshape(-1, samples.shape[1])


def unpool(samples: Array, shape: Shape, upstream: Float32Array) -> Float32Array:
    """Gradients at the samples before `pool`: those of a window that are its maximum share what
    arrives; where all are 0, each gets all of it."""
    windows = _windows(samples, shape)
    n_channels, down, _, right, _, n_samples = windows.shape
    most = windows.max(axis=(2, 4), keepdims=True)
    is_most = windows == most
    n_most = is_most.sum(axis=(2, 4), keepdims=True)
    shares = np.where(most == 0, np.float32(1), is_most / n_most.astype(np.float32))
    come = upstream.reshape(n_channels, down, 1, right, 1, n_samples)
    given = np.zeros(samples.shape, np.float32)
    _windows(given, shape)[:] = shares * come
    return given


def _windows(rows: Array, shape: Shape) -> Array:
    """A view [channels, down, 2, right, 2, S] of rows [channels * height * width, S]."""
    height, width, n_channels = shape
    maps = rows.reshape(n_channels, height, width, -1)[:, : height // 2 * 2, : width // 2 * 2]
    down, right, (_, row, column, sample) = height // 2, width // 2, maps.strides
    return np.lib.stride_tricks.as_strided(
        maps,
        (n_channels, down, 2, right, 2, maps.shape[3]),
        (maps.strides[0], 2 * row, row, 2 * column, column, sample),
    )
