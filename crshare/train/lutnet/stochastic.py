"""A layer of tables in the stochastic form: probabilities in, probabilities out.

The value at x is the sum over entries k of W_k times the product of x_j or 1 - x_j.
"""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Float32Array, Int64Array, Words
from crshare.train.lutnet import stochastic_kernels
from crshare.train.lutnet.form import Gradients, Want
from crshare.train.lutnet.kernels import N_ENTRIES, N_INPUTS, collect
from crshare.train.lutnet.smoothing import words_of
from crshare.train.lutnet.wiring import Wiring
from crshare.train.lutnet.workspace import Workspace


@dataclass(frozen=True, eq=False)
class Read:
    """What a layer keeps of a batch: the samples and tables that it used."""

    wiring: Wiring
    samples: Float32Array
    tables: Float32Array
    space: Workspace

    def backward(self, upstream: Float32Array, want: Want) -> Gradients:
        """Exact; the gradients of binarised tables pass straight through."""
        n, n_samples = len(self.tables), upstream.shape[1]
        by_tables = np.empty((n, N_ENTRIES))
        shape = n, N_INPUTS, len(self.wiring.offsets), n_samples
        inputs = self.space.array("inputs", shape, np.float32)
        stochastic_kernels.interpolate_back(
            self.samples, self.wiring.rows, self.wiring.offsets, self.tables,
            upstream, by_tables, inputs,
        )  # fmt: skip
        rows = self._rows(inputs) if want.rows else None
        return Gradients(by_tables, rows, inputs[..., : want.inputs] if want.inputs else None)

    def _rows(self, inputs: Float32Array) -> Float32Array:
        given = self.space.array("rows", self.samples.shape, np.float32)
        given[:] = 0
        collect(self.wiring.rows, self.wiring.offsets, inputs, given)
        return given


@dataclass(frozen=True, slots=True)
class Stochastic:
    """binary: whether tables are 0 or 1 on the way forward; else they are clipped to [0, 1]."""

    binary: bool
    sample = np.float32

    def forward(
        self, tables: Float32Array, wiring: Wiring, samples: Array, space: Workspace
    ) -> tuple[Array, Read]:
        """The probabilities of a batch, and what is kept of it."""
        used = (tables > 0.5).astype(np.float32) if self.binary else np.clip(tables, 0, 1)
        given = np.ascontiguousarray(samples, np.float32)
        shape = len(tables) * len(wiring.offsets), given.shape[1]
        out = space.array("out", shape, np.float32)
        stochastic_kernels.interpolate(given, wiring.rows, wiring.offsets, used, out)
        return out, Read(wiring, given, used, space)

    def hardened(self, tables: Float32Array, counts: Int64Array) -> Words:
        """W > 1/2, whatever is read."""
        return words_of(tables > 0.5)
