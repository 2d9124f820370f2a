"""Which places of its window each node reads, and the rows of samples that these are."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Int32Array, Int64Array
from crshare.lut_recipes import Choice
from crshare.train.lutnet.kernels import N_INPUTS

Shape = tuple[int, int, int]  # rows, columns, channels


def choose(choice: Choice, n_nodes: int, n_places: int, rng: np.random.Generator) -> Int32Array:
    """[n, k]: k = 6 places of each node, or all where there are fewer; none twice in a node.

    All places are used about equally often.
    """
    k = min(N_INPUTS, n_places)
    if choice is Choice.SERIAL:
        return (np.arange(n_nodes * k, dtype=np.int32) % n_places).reshape(n_nodes, k)
    return np.stack(_dealt(n_nodes, n_places, k, rng)).astype(np.int32)


def _dealt(n_nodes: int, n_places: int, k: int, rng: np.random.Generator) -> list[Int64Array]:
    """Hands of k places from a pack that is shuffled anew whenever it runs out."""
    pack, hands = rng.permutation(n_places), []
    for _ in range(n_nodes):
        hand = pack[:k]
        pack = pack[k:]
        if len(hand) < k:
            fresh = rng.permutation(n_places)
            repeated = np.isin(fresh, hand)
            fresh = np.concatenate([fresh[~repeated], fresh[repeated]])
            hand, pack = np.concatenate([hand, fresh[: k - len(hand)]]), fresh[k - len(hand) :]
        hands.append(hand)
    return hands


@dataclass(frozen=True, eq=False)
class Wiring:
    """A layer's connections on a map. rows [n, 6]: of samples [channels * rows * columns, S], at
    the map's first place. offsets [n_places]: of the others. given, shape: of the map that is read,
    and of the one that the layer gives."""

    rows: Int64Array
    offsets: Int64Array
    given: Shape
    shape: Shape

    @property
    def n_rows(self) -> int:
        height, width, channels = self.given
        return height * width * channels


def wire(
    connections: Int32Array, given: Shape, size: tuple[int, int], strides: tuple[int, int]
) -> Wiring:
    """Connections as network.lut_ops numbers them, (row * width + column) * channels + channel, on
    windows that lie within the map. A node of fewer inputs reads its first one for the others."""
    rows = rows_of(connections, given, size)
    missing = N_INPUTS - rows.shape[1]
    rows = np.concatenate([rows, np.repeat(rows[:, :1], missing, axis=1)], axis=1)
    down = (given[0] - size[0]) // strides[0] + 1
    right = (given[1] - size[1]) // strides[1] + 1
    offsets = np.arange(down)[:, None] * strides[0] * given[1] + np.arange(right) * strides[1]
    return Wiring(rows, offsets.ravel(), given, (down, right, len(connections)))


def rows_of(places: Int32Array, given: Shape, size: tuple[int, int]) -> Int64Array:
    """The rows of samples that places of the first window are."""
    height, width, channels = given
    position, channel = np.divmod(places.astype(np.int64), channels)
    row, column = np.divmod(position, size[1])
    rows: Int64Array = (channel * height + row) * width + column
    return rows
