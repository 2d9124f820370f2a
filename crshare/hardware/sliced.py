"""Slices of a layer as a matrix-vector unit stores them: representatives, numbers and signs.

What weights are equal or inverse in a channel, a plan's and others, is one representative: these
are effective weights, so nothing is approximated here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crshare.arrays import BoolArray, Int64Array
from crshare.network.graph import Conv

KEPT = 64  # layers whose bits are remembered


@dataclass(frozen=True, eq=False)
class Sliced:
    """numbers, negated: [outputs, channels]. patterns: for each channel its representatives as
    bits, the first tap the lowest, 1 for +1."""

    numbers: Int64Array
    negated: BoolArray
    patterns: tuple[tuple[int, ...], ...]

    @property
    def order(self) -> list[int]:
        """The channels by their bits, so that places of a part need as few as they can."""
        return sorted(range(len(self.patterns)), key=lambda channel: self.bits[channel])

    @property
    def bits(self) -> list[int]:
        """Of the number of a representative, by channel."""
        return [max(1, (len(found) - 1).bit_length()) for found in self.patterns]

    def tables(self, n: int) -> tuple[tuple[int, ...], ...]:
        """For each place of a part: representatives, channel after channel."""
        found = []
        folds = len(self.patterns) // n
        for place, bits in enumerate(place_bits(sorted(self.bits), n)):
            own = self.order[place * folds : (place + 1) * folds]
            rows = (self.patterns[channel] for channel in own)
            found.append(tuple(w for row in rows for w in (*row, *(0,) * ((1 << bits) - len(row)))))
        return tuple(found)


def sliced(weights: Int64Array) -> Sliced:
    """Of weights [outputs, channels, taps] of +1 and -1."""
    negated = weights[:, :, 0] < 0
    bits = (weights > 0) ^ negated[:, :, None]
    numbers = np.zeros(negated.shape, np.int64)
    patterns = []
    for channel in range(weights.shape[1]):
        packed = np.packbits(bits[:, channel], axis=1, bitorder="little")
        rows = [row.tobytes() for row in packed]
        number = {row: place for place, row in enumerate(sorted(set(rows)))}
        numbers[:, channel] = [number[row] for row in rows]
        patterns.append(tuple(int.from_bytes(row, "little") for row in number))
    return Sliced(numbers, negated, tuple(patterns))


def place_bits(bits: Sequence[int], n: int) -> list[int]:
    """Of rising bits of channels those of n places, each of as many channels."""
    folds = len(bits) // n
    return list(bits[folds - 1 :: folds])


@lru_cache(maxsize=KEPT)
def index_bits_of(conv: Conv) -> tuple[int, ...]:
    """Bits of the number of a representative for each channel, rising; none where a layer has no
    slices to store."""
    rows, columns, channels, n_outputs = conv.kernel.shape
    if rows * columns == 1 or not conv.kernel.all():
        return ()
    weights = conv.kernel.reshape(rows * columns, channels, n_outputs).transpose(2, 1, 0)
    return tuple(sorted(sliced(weights.astype(np.int64)).bits))
