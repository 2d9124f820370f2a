"""Labelled images from an .npz file, checked against what a network expects."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import DataError
from crshare.images.stream import ImageStream
from crshare.network.graph import Network


@dataclass(frozen=True, eq=False)
class ImageSet:
    """images: integers [n, height, width, channels]; labels: int64 [n]; name: their origin."""

    name: str
    images: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    copies = 1

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: npt.NDArray[np.int64] | slice, name: str) -> "ImageSet":
        return ImageSet(name, self.images[rows], self.labels[rows])

    def half(self, first: int) -> "ImageSet":
        """Every second image, from image `first` on."""
        return self.take(slice(first, None, 2), f"a half of {self.name}")


def load_images(path: Path, network: Network) -> ImageSet:
    """Read `images` and `labels`; DataError says what does not fit the network."""
    with stream_images(path, network) as streamed:
        return ImageSet(streamed.name, streamed.images[:], streamed.labels)


@contextmanager
def stream_images(path: Path, network: Network) -> Iterator["StreamedSet"]:
    """The same images, read from the file while they are used; pixels are checked on their way."""
    labels = _read_labels(path)
    with ImageStream(path) as stream:
        _check_shapes(path, stream, labels, network)
        yield StreamedSet(path.name, CheckedStream(path, stream, network), labels.astype(np.int64))


@dataclass(frozen=True, eq=False)
class CheckedStream:
    """Batches of a stream as a network takes them: [n, height, width, channels], within range."""

    path: Path
    stream: ImageStream
    network: Network

    def __len__(self) -> int:
        return len(self.stream)

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        batch = self.stream[rows].reshape(-1, *self.network.input.shape)
        given = self.network.input
        if batch.size and not given.low <= batch.min() <= batch.max() <= given.high:
            raise DataError(
                f"{self.path}: pixels run from {batch.min()} to {batch.max()}; "
                f"expected {given.low} to {given.high}"
            )
        return batch


@dataclass(frozen=True, eq=False)
class StreamedSet:
    """As an ImageSet, but only slices of its images are in memory, while they are used.

    copies: in how many versions each image comes, one after the other.
    """

    name: str
    images: "CheckedStream | MovedImages"
    labels: npt.NDArray[np.int64]
    copies: int = 1

    def __len__(self) -> int:
        return len(self.labels)


def split(images: ImageSet, seed: int) -> tuple[ImageSet, ImageSet]:
    """Two halves, choosing and reporting, by a seeded shuffle."""
    if len(images) < 2:
        raise DataError(f"{images.name}: one image cannot be split; give --calib and --data")
    order = np.random.default_rng(seed).permutation(len(images))
    half = len(images) // 2
    return (
        images.take(np.sort(order[:half]), f"a random half of {images.name} (seed {seed})"),
        images.take(np.sort(order[half:]), f"the other half of {images.name}"),
    )


def half_mirrored(images: ImageSet) -> ImageSet:
    """The same images, every second one mirrored left to right."""
    mixed = images.images.copy()
    mixed[1::2] = mixed[1::2, :, ::-1]
    return ImageSet(f"{images.name}, every second image mirrored", mixed, images.labels)


MOVES = tuple(product((0, -1, 1), repeat=2))  # rows and columns, of the versions of an image


@dataclass(frozen=True, eq=False)
class MovedImages:
    """Each image, mirrored left to right or not, in place and moved by a pixel to all sides.

    Made while they are used, by a slice of row numbers or an array of them: [n * versions, height,
    width, channels], the versions of an image one after the other; where an image is moved away,
    its edge is repeated.
    """

    images: npt.NDArray[Any]
    mirrored: bool = True

    def __len__(self) -> int:
        return len(self.images) * len(MOVES)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        numbers, moves = np.divmod(rows, len(MOVES))
        needed, place = np.unique(numbers, return_inverse=True)
        some = self.images[needed, :, :: -1 if self.mirrored else 1]
        height, width = some.shape[1:3]
        wide = np.pad(some, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        found = np.empty((len(rows), *some.shape[1:]), some.dtype)
        for move, (down, right) in enumerate(MOVES):
            window = wide[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width]
            found[moves == move] = window[place[moves == move]]
        return found


@dataclass(frozen=True, eq=False)
class MovedSet(StreamedSet):
    """As a StreamedSet, of images in all their versions."""

    images: MovedImages
    copies: int = len(MOVES)

    def half(self, first: int) -> "MovedSet":
        """All versions of every second image, from image `first` on."""
        images = MovedImages(self.images.images[first::2], self.images.mirrored)
        labels = self.labels[first * self.copies :: 2 * self.copies]
        return MovedSet(f"a half of {self.name}", images, np.repeat(labels, self.copies))


def stand_ins(images: ImageSet, *, mirrored: bool = True) -> MovedSet:
    """For images that a network does not know: all, mirrored or not, in place and moved by one
    pixel."""
    return MovedSet(
        f"{images.name}{' mirrored' * mirrored}, in place and moved by a pixel to all sides",
        MovedImages(images.images, mirrored),
        np.repeat(images.labels, len(MOVES)),
    )


ADVICE = "expected an .npz file with arrays `images` [n,h,w,c] and `labels` [n]"


def _read_labels(path: Path) -> npt.NDArray[Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if missing := [key for key in ("images", "labels") if key not in arrays]:
                raise DataError(f"{path}: holds no array named {missing[0]!r}; {ADVICE}")
            labels: npt.NDArray[Any] = arrays["labels"]
            return labels
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {ADVICE}") from None
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read ({error}); {ADVICE}") from error


def _check_shapes(
    path: Path, images: ImageStream, labels: npt.NDArray[Any], network: Network
) -> None:
    expected = network.input.shape
    grey = len(images.shape) == 3 and expected[2] == 1
    if images.shape[1:] != (expected[:2] if grey else expected):
        raise DataError(
            f"{path}: images are {list(images.shape)}; this model expects "
            f"[n, {', '.join(map(str, expected))}]"
        )
    if not np.issubdtype(images.dtype, np.integer):
        raise DataError(
            f"{path}: images are {images.dtype}; crshare expects integers as stored (uint8 "
            "pixels), with the scaling in the model's Rescaling layer or given by --rescale"
        )
    if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{path}: labels are {labels.dtype} {list(labels.shape)}; expected one integer class "
            f"for each of the {len(images)} images"
        )
    if not len(images):
        raise DataError(f"{path}: holds no images")
    _check_labels(path, labels, network)


def _check_labels(path: Path, labels: npt.NDArray[Any], network: Network) -> None:
    n_classes = int(np.prod(network.output.shape))
    worst = int(np.max(labels)) if int(np.min(labels)) >= 0 else int(np.min(labels))
    if not 0 <= worst < n_classes:
        raise DataError(f"{path}: label {worst}, but the model has {n_classes} classes (0 upwards)")
