"""Values as bytes and back, for what crosses the wall of the sandbox: data only, never pickle.

None, booleans, numbers, texts, bytes, lists, dicts and arrays of numbers; a tuple comes back as a
list, an array read-only. What is decoded may come from a reader that a file has taken over: all of
it is checked.
"""

import json
from math import prod
from typing import Any

import numpy as np

ALIGNED = 16
NUMBERS = "biuf"  # kinds of arrays
MAX_TEXT = 2**24  # bytes of all that is neither bytes nor an array

Pieces = list[bytes | memoryview]


class _Writer:
    """Collects bytes and arrays, each at a place that suits every kind of number."""

    def __init__(self) -> None:
        self.pieces: Pieces = []
        self.size = 0

    def tagged(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float() | str():
                return value
            case dict():
                return {"dict": [[self.tagged(key), self.tagged(v)] for key, v in value.items()]}
            case list() | tuple():
                return [self.tagged(part) for part in value]
            case bytes():
                return {"bytes": [self.place(memoryview(value)), len(value)]}
            case np.ndarray() if value.dtype.kind in NUMBERS:
                flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
                return {"array": [self.place(flat.data), value.dtype.str, list(value.shape)]}
            case _:
                raise TypeError(f"{type(value).__name__} does not cross the sandbox")

    def place(self, piece: memoryview) -> int:
        """The offset at which these bytes will lie."""
        offset, gap = self.size, -len(piece) % ALIGNED
        self.pieces += [piece, bytes(gap)]
        self.size += len(piece) + gap
        return offset


def encode(value: Any) -> Pieces:
    """The bytes of a value, in pieces that need not be copied together; TypeError for others."""
    writer = _Writer()
    text = json.dumps(writer.tagged(value)).encode()
    text += b" " * (-(8 + len(text)) % ALIGNED)
    return [len(text).to_bytes(8, "little"), text, *writer.pieces]


def decode(content: bytes | bytearray) -> Any:
    """The value of encoded bytes; an error of any class where they are none."""
    whole = memoryview(content).toreadonly()
    start = 8 + int.from_bytes(whole[:8], "little")
    if start > MAX_TEXT:
        raise ValueError("too much text")
    return _plain(json.loads(bytes(whole[8:start])), whole[start:])


def _plain(tree: Any, blobs: memoryview) -> Any:
    match tree:
        case {"dict": pairs}:
            return {_plain(key, blobs): _plain(value, blobs) for key, value in pairs}
        case list():
            return [_plain(part, blobs) for part in tree]
        case {"bytes": [int(offset), int(size)]}:
            if not 0 <= offset <= offset + size <= len(blobs):
                raise ValueError("bytes are missing")
            return bytes(blobs[offset : offset + size])
        case {"array": [int(offset), str(name), list(shape)]}:
            dtype = np.dtype(name)
            if dtype.kind not in NUMBERS:
                raise ValueError(f"{name} is no kind of number")
            held = np.frombuffer(blobs, dtype, count=prod(shape), offset=offset)
            return held.reshape(shape)
        case _:
            return tree
