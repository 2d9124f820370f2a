"""LUT layers on packed bits: 512 positions at a time, a bit of each in one row of words.

A block of words is turned round (64 x 64 bits at a time), so that a row holds one channel of many
positions; a node is then a tree of bitwise choices over its inputs' rows, all positions at once.
"""

from functools import partial

import numpy as np

from crshare.arrays import Array, Int32Array, Int64Array, Words
from crshare.compiled import compiled
from crshare.executor.kernels.batches import Scratch
from crshare.network.bits import WORD, n_words
from crshare.network.graph import ClassSums, Lut, Modulate, Signal, extent, signal_after

Pair = tuple[int, int]


def look_up(op: Lut, given: Signal, x: Words, scratch: Scratch) -> Words:
    """The bits of a LUT layer, words [n, h, w, words]."""
    height, width, nodes = signal_after(op, given).shape
    wide = op.widened()
    tap, channel = np.divmod(wide.connections.astype(np.int64), given.shape[2])
    rows = tap * n_words(given.shape[2]) * WORD + channel
    before = tuple(
        extent(given.shape[axis], op.size[axis], op.strides[axis], same=op.same)[1]
        for axis in range(2)
    )
    out = scratch.take("looked", (len(x), height, width, n_words(nodes)), np.uint64)
    x = np.ascontiguousarray(x)
    _look_up(x, rows, wide.tables, op.size, op.strides, (before[0], before[1]), out)
    return out


def modulate(op: Modulate, given: Signal, flat: bool, x: Array, scratch: Scratch) -> Words:
    """Words [n * frames, h, w, words]; flat: [n * frames, 1, 1, words], as a Flatten has them."""
    height, width, channels = signal_after(op, given).shape
    shape = (1, 1, height * width * channels) if flat else (height, width, channels)
    out = scratch.take("modulated", (len(x) * op.frames, *shape[:2], n_words(shape[2])), np.uint64)
    values = np.ascontiguousarray(x).reshape(len(x), height * width, given.shape[2])
    _modulate(values, op.at, flat, out.reshape(len(out), shape[0] * shape[1], out.shape[3]))
    return out


def sum_classes(op: ClassSums, given: Signal, x: Words, scratch: Scratch) -> Array:
    """Integers [n, 1, 1, classes] of words [n * frames, 1, 1, words]."""
    counts = scratch.take("counts", (len(x) // op.frames, op.n_classes), np.int64)
    _count_ones(x.reshape(len(x), x.shape[3]), given.shape[2], op.frames, counts)
    scores = op.weights.astype(np.int64) * counts + op.offsets
    return scores.astype(np.int32)[:, None, None]


@compiled
def _count_ones(x: Words, channels: int, frames: int, out: Int64Array) -> None:
    one = np.uint64(1)
    classes = out.shape[1]
    for n in range(out.shape[0]):
        for c in range(classes):
            out[n, c] = 0
        for f in range(frames):
            for channel in range(channels):
                word = x[n * frames + f, channel // 64]
                out[n, channel % classes] += (word >> np.uint64(channel % 64)) & one


@compiled
def _modulate(x: Array, at: Int32Array, flat: bool, out: Words) -> None:
    out[...] = 0
    frames, depth, channels = at.shape
    for n in range(x.shape[0]):
        for f in range(frames):
            for position in range(x.shape[1]):
                place = position if not flat else 0
                bit = position * depth * channels if flat else 0
                for d in range(depth):
                    for c in range(channels):
                        if x[n, position, c] >= at[f, d, c]:
                            word = np.uint64(1) << np.uint64(bit % 64)
                            out[n * frames + f, place, bit // 64] |= word
                        bit += 1


@compiled
def _look_up(
    x: Words, rows: Int64Array, tables: Words, size: Pair, strides: Pair, before: Pair, out: Words
) -> None:
    n_positions = out.shape[0] * out.shape[1] * out.shape[2]
    nodes = tables.shape[0]
    given = np.zeros((size[0] * size[1] * x.shape[3] * 64, 8), np.uint64)
    found = np.zeros((out.shape[3] * 64, 8), np.uint64)
    entries = np.zeros(64, np.uint64)
    square = np.zeros(64, np.uint64)
    for first in range(0, n_positions, 512):
        lanes = min(8, (n_positions - first + 63) // 64)
        for lane in range(lanes):
            _gather(x, size, strides, before, out.shape, first + 64 * lane, square, given, lane)
        for node in range(nodes):
            _choose(given, rows[node], tables[node], entries, lanes, found[node])
        for lane in range(lanes):
            _scatter(found, lane, first + 64 * lane, square, out)


@compiled
def _gather(
    x: Words,
    size: Pair,
    strides: Pair,
    before: Pair,
    shape: tuple[int, ...],
    first: int,
    square: Words,
    given: Words,
    lane: int,
) -> None:
    """The windows of 64 positions from `first` on, a row for each place of a window."""
    positions = shape[1] * shape[2]
    n_positions = shape[0] * positions
    row = 0
    for i in range(size[0]):
        for j in range(size[1]):
            for word in range(x.shape[3]):
                for place in range(64):
                    square[place] = 0
                    at = first + place
                    if at < n_positions:
                        n, inside = at // positions, at % positions
                        y = inside // shape[2] * strides[0] - before[0] + i
                        z = inside % shape[2] * strides[1] - before[1] + j
                        if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
                            square[place] = x[n, y, z, word]
                _turn(square)
                for place in range(64):
                    given[row + place, lane] = square[place]
                row += 64


@compiled
def _scatter(found: Words, lane: int, first: int, square: Words, out: Words) -> None:
    flat = out.reshape(-1, out.shape[3])
    for word in range(out.shape[3]):
        for place in range(64):
            square[place] = found[word * 64 + place, lane]
        _turn(square)
        for place in range(min(64, flat.shape[0] - first)):
            flat[first + place, word] = square[place]


@compiled
def _turn(square: Words) -> None:
    """Bit j of word i becomes bit i of word j: blocks of 32, 16, ... change places."""
    mask, width = np.uint64(0x00000000FFFFFFFF), 32
    while width:
        shift = np.uint64(width)
        i = 0
        while i < 64:
            for k in range(i, i + width):
                swapped = ((square[k] >> shift) ^ square[k + width]) & mask
                square[k] ^= swapped << shift
                square[k + width] ^= swapped
            i += 2 * width
        width //= 2
        mask ^= mask << np.uint64(max(width, 1))


@compiled
def _choose(
    given: Words, rows: Int64Array, table: np.uint64, entries: Words, lanes: int, found: Words
) -> None:
    """One node of six inputs on so many words of positions: the entries that inputs 0 to 2 name,
    for each of the eight cases of the others, and between these choices by one input each.

    entries: room for 64 words, each entry of the table in all of its bits.
    """
    for place in range(64):
        entries[place] = np.uint64(0) - ((table >> np.uint64(place)) & np.uint64(1))
    for lane in range(lanes):
        a, b, c = given[rows[0], lane], given[rows[1], lane], given[rows[2], lane]
        d, e, f = given[rows[3], lane], given[rows[4], lane], given[rows[5], lane]
        pairs = (~a & ~b, a & ~b, ~a & b, a & b)
        first = _between(_entry(pairs, c, entries, 0), _entry(pairs, c, entries, 8), d)
        second = _between(_entry(pairs, c, entries, 16), _entry(pairs, c, entries, 24), d)
        third = _between(_entry(pairs, c, entries, 32), _entry(pairs, c, entries, 40), d)
        fourth = _between(_entry(pairs, c, entries, 48), _entry(pairs, c, entries, 56), d)
        found[lane] = _between(_between(first, second, e), _between(third, fourth, e), f)


@compiled
def _entry(
    pairs: tuple[np.uint64, np.uint64, np.uint64, np.uint64],
    c: np.uint64,
    entries: Words,
    at: int,
) -> np.uint64:
    """Of eight entries from `at` on those that a, b (as `pairs`: which case it is) and c name."""
    low, high = np.uint64(0), np.uint64(0)
    for case in range(4):
        low |= pairs[case] & entries[at + case]
        high |= pairs[case] & entries[at + 4 + case]
    return _between(low, high, c)


@compiled
def _between(low: np.uint64, high: np.uint64, by: np.uint64) -> np.uint64:
    return low ^ ((low ^ high) & by)


def ready_lut(op: Lut | Modulate | ClassSums, given: Signal) -> "partial[Array]":
    """What runs one of the operations of a LUT network on native arrays."""
    match op:
        case Lut():
            return partial(look_up, op, given)
        case Modulate():
            return partial(modulate, op, given, False)
        case ClassSums():
            return partial(sum_classes, op, given)


def ready_flat(op: Modulate, given: Signal) -> "partial[Array]":
    """A modulation and the Flatten behind it in one."""
    return partial(modulate, op, given, True)
