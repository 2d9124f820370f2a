"""The compiled loop that follows a sharing plan slice by slice, and counts what it does.

For checking and counting, not for speed. Every slice result is in sum form (2P - K for bits), so
the negation of a representative's result is K - P.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.arrays import BoolArray, Int8Array, Int32Array, Int64Array, Words
from crshare.compiled import compiled
from crshare.executor.kernels.batches import Scratch, map_batches, usable_cores
from crshare.executor.kernels.native import values_of
from crshare.network.bits import pack
from crshare.network.graph import Conv, Kind, Shape, Signal, signal_after
from crshare.network.reference import pad

SLICE_OPERATIONS, POPCOUNTS, CORRECTIONS, ACCUMULATIONS = range(4)
ONE = np.uint64(1)
BATCH_VALUES = 2 * 2**20  # window values that a thread holds at a time


@compiled
def popcount(value: np.uint64) -> np.int64:
    """The number of 1 bits of a word."""
    value -= (value >> ONE) & np.uint64(0x5555555555555555)
    low = np.uint64(0x3333333333333333)
    value = (value & low) + ((value >> np.uint64(2)) & low)
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def packwindows_of(windows: Int32Array, bits: Words, valid: Words) -> None:
    """Values [taps, positions] to words [words, positions]; `valid` is 1 where a value is not 0."""
    for tap in range(len(windows)):
        place = np.uint64(tap % 64)
        row, bit_row, valid_row = windows[tap], bits[tap // 64], valid[tap // 64]
        for i in range(len(row)):
            bit_row[i] |= np.uint64(row[i] > 0) << place
            valid_row[i] |= np.uint64(row[i] != 0) << place


@compiled
def bit_results(bits: Words, valid: Words, patterns: Words, results: Int32Array) -> None:
    """2P - K of each pattern [computed, words] at each position: [computed, positions]."""
    for word in range(patterns.shape[1]):
        bit_row, valid_row = bits[word], valid[word]
        for i in range(len(patterns)):
            pattern, row = patterns[i, word], results[i]
            for j in range(len(row)):
                agreeing = popcount(~(bit_row[j] ^ pattern) & valid_row[j])
                row[j] += 2 * agreeing - popcount(valid_row[j])


@compiled
def integer_results(windows: Int32Array, patterns: Int8Array, results: Int32Array) -> None:
    """The sum of x * w of each pattern [computed, taps] at each position: [computed, positions]."""
    for i in range(len(patterns)):
        row = results[i]
        for tap in range(patterns.shape[1]):
            weight, values = np.int32(patterns[i, tap]), windows[tap]
            for j in range(len(row)):
                row[j] += weight * values[j]


@compiled
def accumulate(
    windows: Int32Array,
    results: Int32Array,
    use: Int32Array,
    mended: Int32Array,
    first_mended: Int64Array,
    sums: Int32Array,
    counters: Int64Array,
) -> None:
    """Add what each filter takes of one group's results to its sums [filters, positions].

    mended: rows (tap, weight) of the corrections, those of filter o from first_mended[o] on.
    """
    for o in range(len(use)):
        row, taken = sums[o], results[abs(use[o]) - 1]
        sign = np.int32(1 if use[o] > 0 else -1)
        for j in range(len(row)):
            row[j] += sign * taken[j]
        counters[ACCUMULATIONS] += len(row)
        for k in range(first_mended[o], first_mended[o + 1]):
            values, change = windows[mended[k, 0]], np.int32(2 * mended[k, 1])
            for j in range(len(row)):
                row[j] += change * values[j]
            counters[CORRECTIONS] += len(row)


@dataclass(frozen=True, slots=True)
class SlicedCounts:
    """What a run did, all images together; those of a layer's parts add up.

    slice_operations: XNOR-popcount bit operations (multiplications by +1/-1 for integers).
    popcount_additions: to add up the taps of each computed slice. corrections: additions of 2x or
    -2x. accumulations: additions of the groups' results, N - 1 for N groups.
    """

    slice_operations: int
    popcount_additions: int
    corrections: int
    accumulations: int

    def __add__(self, other: "SlicedCounts") -> "SlicedCounts":
        return SlicedCounts(
            self.slice_operations + other.slice_operations,
            self.popcount_additions + other.popcount_additions,
            self.corrections + other.corrections,
            self.accumulations + other.accumulations,
        )

    @property
    def additions(self) -> int:
        return self.popcount_additions + self.corrections + self.accumulations


@dataclass(frozen=True, eq=False)
class Group:
    """One group of a plan, ready to follow: its rows, what is computed, who takes what."""

    rows: slice
    patterns: Int8Array
    packed: Words
    use: Int32Array
    mended: Int32Array
    first_mended: Int64Array


def run_sliced(
    conv: Conv,
    given: Signal,
    x: npt.NDArray[Any],
    *,
    starts: Sequence[int],
    representatives: Sequence[Int8Array],
    use: Int32Array,
    corrected: BoolArray,
    n_threads: int | None = None,
) -> tuple[Int64Array, SlicedCounts]:
    """Sums int64 [n, h, w, filters] of native values of `given`, by way of the plan's slices.

    starts: the first row of each group, and the end, rows as (input channel, tap row, tap column).
    representatives: int8 [computed, taps] for each group. use: [groups, filters], +k to take
    representative k-1, -k its negation. corrected: [groups, filters], where what is taken is made
    exact. Native values of the input itself are the integers that the network sees.
    """
    groups = _groups(conv, starts, representatives, use, corrected)
    shape = signal_after(conv, given).shape
    n_positions, n_rows = shape[0] * shape[1], int(starts[-1])
    sums = np.zeros((len(x), *shape), np.int64)

    def follow(rows: slice, batch: npt.NDArray[Any], _: Scratch) -> Int64Array:
        windows = windows_of(conv, values_of(batch, given), shape)
        found, counters = _follow(groups, windows, binary=given.kind is Kind.BITS)
        sums[rows] = found.T.reshape(len(batch), *shape)
        return counters

    size = max(1, BATCH_VALUES // (n_positions * n_rows))
    counters = sum(
        map_batches(x, size, n_threads or usable_cores(), follow), start=np.zeros(4, np.int64)
    )
    counters[ACCUMULATIONS] -= sums.size
    return sums, SlicedCounts(*map(int, counters))


def _groups(
    conv: Conv,
    starts: Sequence[int],
    representatives: Sequence[Int8Array],
    use: Int32Array,
    corrected: BoolArray,
) -> list[Group]:
    matrix = conv.kernel.transpose(2, 0, 1, 3).reshape(-1, conv.kernel.shape[3])
    groups = []
    for group, patterns in enumerate(representatives):
        rows = slice(starts[group], starts[group + 1])
        taken = np.ascontiguousarray(use[group], np.int32)
        mended = _corrections(matrix[rows], patterns, taken, corrected[group])
        groups.append(Group(rows, np.ascontiguousarray(patterns), pack(patterns), taken, *mended))
    return groups


def _follow(
    groups: list[Group], windows: Int32Array, *, binary: bool
) -> tuple[Int32Array, Int64Array]:
    """Sums [filters, positions], and the counters."""
    sums = np.zeros((len(groups[0].use), windows.shape[1]), np.int32)
    counters = np.zeros(4, np.int64)
    for group in groups:
        n_computed, n_taps = group.patterns.shape
        results = np.zeros((n_computed, windows.shape[1]), np.int32)
        if binary:
            bits, valid = np.zeros((2, group.packed.shape[1], windows.shape[1]), np.uint64)
            packwindows_of(windows[group.rows], bits, valid)
            bit_results(bits, valid, group.packed, results)
        else:
            integer_results(windows[group.rows], group.patterns, results)
        counters[SLICE_OPERATIONS] += results.size * n_taps
        counters[POPCOUNTS] += results.size * (n_taps - 1)
        mended = group.mended, group.first_mended
        accumulate(windows[group.rows], results, group.use, *mended, sums, counters)
    return sums, counters


def windows_of(conv: Conv, x: npt.NDArray[Any], shape: Shape) -> Int32Array:
    """[taps, positions], taps as (channel, tap row, tap column); zero padding stays 0."""
    kh, kw, channels, _ = conv.kernel.shape
    height, width, _ = shape
    padded = pad(x.astype(np.int32), conv.window, conv.strides, conv.pad_value)
    planes = np.ascontiguousarray(padded.transpose(3, 0, 1, 2))
    windows = np.empty((channels, kh, kw, len(x), height, width), np.int32)
    for i in range(kh):
        for j in range(kw):
            top, left = i * conv.dilation[0], j * conv.dilation[1]
            tap = planes[:, :, top :: conv.strides[0], left :: conv.strides[1]]
            windows[:, i, j] = tap[:, :, :height, :width]
    return windows.reshape(channels * kh * kw, -1)


def _corrections(
    own: Int8Array, patterns: Int8Array, use: Int32Array, corrected: BoolArray
) -> tuple[Int32Array, Int64Array]:
    """Rows (tap, weight) where a corrected filter differs from what it takes, and where the rows
    of each filter begin."""
    taken = patterns[np.abs(use) - 1] * np.sign(use)[:, None]
    differs = (taken != own.T) & corrected[:, None]
    filters, taps = np.nonzero(differs)
    mended = np.stack([taps, own[taps, filters]], axis=1).astype(np.int32)
    first = np.concatenate([[0], np.cumsum(differs.sum(axis=1))]).astype(np.int64)
    return mended, first
