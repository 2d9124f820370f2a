"""Six-input tables read at inputs of 0.25 and 0.75, and batch normalisation of what they give.

A table W of 64 entries gives at inputs x the sum over entries k of W_k times the product of x_j or
1 - x_j (R. Fuchikami, "LUT-Network", 2019); where every x_j is 0.25 or 0.75, that is entry k of
V = W K, with K the sixfold Kronecker power of [[.75, .25], [.25, .75]] and k the bits of x. So the
statistics of a batch are those of V under the counts of its entries.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from crshare.arrays import Array, Float64Array, Int64Array, Words
from crshare.train.lutnet.kernels import N_INPUTS

GAMMA, BETA = 0.3, 0.5  # of the fixed batch normalisation
LOW, HIGH = 0.25, 0.75
K: Float64Array = reduce(np.kron, [np.array([[HIGH, LOW], [LOW, HIGH]])] * N_INPUTS)
TINY = 1e-20  # beside the variance of a table that does not vary on a batch


@dataclass(frozen=True, eq=False)
class Batch:
    """smooth: V [n, 64]. counts: of entries on the batch [n, 64]. normed: (V - mean) / deviation.

    factor: GAMMA / deviation [n, 1], 0 where a node gives one value only.
    """

    smooth: Float64Array
    counts: Int64Array
    normed: Float64Array
    factor: Float64Array

    @property
    def words(self) -> Words:
        """The tables that decide whether a value is above the batch's mean."""
        return words_of(self.normed > 0)

    @property
    def passes(self) -> Float64Array:
        """1 where the hard tanh of the normalised value passes a gradient, within [0, 1]."""
        within: Float64Array = (np.abs(GAMMA * self.normed + BETA - 0.5) <= 0.5).astype(np.float64)
        return within


def smoothed(tables: Array) -> Float64Array:
    """V of tables W [n, 64]."""
    found: Float64Array = np.matmul(tables, K, dtype=np.float64)
    return found


def normalise(smooth: Float64Array, counts: Int64Array) -> Batch:
    """The batch normalisation of values under the counts of entries."""
    total = counts.sum(axis=1, keepdims=True)
    mean = (counts * smooth).sum(axis=1, keepdims=True) / total
    centred = smooth - mean
    variance = (counts * centred**2).sum(axis=1, keepdims=True) / total
    varies = variance > TINY
    deviation = np.sqrt(np.where(varies, variance, 1.0))
    normed = np.where(varies, centred / deviation, centred)
    return Batch(smooth, counts, normed, np.where(varies, GAMMA / deviation, 0.0))


def hardened(tables: Array, counts: Int64Array) -> Words:
    """Tables as words [n], entry k in bit k: whether (W K)[k] is above the mean under `counts`."""
    return normalise(smoothed(tables), counts).words


@dataclass(frozen=True, eq=False)
class Gradients:
    """tables: of W [n, 64]. scale, shift: what a sample's gradient at the bit becomes at its value,
    scale[n, k] * g + shift[n, k]."""

    tables: Float64Array
    scale: Float64Array
    shift: Float64Array


def gradients(batch: Batch, sums: Float64Array) -> Gradients:
    """Back through hard tanh and batch normalisation; sums: of a batch's gradients by entry."""
    passed = batch.passes * sums
    total = batch.counts.sum(axis=1, keepdims=True)
    mean = passed.sum(axis=1, keepdims=True) / total
    along = (passed * batch.normed).sum(axis=1, keepdims=True) / total
    shift = -batch.factor * (mean + batch.normed * along)
    scale = batch.factor * batch.passes
    at_values = batch.factor * passed + batch.counts * shift
    return Gradients(at_values @ K, scale, shift)


def words_of(bits: Array) -> Words:
    """Tables [n, 64] of bits as words [n], entry k in bit k."""
    packed = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    words: Words = packed.view("<u8").astype(np.uint64).ravel()
    return words
