"""Pixels and labels as a network takes them: the one check of arrays, of a file or from Python."""

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array
from crshare.errors import DataError
from crshare.network.graph import Input, Network

Shape = tuple[int, ...]

AS_STORED = (
    "crshare expects integers as stored (uint8 pixels), with the scaling in the model's Rescaling "
    "layer or given by --rescale"
)

FEATURES = "crshare expects numbers, each as the model's library gets it"
UNSCALED = (
    "; or if the model takes them as they are (features of sensors, say), say so with --features"
)


def check_form(name: str, shape: Shape, dtype: np.dtype[Any], network: Network) -> None:
    """DataError where arrays of this form hold no images of the network's input. A model of rows
    takes maps of as many values, row by row."""
    wanted = network.input.stored or network.input.shape
    is_row = wanted[:2] == (1, 1)
    fits = _long_axes(shape[1:]) in map(_long_axes, (wanted, network.input.shape))
    if not fits and not (is_row and prod(shape[1:]) == wanted[2]):
        axes = wanted[2:] if is_row else wanted
        raise DataError(
            f"{name}: images are {list(shape)}; this model expects [n, {', '.join(map(str, axes))}]"
        )
    if dtype.kind not in "iuf":
        raise DataError(
            f"{name}: images are {dtype}; {FEATURES if network.input.real else AS_STORED}"
        )
    if not shape[0]:
        raise DataError(f"{name}: holds no images")


def _long_axes(shape: Shape) -> Shape:
    """An image may come without the axes of one entry, as grey maps do and rows of features."""
    return tuple(n for n in shape if n != 1)


def pixels_of(name: str, images: Array, network: Network) -> Array:
    """Images of that form as integers [n, height, width, channels] within the input's range; of an
    input of reals as float32, which the libraries compute in."""
    given = network.input
    pixels = _maps(images, given)
    if given.real:
        return _features(name, pixels)
    if not pixels.size:
        return pixels.astype(np.int64)
    low, high = pixels.min(), pixels.max()
    if pixels.dtype.kind == "f":
        _check_whole(name, pixels, given.high)
    if not given.low <= low <= high <= given.high:
        raise DataError(
            f"{name}: pixels run from {low.item()} to {high.item()}; expected {given.low} to "
            f"{given.high}"
        )
    if pixels.dtype.kind == "f":
        return pixels.astype(np.int64 if given.low < 0 or given.high > 255 else np.uint8)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _features(name: str, values: Array) -> Array:
    with np.errstate(over="ignore"):
        found = values.astype(np.float32)
    if not np.isfinite(found).all():
        raise DataError(f"{name}: images hold NaN, infinity or more than float32 can; {FEATURES}")
    return found


def _maps(images: Array, given: Input) -> Array:
    """[n, height, width, channels]; images in the form of a model with channels first are in its
    order, too."""
    stored = given.stored if given.channels_first else None
    if stored is not None and _long_axes(images.shape[1:]) == _long_axes(stored):
        return np.ascontiguousarray(np.moveaxis(images.reshape(-1, *stored), 1, -1))
    return images.reshape(-1, *given.shape)


def _check_whole(name: str, pixels: Array, most: int) -> None:
    """Floats that were scaled would be taken for nearly black pixels."""
    low, high = pixels.min(), pixels.max()
    scaled = most > 1 and low >= 0 and high == 1
    if scaled or not np.array_equal(pixels, np.rint(pixels)):
        raise DataError(
            f"{name}: images are {pixels.dtype} from {low:g} to {high:g}; {AS_STORED}: multiply "
            f"what is from 0 to 1 by {most} and cast it to uint8{UNSCALED}"
        )


def labels_of(name: str, labels: Array, n_images: int, network: Network) -> npt.NDArray[np.int64]:
    """One class for each image, [n] or [n, 1], or one-hot, [n, classes]; DataError where labels are
    anything else."""
    n_classes = prod(network.output.shape)
    if labels.shape == (n_images, n_classes) and n_classes > 1:
        labels = _classes_of(name, labels)
    if labels.shape not in ((n_images,), (n_images, 1)) or labels.dtype.kind not in "iu":
        raise DataError(
            f"{name}: labels are {labels.dtype} {list(labels.shape)}; expected one integer class "
            f"for each of the {n_images} images"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= n_classes:
        raise DataError(
            f"{name}: label {low if low < 0 else high}, but the model has {n_classes} classes (0 "
            "upwards)"
        )
    return labels.reshape(n_images).astype(np.int64)


def _classes_of(name: str, labels: Array) -> npt.NDArray[np.int64]:
    """The place of the one 1 in each row of zeros."""
    values = labels.astype(np.float64)
    if not (np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()):
        raise DataError(
            f"{name}: labels are {list(labels.shape)}, one-hot by their shape, and hold rows that "
            "are not one 1 among zeros; give the classes themselves: labels.argmax(axis=1)"
        )
    return np.asarray(values.argmax(axis=1), np.int64)
