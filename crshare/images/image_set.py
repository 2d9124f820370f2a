"""Labelled images from an .npz file or two .npy files, checked against what a network expects."""

from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from crshare.errors import DataError
from crshare.images.npy_pair import NpyPair
from crshare.images.npz import Npz, PackedArray
from crshare.images.pixels import check_form, labels_of, pixels_of
from crshare.network.graph import Network

NAMES = (
    ("images", "labels"),
    ("x", "y"),
    ("X", "y"),
    ("data", "labels"),
    ("x_test", "y_test"),
    ("X_test", "y_test"),
    ("test_images", "test_labels"),
)
HASHED = 1024  # images at a time
FORM = "expected pixels [n, height, width, channels] and labels [n]"
MADE = "make sets of images with crshare.image_set or crshare.load_images"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """images: integers, or of a model of features float32, [n, height, width, channels]; labels:
    int64 [n]; name: their origin."""

    name: str
    images: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]
    copies = 1

    def __post_init__(self) -> None:
        forms = (
            (self.images, "images", 4, "integers or float32"),
            (self.labels, "labels", 1, "integers"),
        )
        for array, what, n_axes, wanted in forms:
            fits = isinstance(array, np.ndarray) and (
                array.dtype.kind in "iu" or (array.dtype == np.float32 and what == "images")
            )
            if not fits:
                raise DataError(f"{self.name}: {what} are no array of {wanted}; {MADE}")
            if array.ndim != n_axes or len(array) != len(self.images):
                raise DataError(f"{self.name}: {what} are {list(array.shape)}; {MADE}")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def digest(self) -> str:
        """A hash of the pixels as integers and of the labels, whatever the file they came in."""
        found = sha256(f"{self.images.shape}".encode())
        for start in range(0, len(self), HASHED):
            batch = self.images[start : start + HASHED]
            stored = "<f4" if batch.dtype.kind == "f" else "<i4"
            found.update(np.ascontiguousarray(batch, stored).data)
        found.update(np.ascontiguousarray(self.labels, "<i8").data)
        return found.hexdigest()

    def take(self, rows: npt.NDArray[np.int64] | slice, name: str) -> "ImageSet":
        return ImageSet(name, self.images[rows], self.labels[rows])

    def half(self, first: int) -> "ImageSet":
        """Every second image, from image `first` on."""
        return self.take(slice(first, None, 2), f"a half of {self.name}")


def image_set(pixels: ArrayLike, labels: ArrayLike, network: Network, name: str) -> ImageSet:
    """Images and labels from Python; DataError says what does not fit the network."""
    given, classes = _array(name, "images", pixels), _array(name, "labels", labels)
    check_form(name, given.shape, given.dtype, network)
    found = labels_of(name, classes, len(given), network)
    return ImageSet(name, pixels_of(name, given, network), found)


def fitting(images: ImageSet, network: Network) -> ImageSet:
    """Images that fit this network, whatever they were made for."""
    return image_set(images.images, images.labels, network, images.name)


def gathered(name: str, batches: Iterable[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The images and labels of a set that gives pairs of them, batch by batch or one by one, as
    tf.data's and PyTorch's do."""
    parts: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
    for pair in batches:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(f"{name}: gives no pairs of images and labels; {FORM}")
        parts.append((_item(name, "images", pair[0]), _item(name, "labels", pair[1])))
    if not parts:
        raise DataError(f"{name}: holds no images")
    join = np.concatenate if parts[0][1].ndim else np.stack
    try:
        return join([images for images, _ in parts]), join([labels for _, labels in parts])
    except ValueError as error:
        raise DataError(f"{name}: its images differ in shape ({error}); {FORM}") from error


def _item(name: str, what: str, given: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(given)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise DataError(f"{name}: {what} are no array ({reason}); {FORM}") from error


def _array(name: str, what: str, given: ArrayLike) -> npt.NDArray[Any]:
    """An array with a first axis; whatever numpy raises on the way becomes one sentence."""
    try:
        array = np.asarray(given)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:120]
        raise DataError(f"{name}: {what} are no array ({reason}); {FORM}") from error
    if not array.ndim:
        raise DataError(f"{name}: {what} are no array; {FORM}")
    return array


def load_images(path: Path, network: Network) -> ImageSet:
    """Read `images` and `labels`; DataError says what does not fit the network."""
    with stream_images(path, network) as streamed:
        return ImageSet(streamed.name, streamed.images[:], streamed.labels)


def names_in(names: Set[str]) -> tuple[str, str]:
    """What the images and the labels of a file are called: as crshare calls them, or as the sets of
    Keras and others do."""
    return next((pair for pair in NAMES if names >= set(pair)), NAMES[0])


@contextmanager
def stream_images(path: Path, network: Network) -> Iterator["StreamedSet"]:
    """The same images, read from the file while they are used; pixels are checked on their way."""
    with NpyPair(path) if path.suffix == ".npy" else Npz(path) as arrays:
        images, labels = (arrays[name] for name in names_in(arrays.names))
        check_form(str(path), images.shape, images.dtype, network)
        classes = labels_of(str(path), labels[:], len(images), network)
        yield StreamedSet(path.name, CheckedStream(path, images, network), classes)


@dataclass(frozen=True, eq=False)
class CheckedStream:
    """Batches of a stream as a network takes them: [n, height, width, channels], within range."""

    path: Path
    stream: PackedArray
    network: Network

    def __len__(self) -> int:
        return len(self.stream)

    def __getitem__(self, rows: slice) -> npt.NDArray[Any]:
        return pixels_of(str(self.path), self.stream[rows], self.network)


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
    """Two halves, calibration and test images, by a seeded shuffle."""
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
IN_PLACE = MOVES.index((0, 0))


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
