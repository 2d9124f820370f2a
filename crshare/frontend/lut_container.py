"""The neutral form of a network, an .npz with a header of JSON: networks to it and back.

The header names each layer's operation and its plain values; array `K.field` belongs to layer K.
docs/formats.md has the table of operations. What is read is checked anew by the values themselves.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from crshare.arrays import Array
from crshare.errors import ModelFormatError, NetworkError
from crshare.files import write_bytes
from crshare.network.graph import (
    Add,
    BitPool,
    Clamp,
    ClassSums,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Halves,
    Input,
    Layer,
    Leak,
    Lut,
    MaxPool,
    Modulate,
    Multiply,
    Network,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
    Threshold,
)
from crshare.network.reference import CURVES
from crshare.typed_json import Int32

FORMAT, VERSION = "crshare network", 1
MAX_LAYERS = 4096
ADVICE = "write it with crshare export"

OPS: dict[str, type[Any]] = {
    "modulate": Modulate,
    "lut": Lut,
    "class_sums": ClassSums,
    "flatten": Flatten,
    "bit_pool": BitPool,
    "max_pool": MaxPool,
    "conv": Conv,
    "threshold": Threshold,
    "concatenate": Concatenate,
    "add": Add,
    "sum_pool": SumPool,
    "real_conv": RealConv,
    "scale": Scale,
    "sign": Sign,
    "clamp": Clamp,
    "leak": Leak,
    "quantise": Quantise,
    "curve": Curve,
    "multiply": Multiply,
    "pad": Pad,
}
NAMES = {kind: name for name, kind in OPS.items()}
DTYPES = {
    "connections": "<i4",
    "tables": "<u8",
    "at": "<i4",
    "weights": "<i4",
    "offsets": "<i4",
    "kernel": "|i1",
    "rising": "|b1",
    "all_of": "|b1",
    "bias": "<f4",
    "scale": "<f8",
    "offset": "<f8",
    "negative": "<f8",
}
REAL_KERNELS = ("<f4", "<f8")
NUMBERS = ("unit", "low", "high")  # of one value each; an array of no axis, for infinity
Size = Annotated[int, Meta(ge=1, le=2**16)]
Lines = Annotated[int, Meta(ge=0, le=2**16)]
PLAIN: dict[str, Any] = {
    "size": tuple[Size, Size],
    "strides": tuple[Size, Size],
    "dilation": tuple[Size, Size],
    "groups": Size,
    "frames": Size,
    "same": bool,
    "adjustable": bool,
    "merged": tuple[str, ...],
    "pad_value": Int32 | None,
    "before": tuple[Lines, Lines],
    "after": tuple[Lines, Lines],
    "value": Int32,
    "zero_is_plus": bool,
    "halves": Halves,
    "function": Annotated[str, Meta(pattern=f"^({'|'.join(CURVES)})$")],
}


@dataclass(frozen=True)
class InputEntry:
    """As network.Input."""

    shape: tuple[Size, Size, Size]
    multiplier: Int32 = 1
    offset: Int32 = 0
    low: Int32 = 0
    high: Int32 = 255
    stored: tuple[Size, Size, Size] | None = None
    channels_first: bool = False
    real: bool = False


@dataclass(frozen=True)
class LayerEntry:
    """name: unique. op: a key of OPS. reads: names of layers above; "" for the input. values: the
    plain fields of the operation."""

    name: str
    op: str
    reads: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """The member `header`. written_by: who made the network, for the reader's eye."""

    format: str
    version: int
    input: InputEntry
    layers: tuple[LayerEntry, ...]
    written_by: str = "crshare"


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds: the header as JSON's values, and the arrays by name."""

    header: Any
    arrays: Mapping[str, Array]


def write_lut_network(network: Network, path: Path, written_by: str = "crshare") -> None:
    """Write a network; OutputError where the file cannot be written.

    The same network gives the same bytes.
    """
    write_bytes(path, packed(contents_of(network, written_by)))


def packed(contents: Contents) -> bytes:
    """The bytes of a container."""
    text = json.dumps(contents.header).encode("ascii")
    memory = BytesIO()
    arrays = {"header": np.frombuffer(text, np.uint8), **contents.arrays}
    np.savez_compressed(memory, **arrays)
    return memory.getvalue()


def contents_of(network: Network, written_by: str = "crshare") -> Contents:
    """A network as header and arrays."""
    arrays: dict[str, Array] = {}
    entries = []
    for place, layer in enumerate(network.layers):
        kind, values = NAMES[type(layer.op)], {}
        for name in _names(type(layer.op)):
            value = getattr(layer.op, name)
            if dtypes := _dtypes(kind, name):
                array = np.asarray(value)
                kept = array.dtype.newbyteorder("<").str
                arrays[f"{place}.{name}"] = array.astype(kept if kept in dtypes else dtypes[0])
            else:
                values[name] = value
        entries.append(LayerEntry(layer.name, kind, layer.sources, values))
    given = InputEntry(**asdict(network.input))
    header = Header(FORMAT, VERSION, given, tuple(entries), written_by)
    return Contents(msgspec.to_builtins(header), arrays)


def network_of(contents: Contents) -> tuple[Network, str]:
    """The network of a header and arrays, and who wrote it; ModelFormatError where it is none."""
    try:
        header = msgspec.convert(contents.header, Header)
        if (header.format, header.version) != (FORMAT, VERSION):
            raise ModelFormatError(
                f"its header is of {header.format[:40]!r}, version {header.version}, where "
                f"{FORMAT!r}, version {VERSION}, is read; {ADVICE}"
            )
        if len(header.layers) > MAX_LAYERS:
            raise ModelFormatError(f"has more than {MAX_LAYERS} layers; {ADVICE}")
        given = header.input
        if given.low > given.high:
            raise ModelFormatError(f"its input runs from {given.low} to {given.high}; {ADVICE}")
        layers = tuple(
            _layer(place, entry, contents.arrays) for place, entry in enumerate(header.layers)
        )
        unused = contents.arrays.keys() - _expected(header)
        if unused or not layers:
            extra = f"array {min(unused)[:40]!r}, which no layer has" if unused else "no layer"
            raise ModelFormatError(f"holds {extra}; {ADVICE}")
        return Network(Input(**asdict(given)), layers), header.written_by
    except msgspec.ValidationError as error:
        raise ModelFormatError(f"its header is none ({str(error)[:160]}); {ADVICE}") from error
    except NetworkError as error:
        raise ModelFormatError(f"{error}; {ADVICE}") from error


def _layer(place: int, entry: LayerEntry, arrays: Mapping[str, Array]) -> Layer:
    kind = OPS.get(entry.op)
    if kind is None or not entry.reads or not entry.name:
        raise ModelFormatError(
            f"layer {place} is no layer with a name, an operation of {', '.join(OPS)} and what it "
            f"reads; {ADVICE}"
        )
    names = _names(kind)
    others = entry.values.keys() - set(names)
    if others:
        raise ModelFormatError(f"layer {place} has a value {min(others)[:40]!r}; {ADVICE}")
    values: dict[str, Any] = {}
    for name in names:
        if dtypes := _dtypes(entry.op, name):
            values[name] = _array(f"{place}.{name}", arrays, dtypes)
            values[name] = float(values[name]) if name in NUMBERS else values[name]
        elif name in entry.values:
            values[name] = msgspec.convert(entry.values[name], PLAIN[name])
    try:
        op: Op = kind(**values)
    except TypeError as error:
        raise ModelFormatError(f"layer {place} lacks a value of {entry.op}; {ADVICE}") from error
    return Layer(entry.name, op, entry.reads[0], entry.reads[1:])


def _array(name: str, arrays: Mapping[str, Array], dtypes: tuple[str, ...]) -> Array:
    found = arrays.get(name)
    if found is None or all(found.dtype != np.dtype(dtype) for dtype in dtypes):
        raise ModelFormatError(f"holds no array {name!r} of {np.dtype(dtypes[0])}; {ADVICE}")
    is_number = name.rpartition(".")[2] in NUMBERS
    if np.isnan(found).any() or not (is_number or np.isfinite(found).all()):
        raise ModelFormatError(f"holds NaN or infinity in {name!r}; {ADVICE}")
    if is_number and found.shape:
        raise ModelFormatError(f"holds several values in {name!r}, where one is read; {ADVICE}")
    return found.astype(found.dtype.newbyteorder("="), order="C")


def _expected(header: Header) -> set[str]:
    return {
        f"{place}.{name}"
        for place, entry in enumerate(header.layers)
        for name in _names(OPS[entry.op])
        if _dtypes(entry.op, name)
    }


def _names(kind: type[Any]) -> list[str]:
    return [part.name for part in fields(kind)]


def _dtypes(op: str, name: str) -> tuple[str, ...]:
    """The types that the array of a field of an operation may have; none for a plain value."""
    if (op, name) == ("real_conv", "kernel"):
        return REAL_KERNELS
    if name in NUMBERS:
        return ("<f8",)
    return (DTYPES[name],) if name in DTYPES else ()
