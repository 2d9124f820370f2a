"""The encoding: +1 is bit 1, -1 is bit 0, packed along channels into 64-bit words.

Channel c of a map is bit c % 64 of word c // 64; bits past the last channel are 0. For K valid
positions with P agreeing bits, the dot product is 2P - K.
"""

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, Words

WORD = 64


def n_words(n_channels: int) -> int:
    """Words that hold the bits of n_channels channels."""
    return -(-n_channels // WORD)


def pack(values: Array) -> Words:
    """+1/-1 [..., channels] to words [..., n_words(channels)]."""
    return pack_bits(values > 0)


def pack_bits(bits: npt.NDArray[np.bool_]) -> Words:
    """Booleans [..., channels], True for +1, to words [..., n_words(channels)]."""
    n_channels = bits.shape[-1]
    packed = np.packbits(bits, axis=-1, bitorder="little")
    missing = n_words(n_channels) * 8 - packed.shape[-1]
    if missing:
        packed = np.pad(packed, [(0, 0)] * (bits.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64, copy=False)


def unpack(words: Words, n_channels: int) -> npt.NDArray[np.int8]:
    """Words [..., n_words(channels)] to int8 +1/-1 [..., channels]."""
    raw = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    bits = np.unpackbits(raw, axis=-1, count=n_channels, bitorder="little")
    return (2 * bits.astype(np.int8) - 1).astype(np.int8)


def full_words(n_channels: int) -> Words:
    """The words of n_channels channels that are all +1."""
    return pack_bits(np.ones(n_channels, np.bool_))


def dot(agreeing: Array, valid: Array | int) -> Array:
    """The dot product of +1/-1 vectors: 2P - K for P agreeing bits of K valid ones."""
    return 2 * agreeing - valid
