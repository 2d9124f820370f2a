"""The compiled loops over maps that are no convolution of bits: pooling, counting, real sums.

Maps are [images, height, width, words or channels], contiguous. What lies outside a map is left
out of a pooling window.
"""

import numpy as np

from crshare.arrays import BoolArray, Float64Array, Int32Array, Int64Array, Words
from crshare.compiled import compiled

Pair = tuple[int, int]


@compiled
def pool_words(x: Words, every: Words, size: Pair, strides: Pair, before: Pair, out: Words) -> None:
    """Any bit of each window, or all of them for the channels whose bit in `every` is 1."""
    images, height, width, n_words = x.shape
    for n in range(images):
        for i in range(out.shape[1]):
            top = i * strides[0] - before[0]
            for j in range(out.shape[2]):
                left = j * strides[1] - before[1]
                for word in range(n_words):
                    some, all_bits = np.uint64(0), ~np.uint64(0)
                    for y in range(max(top, 0), min(top + size[0], height)):
                        for z in range(max(left, 0), min(left + size[1], width)):
                            some |= x[n, y, z, word]
                            all_bits &= x[n, y, z, word]
                    mask = every[word]
                    out[n, i, j, word] = (all_bits & mask) | (some & ~mask)


@compiled
def pool_sums(
    x: Int32Array, least: BoolArray, size: Pair, strides: Pair, before: Pair, out: Int32Array
) -> None:
    """The greatest of each window, or the least for the channels that `least` names."""
    images, height, width, channels = x.shape
    for n in range(images):
        for i in range(out.shape[1]):
            top = i * strides[0] - before[0]
            for j in range(out.shape[2]):
                left = j * strides[1] - before[1]
                for c in range(channels):
                    out[n, i, j, c] = x[n, max(top, 0), max(left, 0), c]
                for y in range(max(top, 0), min(top + size[0], height)):
                    for z in range(max(left, 0), min(left + size[1], width)):
                        for c in range(channels):
                            low = min(out[n, i, j, c], x[n, y, z, c])
                            high = max(out[n, i, j, c], x[n, y, z, c])
                            out[n, i, j, c] = low if least[c] else high


@compiled
def add_histogram(sums: Int32Array, lowest: int, counts: Int64Array) -> None:
    """Count sums [rows, channels] into counts [channels, sum - lowest]."""
    for row in range(sums.shape[0]):
        for channel in range(sums.shape[1]):
            counts[channel, sums[row, channel] - lowest] += 1


@compiled
def count_bits(words: Words, counts: Int64Array) -> None:
    """Add the +1 bits of words [rows, words] to counts [words, 64]."""
    for row in range(words.shape[0]):
        for word in range(words.shape[1]):
            value = words[row, word]
            for bit in range(64):
                counts[word, bit] += (value >> np.uint64(bit)) & np.uint64(1)


@compiled
def real_windows(
    x: Float64Array,
    kernel: Float64Array,
    bias: Float64Array,
    strides: Pair,
    before: Pair,
    out: Float64Array,
) -> None:
    """Sums over windows, added in the order tap row, tap column, input channel, then the bias.

    before: lines above and to the left of the map; what lies outside of it adds nothing.
    """
    kh, kw, channels, filters = kernel.shape
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            top = i * strides[0] - before[0]
            for j in range(out.shape[2]):
                left = j * strides[1] - before[1]
                out[n, i, j] = 0.0
                for y in range(max(0, -top), min(kh, x.shape[1] - top)):
                    for z in range(max(0, -left), min(kw, x.shape[2] - left)):
                        for c in range(channels):
                            value = x[n, top + y, left + z, c]
                            for o in range(filters):
                                out[n, i, j, o] += value * kernel[y, z, c, o]
                for o in range(filters):
                    out[n, i, j, o] += bias[o]


@compiled
def signs(x: Float64Array, zero_is_plus: bool, words: Words) -> None:
    """The signs of reals [rows, channels] as words [rows, words]."""
    for row in range(x.shape[0]):
        for first in range(0, x.shape[1], 64):
            word = np.uint64(0)
            for c in range(first, min(first + 64, x.shape[1])):
                value = x[row, c]
                plus = value > 0 or (zero_is_plus and value == 0)
                word |= np.uint64(plus) << np.uint64(c - first)
            words[row, first // 64] = word


@compiled
def quantise(
    x: Float64Array, unit: float, low: float, high: float, even: bool, out: Float64Array
) -> None:
    """To the nearest multiples of the unit within limits, of flat arrays."""
    for place in range(len(x)):
        share = x[place] / unit
        steps = np.rint(share) if even else np.floor(share + 0.5)
        out[place] = min(max(unit * steps, low), high)
