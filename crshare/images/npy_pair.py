"""Images and labels as two .npy files that lie side by side, as numpy.save writes them.

The file of the images is named; that of the labels has its name with one word exchanged: x_test.npy
and y_test.npy, images.npy and labels.npy.
"""

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from crshare.errors import DataError
from crshare.files import open_regular
from crshare.images.npy import Header, NpyError, read_header
from crshare.images.npz import PackedArray, boundary

ADVICE = "expected an array of images [n,h,w,c] as numpy.save writes it, or an .npz file"
AGAIN = "write the file again with numpy.save"
LABELS = {"images": "labels", "data": "labels", "features": "labels", "x": "y", "X": "y"}
OTHER_CASE = {"y": "Y"}
WORDS = re.compile(r"[A-Za-z]+")


class NpyPair:
    """The arrays `images` and `labels` of two files. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        paths = {"images": path, "labels": labels_beside(path)}
        self._files = {name: open_regular(each, DataError, ADVICE) for name, each in paths.items()}
        self._paths = paths

    def __enter__(self) -> "NpyPair":
        return self

    def __exit__(self, *raised: object) -> None:
        for file in self._files.values():
            file.close()

    @property
    def names(self) -> set[str]:
        return set(self._files)

    def __getitem__(self, name: str) -> PackedArray:
        return PackedArray(self, name)

    def begin(self, name: str) -> tuple[Header, IO[bytes]]:
        """An array's header, and the file of its entries."""
        with self.boundary(f"its {name} cannot be read", AGAIN):
            file = self._files[name]
            file.seek(0)
            header = read_header(file)
            n_bytes = self._paths[name].stat().st_size - header.length
            if header.n_bytes != n_bytes:
                raise NpyError(f"its shape {list(header.shape)} is not that of {n_bytes:,} bytes")
            return header, file

    def boundary(self, what: str, advice: str) -> AbstractContextManager[None]:
        """Whatever is raised in the block becomes one sentence."""
        return boundary(self.path, what, advice)


def labels_beside(path: Path) -> Path:
    """The file of the labels of a file of images; DataError where there is none."""
    word = next((found for found in WORDS.finditer(path.stem) if found[0] in LABELS), None)
    if word is None:
        raise DataError(
            f"{path}: its name does not tell which file holds its labels; call the two x.npy and "
            "y.npy or images.npy and labels.npy, or give an .npz file with both"
        )
    other = LABELS[word[0]]
    stems = [
        path.stem[: word.start()] + name + path.stem[word.end() :]
        for name in (other, OTHER_CASE.get(other, other))
    ]
    beside = [path.with_name(f"{stem}.npy") for stem in stems]
    found = next((each for each in beside if each.exists()), None)
    if found is None:
        raise DataError(
            f"{path}: its labels should lie beside it in {beside[0].name}, which is not there"
        )
    return found
