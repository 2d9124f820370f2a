"""Arrays of an .npz file, unpacked while they are used, so that no data set need fit in memory.

The one boundary around zipfile, zlib and whatever they raise. An array's size is known from its
header before a byte of it is unpacked, and must be that of its member; so memory grows with what is
read, never with what a file claims.
"""

import os
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from crshare.errors import DataError
from crshare.files import open_regular
from crshare.images.npy import Header, NpyError, read_header
from crshare.zip_members import packing_refused

ADVICE = "expected an .npz file with arrays `images` [n,h,w,c] and `labels` [n]"
AGAIN = "write the file again with numpy.savez"
LARGE = 2**28  # bytes
MAX_RATIO = 100  # of a large member's bytes to its packed ones; those of images are below 20
AT_ONCE = 2**20  # bytes


@contextmanager
def boundary(path: Path, what: str, advice: str) -> Iterator[None]:
    """Whatever is raised in the block becomes one sentence about a file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise DataError(f"{path}: {what} ({reason}); {advice}") from error


class Npz:
    """The arrays of a file by name. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = open_regular(path, DataError, ADVICE)
        try:
            with self.boundary("cannot be read", ADVICE):
                self._archive = zipfile.ZipFile(_Sips(self._file))
        except DataError:
            self._file.close()
            raise

    def __enter__(self) -> "Npz":
        return self

    def __exit__(self, *raised: object) -> None:
        self._archive.close()
        self._file.close()

    @property
    def names(self) -> set[str]:
        """Of the arrays that the file lists."""
        with self.boundary("cannot be read", ADVICE):
            listed = (info.filename for info in self._archive.infolist())
            return {name.removesuffix(".npy") for name in listed if name.endswith(".npy")}

    def __getitem__(self, name: str) -> "PackedArray":
        """An array, still packed; DataError where it is none that crshare reads."""
        return PackedArray(self, name)

    def begin(self, name: str) -> tuple[Header, IO[bytes]]:
        """An array's header, and the file of its entries."""
        with self.boundary(f"array {name!r} cannot be read", AGAIN):
            info = self._member(name)
            content = self._archive.open(info)
            header = read_header(content)
            if header.length + header.n_bytes != info.file_size:
                n_bytes = info.file_size - header.length
                raise NpyError(f"its shape {list(header.shape)} is not that of {n_bytes:,} bytes")
            return header, content

    def boundary(self, what: str, advice: str) -> AbstractContextManager[None]:
        """Whatever is raised in the block becomes one sentence."""
        return boundary(self.path, what, advice)

    def _member(self, name: str) -> zipfile.ZipInfo:
        found = [info for info in self._archive.infolist() if info.filename == f"{name}.npy"]
        if not found:
            raise DataError(f"{self.path}: holds no array named {name!r}; {ADVICE}")
        if len(found) > 1:
            raise NpyError("the file holds two of that name")
        if refusal := next(self._refusals(found[0]), None):
            raise NpyError(refusal)
        return found[0]

    def _refusals(self, info: zipfile.ZipInfo) -> Iterator[str]:
        packed = info.compress_size
        if reason := packing_refused(info, "numpy"):
            yield f"it {reason}"
        if packed > os.fstat(self._file.fileno()).st_size:
            yield f"it claims {packed:,} bytes of a smaller file"
        if info.file_size > max(LARGE, MAX_RATIO * packed):
            yield f"it claims {info.file_size:,} bytes packed in {packed:,}, as no images are"


class Arrays(Protocol):
    """Arrays in files, by name."""

    def begin(self, name: str) -> tuple[Header, IO[bytes]]:
        """An array's header, and the file of its entries."""

    def boundary(self, what: str, advice: str) -> AbstractContextManager[None]:
        """Whatever is raised in the block becomes one sentence."""


class PackedArray:
    """An array [n, ...] of one of several in files, as slices that follow one another.

    A slice that begins before the last one's end starts the array again.
    """

    def __init__(self, arrays: Arrays, name: str) -> None:
        self._arrays, self._name = arrays, name
        self._header, self._content = arrays.begin(name)
        self.shape, self.dtype = self._header.shape, self._header.dtype
        self._next = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        first, last, _ = rows.indices(len(self))
        if first < self._next:
            _, self._content = self._arrays.begin(self._name)
            self._next = 0
        for _ in self._unpacked(first - self._next):
            pass
        n = max(last - first, 0)
        content = bytearray()
        for piece in self._unpacked(n):
            content += piece
        return np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])

    def _unpacked(self, n: int) -> Iterator[bytes]:
        """The next n entries, in pieces."""
        left = n * self._header.entry_bytes
        self._next += n
        while left:
            with self._arrays.boundary(f"array {self._name!r} is damaged", AGAIN):
                piece = self._content.read(min(left, AT_ONCE))
                if not piece:
                    raise NpyError("it ends early")
            left -= len(piece)
            yield piece


class _Sips:
    """A file that is read in pieces of no more than a size, which keeps zipfile to it as well."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, n: int = -1) -> bytes:
        if n > AT_ONCE:
            raise NpyError(f"its list of arrays has {n:,} bytes, where {AT_ONCE:,} are read")
        return self._file.read(n if n >= 0 else AT_ONCE)
