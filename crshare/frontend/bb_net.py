"""BinaryBrain's own file (.bb_net) of a LUT network, read by its layout: the sandbox's side.

A tree of objects, little-endian: `BB_OBJ`, a version, a class name, then the class's own fields;
lists and texts begin with their length. Layouts are those of BinaryBrain 4.3; others are refused.
"""

import struct
from dataclasses import dataclass
from math import prod

import numpy as np

from crshare.arrays import Array, Float64Array
from crshare.errors import ModelFormatError
from crshare.frontend.lut_layers import Tables, network_of_tables
from crshare.network.graph import Network
from crshare.network.lut_ops import MAX_INPUTS

MAGIC = b"BB_OBJ"
MAX_NAME, MAX_DIMENSIONS, MAX_LAYERS = 200, 8, 256
READ = "crshare reads RealToBinary, DifferentiableLut layers and BinaryToReal of BinaryBrain 4.3"
FP32 = 0x120  # BinaryBrain's number for float32


@dataclass(slots=True)
class Reader:
    """Bytes from a place on."""

    content: bytes
    place: int = 0

    def take(self, n: int) -> bytes:
        found = self.content[self.place : self.place + n]
        if n < 0 or len(found) < n:
            raise ModelFormatError(f"ends early, at byte {self.place}")
        self.place += n
        return found

    def number(self) -> int:
        return int.from_bytes(self.take(8), "little", signed=True)

    def flag(self) -> bool:
        return self.take(1) != b"\0"

    def real(self) -> float:
        return float(struct.unpack("<f", self.take(4))[0])

    def text(self) -> str:
        length = self.number()
        if not 0 <= length <= MAX_NAME:
            raise ModelFormatError(f"claims a name of {length} bytes, at byte {self.place}")
        return self.take(length).decode("latin-1")

    def shape(self) -> tuple[int, ...]:
        n = self.number()
        if not 0 <= n <= MAX_DIMENSIONS:
            raise ModelFormatError(f"claims {n} dimensions, at byte {self.place}")
        return tuple(self.number() for _ in range(n))

    def expect(self, what: str, *values: int) -> int:
        found = self.number()
        if found not in values:
            raise ModelFormatError(f"has {what} {found}, at byte {self.place}; {READ}")
        return found

    def begin(self, name: str) -> str:
        """The head of an object whose class begins with `name`, up to its first own field."""
        if self.take(len(MAGIC)) != MAGIC:
            raise ModelFormatError(f"has no object at byte {self.place}; {READ}")
        self.expect("an object of version", 1)
        found = self.text()
        if not found.startswith(name):
            raise ModelFormatError(f"has a {found[:40]} where a {name or 'layer'} is read; {READ}")
        return found

    def model(self) -> None:
        """What every layer begins with: its version, and the base class with the layer's name."""
        self.expect("a layer of version", 1)
        self.expect("a base class of version", 1)
        self.text()


@dataclass(frozen=True, slots=True)
class Modulated:
    """What a RealToBinary says: the shape of its input [.., rows, columns], and its frames."""

    shape: tuple[int, ...]
    frames: int


def read_bb_net(content: bytes) -> Network:
    """The network of a file; ModelFormatError where it is none that is read."""
    reader = Reader(content)
    reader.begin("Sequential")
    reader.expect("a Sequential of version", 2)
    reader.text()
    n_layers = reader.expect("layers", *range(3, MAX_LAYERS))
    modulated = _real_to_binary(reader)
    tables = tuple(_differentiable_lut(reader) for _ in range(n_layers - 2))
    n_classes = _binary_to_real(reader, modulated.frames)
    if reader.place != len(content):
        raise ModelFormatError(f"goes on after its last layer, at byte {reader.place}; {READ}")
    return network_of_tables(modulated.shape, tables, modulated.frames, n_classes)


def _real_to_binary(reader: Reader) -> Modulated:
    reader.begin("RealToBinary")
    reader.model()
    binary = reader.flag()
    given, found = reader.shape(), reader.shape()
    reader.expect("points", prod(given))
    for _ in range(2):
        reader.expect("a depth of", 1)
    frames = reader.number()
    reader.expect("thresholds side by side", 1)
    generated, low, high, framewise = reader.flag(), reader.real(), reader.real(), reader.flag()
    if not binary or given != found or (low, high) != (0.0, 1.0) or generated or framewise:
        raise ModelFormatError(
            "has a RealToBinary other than of evenly spread thresholds from 0 to 1; train it so"
        )
    return Modulated(given, frames)


def _differentiable_lut(reader: Reader) -> Tables:
    name = reader.begin("DifferentiableLut")
    n_inputs = int(name[len("DifferentiableLut") :].split("_")[0] or 0)
    if not 0 < n_inputs <= MAX_INPUTS:
        raise ModelFormatError(f"has a {name[:40]}, whose tables are not of 1 to {MAX_INPUTS}")
    reader.model()
    _, binarised, binary, normalised, _ = (reader.flag() for _ in range(5))
    n_given, n_nodes = prod(reader.shape()), prod(reader.shape())
    connections = _connections(reader, n_nodes, n_inputs)
    if connections.min(initial=0) < 0 or connections.max(initial=0) >= n_given:
        raise ModelFormatError(f"has a {name[:40]} that reads what is not there; {READ}")
    weights = _typed(reader, (n_nodes, 1 << n_inputs))
    bias, _, gamma, beta = (reader.real() for _ in range(4))
    mean, _ = _tensor(reader, (n_nodes,)), _tensor(reader, (n_nodes,))
    if not binary or binarised or (normalised and not (gamma > 0 and beta == 0.5)):
        raise ModelFormatError(
            f"has a {name[:40]} that is not binary, binarises its weights or has another beta than "
            f"0.5; {READ}"
        )
    limit = mean.astype(np.float64) if normalised else np.full(n_nodes, 0.5)
    return Tables(connections.astype(np.int32), hardened(weights.astype(np.float64), bias, limit))


def hardened(weights: Float64Array, bias: float, mean: Float64Array) -> Array:
    """Tables uint64 [nodes] of a differentiable LUT's weights [nodes, 2**k].

    Inputs of 1/2 - bias and 1/2 + bias stand for 0 and 1. An entry is 1 where the sum of all
    weights, each times the product of its inputs' probabilities, is above the node's mean.
    """
    mixed, kernel = np.ones((1, 1)), np.array([[0.5 + bias, 0.5 - bias], [0.5 - bias, 0.5 + bias]])
    while len(mixed) < weights.shape[1]:
        mixed = np.kron(mixed, kernel)
    bits = weights @ mixed > mean[:, None]
    powers = np.uint64(1) << np.arange(weights.shape[1], dtype=np.uint64)
    tables: Array = (bits * powers).sum(axis=1, dtype=np.uint64)
    return tables


def _binary_to_real(reader: Reader, frames: int) -> int:
    """The number of classes."""
    reader.begin("BinaryToReal")
    reader.model()
    for _ in range(2):
        reader.flag()
    reader.expect("frames to add up", frames)
    reader.expect("nodes to add up beside each other", 1)
    _, found = reader.shape(), reader.shape()
    return prod(found)


def _connections(reader: Reader, n_nodes: int, n_inputs: int) -> Array:
    reader.begin(f"FixedSizeConnectionTable{n_inputs}_int32")
    for _ in range(2):
        reader.expect("a table of connections of version", 1)
    reader.text()
    reader.shape(), reader.shape()
    return _tensor(reader, (n_nodes, n_inputs), "<i4")


def _typed(reader: Reader, shape: tuple[int, ...]) -> Array:
    """A tensor that tells its type."""
    reader.begin("Tensor")
    reader.expect("a tensor of version", 1)
    reader.text()
    if int.from_bytes(reader.take(4), "little") != FP32:
        raise ModelFormatError(f"has weights that are no float32; {READ}")
    return _entries(reader, shape, "<f4")


def _tensor(reader: Reader, shape: tuple[int, ...], dtype: str = "<f4") -> Array:
    reader.begin("Tensor_int32" if dtype == "<i4" else "Tensor_fp32")
    return _entries(reader, shape, dtype)


def _entries(reader: Reader, shape: tuple[int, ...], dtype: str) -> Array:
    reader.expect("a tensor of version", 1)
    reader.text()
    reader.expect("entries from", 0)
    reader.expect("entries", prod(shape))
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    if reader.shape() != shape or reader.shape() != strides:
        raise ModelFormatError(f"has a tensor that is not {list(shape)}, row by row; {READ}")
    found = np.frombuffer(reader.take(4 * prod(shape)), dtype).reshape(shape)
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ModelFormatError("has weights that are no numbers; train it again")
    return found
