"""The last LUT layers of a network as gates on rows of bits: what a search changes and runs.

A row holds one bit for every image and frame. A node of a layer is a gate at each position of its
map; pooling is a gate, too. Only layers of tables, poolings of bits and Flatten up to the sums by
class are taken: `start` is the layer (or the input's modulation) before the first of them.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from crshare.arrays import Array, Int32Array, Int64Array, Words
from crshare.errors import PlanError
from crshare.executor.execute import compile_part
from crshare.network.bits import WORD, unpack
from crshare.network.graph import (
    INPUT,
    BitPool,
    ClassSums,
    Flatten,
    Layer,
    Lut,
    Network,
    extent,
    signal_after,
)
from crshare.network.lut_ops import MAX_INPUTS
from crshare.network.truth_tables import full

LANES = 8  # rows are whole eights of words
NO_ROW = -1


@dataclass(frozen=True, eq=False)
class Gates:
    """values: words [rows, words]: the inputs, the gates, and a row of zeros, which stands for what
    lies outside of a map. Gates are not run yet.

    inputs: int32 [gates, 6] of rows; where a gate has fewer inputs, that of the first. tables:
    uint64 [gates], of six inputs. level: int32 [gates], rising: gates read lower ones. first_gate,
    n_positions: of each LUT layer; its gates follow position by position. outputs: rows that are
    added up. frames: of each image, out of `of_frames` of the network.
    """

    network: Network
    start: str
    n_images: int
    frames: int
    values: Words
    inputs: Int32Array
    tables: Words
    level: Int32Array
    luts: tuple[Layer, ...]
    first_gate: tuple[int, ...]
    n_positions: tuple[int, ...]
    outputs: Int64Array

    @property
    def of_frames(self) -> int:
        """That the network spreads an image over."""
        return self.network.signals[self.start].frames

    @property
    def n_inputs(self) -> int:
        """Rows before the first gate."""
        return len(self.values) - 1 - len(self.tables)

    @property
    def sums(self) -> ClassSums:
        op = self.network.layers[-1].op
        assert isinstance(op, ClassSums)
        return op

    @cached_property
    def first_node(self) -> tuple[int, ...]:
        """The number of the first node of each LUT layer, and at last of all nodes."""
        sizes = [_lut(layer).n_nodes for layer in self.luts]
        return tuple(int(n) for n in np.cumsum([0, *sizes]))

    def rows_of(self, layer: int) -> slice:
        """The rows of a LUT layer, position by position."""
        first = self.n_inputs + self.first_gate[layer]
        return slice(first, first + self.n_positions[layer] * _lut(self.luts[layer]).n_nodes)


def start_of(network: Network) -> str:
    """The layer before the last layers that are tables; PlanError where the last ones are none."""
    if not isinstance(network.layers[-1].op, ClassSums):
        raise PlanError("a LUT network is planned up to its sums by class, which this one has not")
    at = network.layers[-1].source
    first = ""
    by_name = {layer.name: layer for layer in network.layers}
    while at in by_name and isinstance(by_name[at].op, Lut | BitPool | Flatten):
        layer = by_name[at]
        if len(network.readers_of(at)) > 1:
            break
        if isinstance(layer.op, Lut):
            first = at
        at = layer.source
    if not first:
        raise PlanError("no layer of tables leads to the sums by class; there is nothing to plan")
    return by_name[first].source


def n_bits(network: Network) -> int:
    """Of all gates that are tables, for one frame of an image."""
    start = _place(network, start_of(network))
    signals = (
        network.signals[la.name] for la in network.layers[start + 1 :] if isinstance(la.op, Lut)
    )
    return sum(prod(signal.shape) for signal in signals)


def n_frames(network: Network) -> int:
    """That an image is spread over."""
    return network.signals[start_of(network)].frames


def gates_of(network: Network, images: Array, frames: int | None = None) -> Gates:
    """The gates of the last LUT layers, run on images [n, h, w, c].

    frames: so many of each image, far from each other, the next image's one further; None: all.
    """
    start = start_of(network)
    frames = frames or n_frames(network)
    given = _sliced(network, start, images, frames)
    build = _Builder(network, start, given)
    for layer in network.layers[_place(network, start) + 1 : -1]:
        build.add(layer)
    return build.gates(len(images), frames)


def _place(network: Network, name: str) -> int:
    names = [INPUT, *(layer.name for layer in network.layers)]
    return names.index(name) - 1


def _sliced(network: Network, start: str, images: Array, frames: int) -> Words:
    """Rows of the channels at each position of layer `start`: images of frame 0, then of frame 1.

    The images of a frame fill whole eights of words; bits of no image are 0.
    """
    signal = network.signals[start]
    words = compile_part(network, start=INPUT, targets=(start,)).run(images)[start]
    bits = unpack(words, signal.shape[2]) > 0
    by_frame = bits.reshape(len(images), signal.frames, -1)
    if frames < signal.frames:
        first = np.arange(len(images))[:, None]
        kept = (first + np.arange(frames) * signal.frames // frames) % signal.frames
        by_frame = by_frame[first, kept]
    padding = -len(images) % (WORD * LANES)
    padded = np.pad(by_frame, ((0, padding), (0, 0), (0, 0))).transpose(2, 1, 0)
    packed = np.packbits(padded, axis=2, bitorder="little")
    return np.ascontiguousarray(packed).view("<u8").reshape(len(packed), -1)


class _Builder:
    """Gates layer by layer; `map` holds the rows of the map so far, [h, w, channels]."""

    def __init__(self, network: Network, start: str, given: Words) -> None:
        self.network, self.start, self.given = network, start, given
        self.map = np.arange(len(given), dtype=np.int64).reshape(network.signals[start].shape)
        self.inputs: list[Int32Array] = []
        self.tables: list[Words] = []
        self.luts: list[Layer] = []
        self.first_gate: list[int] = []
        self.n_positions: list[int] = []

    @property
    def n_gates(self) -> int:
        return sum(map(len, self.tables))

    def add(self, layer: Layer) -> None:
        match layer.op:
            case Flatten():
                self.map = self.map.reshape(1, 1, -1)
            case Lut() as op:
                self.luts.append(layer)
                self.first_gate.append(self.n_gates)
                windows = self._windows(layer, op.size, op.strides, same=op.same)
                rows = windows.reshape(*windows.shape[:2], -1)[:, :, op.connections]
                self.n_positions.append(rows.shape[0] * rows.shape[1])
                self._gates(rows, np.tile(op.widened().tables, self.n_positions[-1]))
            case BitPool() as op:
                self._pool(layer, op)
            case op:
                raise PlanError(f"layer {layer.name} ({type(op).__name__}) is no layer of tables")

    def _windows(
        self, layer: Layer, size: tuple[int, int], strides: tuple[int, int], *, same: bool
    ) -> Int64Array:
        """[rows, columns, taps, channels] of the windows of a layer; NO_ROW outside of the map."""
        height, width, channels = self.map.shape
        rows, columns, _ = signal_after(layer.op, self.network.input_of(layer)).shape
        top, left = (
            extent(self.map.shape[axis], size[axis], strides[axis], same=same)[1]
            for axis in range(2)
        )
        found = np.full((rows, columns, size[0] * size[1], channels), NO_ROW, np.int64)
        for i, j in np.ndindex(rows, columns):
            for tap, (y, x) in enumerate(np.ndindex(*size)):
                at = i * strides[0] - top + y, j * strides[1] - left + x
                if 0 <= at[0] < height and 0 <= at[1] < width:
                    found[i, j, tap] = self.map[at]
        return found

    def _pool(self, layer: Layer, op: BitPool) -> None:
        """Trees of gates for the windows; what lies outside is left out."""
        windows = self._windows(layer, op.size, op.strides, same=op.same)
        rows, columns, _, channels = windows.shape
        every = np.tile(op.all_of, rows * columns)
        taps = windows.transpose(0, 1, 3, 2).reshape(rows * columns * channels, -1)
        taps = np.where(taps == NO_ROW, taps.max(axis=1, keepdims=True), taps)
        while taps.shape[1] > 1:
            parts = []
            for first in range(0, taps.shape[1], MAX_INPUTS):
                some = taps[:, first : first + MAX_INPUTS]
                k = some.shape[1]
                tables = np.where(every, _table(1 << (full_index(k)), k), _table(full(k) - 1, k))
                parts.append(self._gates(some, tables.astype(np.uint64)))
            taps = np.stack(parts, axis=1)
        self.map = taps[:, 0].reshape(rows, columns, channels)

    def _gates(self, rows: Int64Array, tables: Words) -> Int64Array:
        """Gates [.., k] of rows and their tables; gives their own rows, and keeps them as map."""
        flat = rows.reshape(-1, rows.shape[-1])
        k = flat.shape[1]
        wide = np.concatenate([flat, np.repeat(flat[:, :1], MAX_INPUTS - k, axis=1)], axis=1)
        first = len(self.given) + self.n_gates
        self.inputs.append(wide.astype(np.int32))
        self.tables.append(tables)
        made = np.arange(first, first + len(flat), dtype=np.int64)
        self.map = made.reshape(rows.shape[:-1]) if rows.ndim == 4 else self.map
        return made

    def gates(self, n_images: int, frames: int) -> Gates:
        inputs, tables = np.concatenate(self.inputs), np.concatenate(self.tables)
        level = np.repeat(np.arange(len(self.tables), dtype=np.int32), [*map(len, self.tables)])
        n_rows, n_words = len(self.given) + len(tables), self.given.shape[1]
        inputs[inputs == NO_ROW] = n_rows
        values = np.zeros((n_rows + 1, n_words), np.uint64)
        values[: len(self.given)] = self.given
        return Gates(
            network=self.network,
            start=self.start,
            n_images=n_images,
            frames=frames,
            values=values,
            inputs=inputs,
            tables=tables,
            level=level,
            luts=tuple(self.luts),
            first_gate=tuple(self.first_gate),
            n_positions=tuple(self.n_positions),
            outputs=self.map.reshape(-1),
        )


def full_index(k: int) -> int:
    """The last entry of a table of k inputs."""
    return (1 << k) - 1


def _table(table: int, k: int) -> np.uint64:
    for n in range(k, MAX_INPUTS):
        table |= table << (1 << n)
    return np.uint64(table)


def _lut(layer: Layer) -> Lut:
    assert isinstance(layer.op, Lut)
    return layer.op
