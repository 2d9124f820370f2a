"""A layer of tables in the differentiable form: bits in, bits out, `smoothing` in between."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Float32Array, Int64Array, Words
from crshare.train.lutnet import kernels, smoothing
from crshare.train.lutnet.form import Gradients, Want
from crshare.train.lutnet.smoothing import Batch
from crshare.train.lutnet.wiring import Wiring, by_channel


@dataclass(frozen=True, eq=False)
class Read:
    """What a layer keeps of a batch. addresses: [n, n_places, S] uint8, of entries."""

    wiring: Wiring
    addresses: Array
    batch: Batch

    def backward(self, upstream: Float32Array, want: Want) -> Gradients:
        """upstream: at the layer's bits; it is overwritten."""
        n = len(self.addresses)
        sums = np.empty((n, kernels.N_ENTRIES))
        kernels.sum_by_entry(0, n, self.addresses, upstream, sums)
        found = smoothing.gradients(self.batch, sums)
        if not want.rows and not want.inputs:
            return Gradients(found.tables)
        scale, shift, slopes = (
            a.astype(np.float32) for a in (found.scale, found.shift, found.slopes)
        )
        kernels.through_norm(0, n, self.addresses, scale, shift, upstream)
        return Gradients(
            found.tables,
            self._rows(slopes, upstream) if want.rows else None,
            self._inputs(slopes, upstream) if want.inputs else None,
        )

    def _rows(self, slopes: Float32Array, arriving: Float32Array) -> Float32Array:
        given = np.zeros((self.wiring.n_rows, arriving.shape[1]), np.float32)
        readers, starts = by_channel(self.wiring)
        kernels.give_back(
            0, len(starts) - 1, starts, readers, self.wiring.rows, self.wiring.offsets,
            self.addresses, slopes, arriving, given,
        )  # fmt: skip
        return given

    def _inputs(self, slopes: Float32Array, arriving: Float32Array) -> Float32Array:
        n, n_places, n_samples = self.addresses.shape
        found = np.empty((n, kernels.N_INPUTS, n_places, n_samples), np.float32)
        kernels.find_sensitivities(0, n, self.addresses, slopes, arriving, found)
        return found


@dataclass(frozen=True, slots=True)
class Differentiable:
    """The form whose inputs are 0.25 or 0.75 and whose outputs are above their batch's mean or
    not."""

    sample = np.uint8

    def forward(self, tables: Float32Array, wiring: Wiring, bits: Array) -> tuple[Array, Read]:
        """The bits of a batch under its own means, and what is kept of it."""
        addresses, counts = addresses_of(wiring, bits)
        batch = smoothing.normalise(smoothing.smoothed(tables), counts)
        return look_up(addresses, batch.words), Read(wiring, addresses, batch)

    def hardened(self, tables: Float32Array, counts: Int64Array) -> Words:
        """Tables of bits for which each mean is that of the counted samples."""
        return smoothing.hardened(tables, counts)


def addresses_of(wiring: Wiring, bits: Array) -> tuple[Array, Int64Array]:
    """The entry of each sample [n, n_places, S], and how often each is read [n, 64]."""
    n, n_places = len(wiring.rows), len(wiring.offsets)
    addresses = np.empty((n, n_places, bits.shape[1]), np.uint8)
    counts = np.empty((n, kernels.N_ENTRIES), np.int64)
    kernels.find_addresses(0, n, bits, wiring.rows, wiring.offsets, addresses, counts)
    return addresses, counts


def look_up(addresses: Array, words: Words) -> Array:
    n, n_places, n_samples = addresses.shape
    bits = np.empty((n * n_places, n_samples), np.uint8)
    kernels.look_up(0, n, addresses, words, bits)
    return bits


