"""Histograms of sums and counts of bits over many images, without storing the maps."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from crshare.arrays import Array, BoolArray, Int32Array, Int64Array, Words
from crshare.executor.kernels import maps
from crshare.executor.kernels.batches import Scratch, map_batches, usable_cores
from crshare.executor.kernels.convolution import prepare
from crshare.executor.kernels.native import pool_integers
from crshare.executor.kernels.variants import best_variant, host_features
from crshare.network.graph import BitPool, Conv, Signal, signal_after

BATCH_BYTES = 8 * 2**20


@dataclass(frozen=True, eq=False)
class Histogram:
    """counts: int64 [filters, bins]; bin k counts the sum lowest + k."""

    lowest: int
    counts: Int64Array

    def joined(self, other: "Histogram") -> "Histogram":
        if not self.counts.size:
            return other
        lowest = min(self.lowest, other.lowest)
        highest = max(h.lowest + h.counts.shape[1] for h in (self, other))
        counts = np.zeros((len(self.counts), highest - lowest), np.int64)
        for part in (self, other):
            first = part.lowest - lowest
            counts[:, first : first + part.counts.shape[1]] += part.counts
        return Histogram(lowest, counts)


@dataclass(frozen=True, eq=False)
class Pooling:
    """The pooling between a convolution and its threshold's bits, in terms of the sums.

    Where a rising threshold takes any bit of the window, the greatest sum decides; where it takes
    all of them, the least; for a falling threshold it is the other way round.
    """

    pool: BitPool
    rising: BoolArray

    def apply(self, sums: Int32Array, given: Signal, scratch: Scratch) -> Int32Array:
        return pool_integers(self.pool, given, self.pool.all_of == self.rising, sums, scratch)


def sum_histograms(
    conv: Conv,
    given: Signal,
    x: Array,
    *,
    pooling: Pooling | None = None,
    n_threads: int | None = None,
) -> Histogram:
    """How often each sum occurs over all images and positions, for each filter.

    x: native values of `given`, words [n, h, w, words] or integers [n, h, w, c]. With `pooling`,
    the sums that decide the pooled bits are counted instead.
    """
    packed = prepare(conv, given, None, best_variant(host_features()))
    summed = signal_after(conv, given)

    def count(rows: slice, batch: Array, scratch: Scratch) -> Histogram:
        sums = packed.run(batch, scratch)
        if pooling is not None:
            sums = pooling.apply(sums, summed, scratch.step("pooling"))
        return _histogram(np.ascontiguousarray(sums))

    size = max(1, BATCH_BYTES // (4 * int(np.prod(packed.shape))))
    parts = map_batches(x, size, n_threads or usable_cores(), count)
    return reduce(Histogram.joined, parts, Histogram(0, np.zeros((summed.shape[2], 0), np.int64)))


def firing_counts(words: Words, n_channels: int) -> Int64Array:
    """How many +1 each channel holds in words [..., words]: int64 [channels]."""
    rows = np.ascontiguousarray(words).reshape(-1, words.shape[-1])
    counts = np.zeros((words.shape[-1], 64), np.int64)
    maps.count_bits(rows, counts)
    return counts.reshape(-1)[:n_channels]


def _histogram(sums: Int32Array) -> Histogram:
    lowest = int(sums.min())
    counts = np.zeros((sums.shape[-1], int(sums.max()) - lowest + 1), np.int64)
    maps.add_histogram(sums.reshape(-1, sums.shape[-1]), lowest, counts)
    return Histogram(lowest, counts)
