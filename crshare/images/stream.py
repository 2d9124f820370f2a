"""Images read from an .npz file while they are used, so that no data set need fit in memory."""

import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from crshare.errors import DataError

npy: Any = np.lib.format  # numpy does not type the functions that read a header
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class ImageStream:
    """An array [n, ...] of an .npz file, as slices that follow one another.

    A slice that begins before the last one's end starts the file again. Use as a context manager.
    """

    def __init__(self, path: Path, name: str = "images") -> None:
        self._path, self._name = path, name
        try:
            self._archive = zipfile.ZipFile(path)
            self._member = self._begin()
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: array {name!r} cannot be read ({error}); expected an .npz file"
            ) from error

    def __enter__(self) -> "ImageStream":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._member.close()
        self._archive.close()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        first, last, _ = rows.indices(len(self))
        if first < self._next:
            self._member.close()
            self._member = self._begin()
        self._read(first - self._next)
        return self._read(max(last - first, 0))

    def _begin(self) -> IO[bytes]:
        member = self._archive.open(f"{self._name}.npy")
        version = npy.read_magic(member)
        if version not in HEADERS:
            raise ValueError(f"version {version} of the .npy format")
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = HEADERS[version](member)
        self.shape, columns_first, self.dtype = header
        if columns_first or self.dtype.hasobject or not self.shape:
            raise ValueError(f"{self.dtype} {list(self.shape)}, column by column or objects")
        self._next = 0
        return member

    def _read(self, n: int) -> npt.NDArray[Any]:
        """The next n entries."""
        wanted = n * self.dtype.itemsize * int(np.prod(self.shape[1:]))
        try:
            content = self._member.read(wanted)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self._path}: array {self._name!r} is damaged ({error}); write the file again"
            ) from error
        if len(content) < wanted:
            raise DataError(f"{self._path}: array {self._name!r} ends early; write the file again")
        self._next += n
        return np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])
