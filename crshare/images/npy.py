"""The header of an array in the .npy format, read by a grammar of its own: nothing is evaluated.

Arrays of plain numbers, row by row, are all that is taken; text, records, dates and objects are
refused before a byte of theirs is read.
"""

import re
from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np

MAGIC = b"\x93NUMPY"
LENGTH_BYTES = {1: 2, 2: 4, 3: 4}  # by the format's version
MAX_HEADER = 10_000  # bytes; numpy itself reads no more
MAX_AXES = 8
MAX_ENTRIES = 2**40

TEXT = r"(?:'[^'\\]*'|\"[^\"\\]*\")"
SHAPE = r"\((?: ?[0-9]{1,19}L? ?,)*(?: ?[0-9]{1,19}L?)? ?\)"  # L: as Python 2 wrote them
PAIR = rf" ?{TEXT} ?: ?(?:{TEXT}|True|False|{SHAPE}) ?"
HEADER = re.compile(rf"\{{{PAIR},{PAIR},{PAIR},? ?\}} ?")
ENTRY = re.compile(rf"({TEXT}) ?: ?({TEXT}|True|False|{SHAPE})")
NUMBERS = re.compile(r"[<>=|]?(?:b1|[iu][1248]|f[48])")
WHICH = "integers, float32, float64 or bool"


class NpyError(ValueError):
    """A header is none, or is one of an array that crshare does not take."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an array is, and of how many bytes the header was that said so."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    length: int

    def __post_init__(self) -> None:
        if not 1 <= len(self.shape) <= MAX_AXES or prod(n or 1 for n in self.shape) > MAX_ENTRIES:
            raise NpyError(f"its shape {str(list(self.shape))[:60]} is none of a set of images")

    @property
    def entry_bytes(self) -> int:
        """Of one entry along the first axis."""
        return self.dtype.itemsize * prod(self.shape[1:])

    @property
    def n_bytes(self) -> int:
        """Of the entries, which follow the header."""
        return self.shape[0] * self.entry_bytes


def read_header(file: IO[bytes]) -> Header:
    """The header that an array begins with; NpyError where it is none that crshare takes."""
    start = file.read(len(MAGIC) + 2)
    n = LENGTH_BYTES.get(start[-2], 0) if len(start) == len(MAGIC) + 2 else 0
    if not n or not start.startswith(MAGIC):
        raise NpyError("it is no array of the .npy format")
    length = int.from_bytes(file.read(n), "little")
    if length > MAX_HEADER:
        raise NpyError(f"its header has {length:,} bytes, where {MAX_HEADER:,} are read")
    found = _fields(file.read(length).decode("latin-1"))
    shape = _shape(found["fortran_order"], found["shape"])
    return Header(_dtype(found["descr"]), shape, len(start) + n + length)


def _fields(text: str) -> dict[str, str]:
    """The three fields of a header, each as text."""
    plain = " ".join(text.split())
    found = {key[1:-1]: value for key, value in ENTRY.findall(plain)}
    if not HEADER.fullmatch(plain) or found.keys() != {"descr", "fortran_order", "shape"}:
        raise NpyError("its header is none of an array of numbers")
    return found


def _dtype(text: str) -> np.dtype[Any]:
    if not NUMBERS.fullmatch(text[1:-1]):
        raise NpyError(f"its entries are {ascii(text[1:-1])[:40]}; expected {WHICH}")
    return np.dtype(text[1:-1])


def _shape(column_by_column: str, text: str) -> tuple[int, ...]:
    if column_by_column != "False":
        raise NpyError("it is stored column by column; write numpy.ascontiguousarray of it")
    if not text.startswith("("):
        raise NpyError("its header is none of an array of numbers")
    return tuple(int(digits) for digits in re.findall("[0-9]+", text))
