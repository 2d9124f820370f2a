"""What a layer of a LUT network computes: tables of bits, modulation of pixels, sums of classes.

After R. Fuchikami, "LUT-Network" (BinaryBrain): pixels become bits over several frames, layers of
tables with up to six inputs run on every frame, and the bits of all frames are added up by class.
"""

from dataclasses import dataclass, replace

import numpy as np

from crshare.arrays import Array, Int32Array, Words
from crshare.errors import NetworkError

MAX_INPUTS = 6  # of a table: 2**6 entries are one word
MAX_FRAMES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """BITS to BITS by tables: a node at each channel of each output position.

    connections: int32 [n_nodes, k], 0 < k <= 6: places in the node's window [kh, kw, channels],
    place (row * kw + column) * channels + channel; the same one may stand there twice. tables:
    uint64 [n_nodes]; the entry at the sum of x_j << j, input 0 least significant, is the node's bit
    (x_j is 1 for +1). Entries from 2**k on are 0. size: of the window. same: SAME, with bit 0
    around the map; else VALID.
    """

    connections: Int32Array
    tables: Words
    size: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    same: bool = False

    def __post_init__(self) -> None:
        if self.connections.ndim != 2 or self.connections.dtype != np.int32:
            raise NetworkError(
                f"connections are int32 [nodes, inputs], not {_of(self.connections)}"
            )
        if self.tables.dtype != np.uint64 or self.tables.shape != self.connections.shape[:1]:
            raise NetworkError(f"tables are one uint64 for each node, not {_of(self.tables)}")
        if not len(self.tables) or not 0 < self.n_inputs <= MAX_INPUTS:
            raise NetworkError(f"nodes have 1 to {MAX_INPUTS} inputs, not {_of(self.connections)}")
        if self.connections.min() < 0:
            raise NetworkError("connections are places of a window, which are not negative")
        if self.n_inputs < MAX_INPUTS and (self.tables >> np.uint64(self.n_entries)).any():
            raise NetworkError(f"tables of {self.n_inputs} inputs have {self.n_entries} entries")

    @property
    def n_nodes(self) -> int:
        return len(self.tables)

    @property
    def n_inputs(self) -> int:
        """Inputs of each node."""
        return self.connections.shape[1]

    @property
    def n_entries(self) -> int:
        """Entries of each table."""
        return 1 << self.n_inputs

    def widened(self) -> "Lut":
        """The same nodes as tables of six inputs; those beyond their own are the first once more,
        and change nothing."""
        given, tables = self.connections, self.tables.copy()
        for n in range(self.n_inputs, MAX_INPUTS):
            tables |= tables << np.uint64(1 << n)
        more = np.repeat(given[:, :1], MAX_INPUTS - self.n_inputs, axis=1)
        return replace(self, connections=np.concatenate([given, more], axis=1), tables=tables)


@dataclass(frozen=True, slots=True, eq=False)
class Modulate:
    """INTEGERS to BITS by several thresholds, spread in time and side by side.

    at: int32 [frames, depth, channels]. In frame f, channel d * channels + c is +1 where value c is
    >= at[f, d, c]. Layers behind it run on every frame by itself, until ClassSums adds them up.
    """

    at: Int32Array

    def __post_init__(self) -> None:
        if self.at.ndim != 3 or self.at.dtype != np.int32 or 0 in self.at.shape:
            raise NetworkError(f"modulation is int32 [frames, depth, channels], not {_of(self.at)}")
        if len(self.at) > MAX_FRAMES:
            raise NetworkError(f"modulation over {len(self.at)} frames; at most {MAX_FRAMES} are")

    @property
    def frames(self) -> int:
        return len(self.at)

    @property
    def depth(self) -> int:
        """Bits of a value in each frame."""
        return self.at.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class ClassSums:
    """BITS of a 1x1 map to the scores of C classes, INTEGERS [1, 1, C].

    Score c is weights[c] times the number of ones (+1) among the channels n with n % C == c in all
    frames, plus offsets[c]. Of equal scores the first class counts. weights, offsets: int32 [C].
    frames: as many as the modulation spreads in time.
    """

    weights: Int32Array
    offsets: Int32Array
    frames: int = 1

    def __post_init__(self) -> None:
        for array in (self.weights, self.offsets):
            if array.ndim != 1 or array.dtype != np.int32 or array.shape != self.weights.shape:
                raise NetworkError(f"a class has one int32 weight and offset, not {_of(array)}")
        if not self.n_classes:
            raise NetworkError("class sums need a class")

    @property
    def n_classes(self) -> int:
        return len(self.weights)


def class_sums(n_classes: int, frames: int = 1) -> ClassSums:
    """Plain sums: weights of 1, offsets of 0."""
    return ClassSums(np.ones(n_classes, np.int32), np.zeros(n_classes, np.int32), frames)


def modulation(
    n: int, channels: int, *, low: int = 0, high: int = 255, in_time: bool = True
) -> Modulate:
    """n even thresholds: bit f is x > (f + 1/2) / n for x = (value - low) / (high - low), exactly.

    in_time: one of them a frame; else all side by side.
    """
    if not 0 < n <= MAX_FRAMES:
        raise NetworkError(f"modulation by {n} thresholds; 1 to {MAX_FRAMES} are possible")
    odd = 2 * np.arange(n, dtype=np.int64) + 1
    at = (low + (high - low) * odd // (2 * n) + 1).astype(np.int32)
    shape = (n, 1, 1) if in_time else (1, n, 1)
    return Modulate(np.tile(at.reshape(shape), (1, 1, channels)))


def even_thresholds(
    frames: int, depth: int, channels: int, *, low: int = 0, high: int = 255
) -> Int32Array:
    """[frames, depth, channels] of frames * depth even thresholds of values from low to high; frame
    f has, at depth d, number d * frames + f."""
    even = modulation(frames * depth, channels, low=low, high=high).at
    return np.ascontiguousarray(even.reshape(depth, frames, channels).transpose(1, 0, 2))


LutOp = Lut | Modulate | ClassSums


def _of(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"
