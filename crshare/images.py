"""Labelled images from an .npz file, checked against what a network expects."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import DataError
from crshare.network import Network


@dataclass(frozen=True, eq=False)
class ImageSet:
    """images: integers [n, height, width, channels]; labels: int64 [n]; name: their origin."""

    name: str
    images: npt.NDArray[Any]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: npt.NDArray[np.int64] | slice, name: str) -> "ImageSet":
        return ImageSet(name, self.images[rows], self.labels[rows])


def load_images(path: Path, network: Network) -> ImageSet:
    """Read `images` and `labels`; DataError says what does not fit the network."""
    images, labels = _read(path)
    expected = network.input.shape
    if images.ndim == 3 and expected[2] == 1:
        images = images[..., None]
    if images.ndim != 4 or images.shape[1:] != expected:
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
    _check_values(path, images, labels, network)
    return ImageSet(path.name, images, labels.astype(np.int64))


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


def _read(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    advice = "expected an .npz file with arrays `images` [n,h,w,c] and `labels` [n]"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if missing := [key for key in ("images", "labels") if key not in arrays]:
                raise DataError(f"{path}: holds no array named {missing[0]!r}; {advice}")
            return arrays["images"], arrays["labels"]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; {advice}") from None
    except (OSError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read ({error}); {advice}") from error


def _check_values(
    path: Path,
    images: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    network: Network,
) -> None:
    low, high = int(np.min(images)), int(np.max(images))
    if low < network.input.low or high > network.input.high:
        raise DataError(
            f"{path}: pixels run from {low} to {high}; "
            f"expected {network.input.low} to {network.input.high}"
        )
    n_classes = int(np.prod(network.output.shape))
    worst = int(np.max(labels)) if int(np.min(labels)) >= 0 else int(np.min(labels))
    if not 0 <= worst < n_classes:
        raise DataError(f"{path}: label {worst}, but the model has {n_classes} classes (0 upwards)")
