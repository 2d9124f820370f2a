"""A layer of tables in the differentiable form: bits in, bits out, `smoothing` in between."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Float32Array, Int64Array, Words
from crshare.train.lutnet import kernels, smoothing
from crshare.train.lutnet.form import Gradients, Want
from crshare.train.lutnet.smoothing import Batch
from crshare.train.lutnet.wiring import Wiring
from crshare.train.lutnet.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Read:
    """What a layer keeps of a batch. addresses: [n, n_places, S] uint8, of entries."""

    wiring: Wiring
    addresses: Array
    batch: Batch
    space: Workspace

    def backward(self, upstream: Float32Array, want: Want) -> Gradients:
        """upstream: at the layer's bits."""
        n = len(self.addresses)
        sums = np.empty((n, kernels.N_ENTRIES))
        kernels.sum_by_entry(self.addresses, upstream, sums)
        found = smoothing.gradients(self.batch, sums)
        rows, inputs = None, None
        if want.rows or want.inputs:
            maps = np.empty((n, kernels.N_ENTRIES, kernels.N_INPUTS + 2), np.float32)
            kernels.join_maps(self.batch.smooth, found.scale, found.shift, maps)
        if want.rows:
            wiring = self.wiring
            rows = self.space.array("rows", (wiring.n_rows, upstream.shape[1]), np.float32)
            rows[:] = 0
            kernels.give_back(wiring.rows, wiring.offsets, self.addresses, maps, upstream, rows)
        if want.inputs:
            some = np.ascontiguousarray(self.addresses[:, :, : want.inputs])
            come = np.ascontiguousarray(upstream[:, : want.inputs])
            inputs = np.empty((n, kernels.N_INPUTS, *some.shape[1:]), np.float32)
            kernels.find_sensitivities(some, maps, come, inputs)
        return Gradients(found.tables, rows, inputs)


@dataclass(frozen=True, slots=True)
class Differentiable:
    """The form whose inputs are 0.25 or 0.75 and whose outputs are above their batch's mean or
    not."""

    sample = np.uint8

    def forward(
        self, tables: Float32Array, wiring: Wiring, bits: Array, space: Workspace
    ) -> tuple[Array, Read]:
        """The bits of a batch under its own means, and what is kept of it."""
        addresses, counts = addresses_of(wiring, bits, space)
        batch = smoothing.normalise(smoothing.smoothed(tables), counts)
        return look_up(addresses, batch.words, space), Read(wiring, addresses, batch, space)

    def hardened(self, tables: Float32Array, counts: Int64Array) -> Words:
        """Tables of bits for which each mean is that of the counted samples."""
        return smoothing.hardened(tables, counts)


def addresses_of(wiring: Wiring, bits: Array, space: Workspace) -> tuple[Array, Int64Array]:
    """The entry of each sample [n, n_places, S], and how often each is read [n, 64]."""
    n, n_places = len(wiring.rows), len(wiring.offsets)
    addresses = space.array("addresses", (n, n_places, bits.shape[1]), np.uint8)
    counts = np.empty((n, kernels.N_ENTRIES), np.int64)
    kernels.find_addresses(bits, wiring.rows, wiring.offsets, addresses, counts)
    return addresses, counts


def look_up(addresses: Array, words: Words, space: Workspace) -> Array:
    n, n_places, n_samples = addresses.shape
    bits = space.array("bits", (n * n_places, n_samples), np.uint8)
    kernels.look_up(addresses, words, bits)
    return bits
