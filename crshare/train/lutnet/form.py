"""What the forms of a differentiable table have in common."""

from dataclasses import dataclass
from typing import Any, Protocol

from crshare.arrays import Array, Float32Array, Int64Array, Words
from crshare.train.lutnet.wiring import Wiring
from crshare.train.lutnet.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Want:
    """Whose gradients are asked for beside the tables': of the rows read; of each node's inputs,
    for so many of the first samples."""

    rows: bool
    inputs: int


@dataclass(frozen=True, eq=False)
class Gradients:
    """tables: [n, 64]. rows: [n_rows, S]. inputs: [n, 6, n_places, Want.inputs]."""

    tables: Array
    rows: Float32Array | None = None
    inputs: Float32Array | None = None


class Kept(Protocol):
    """What a layer keeps of a batch until gradients come back."""

    def backward(self, upstream: Float32Array, want: Want) -> Gradients:
        """upstream: at what the layer gave, [n * n_places, S]."""


class TableForm(Protocol):
    """sample: the type of samples."""

    @property
    def sample(self) -> type[Any]: ...

    def forward(
        self, tables: Float32Array, wiring: Wiring, samples: Array, space: Workspace
    ) -> tuple[Array, Kept]:
        """What the layer gives [n * n_places, S] for samples [n_rows, S]. space: where arrays lie,
        up to the next batch."""

    def hardened(self, tables: Float32Array, counts: Int64Array) -> Words:
        """Tables of bits; counts [n, 64]: how often each entry is read."""
