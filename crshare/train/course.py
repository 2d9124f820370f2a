"""How a training goes and what it comes to; nothing here knows TensorFlow."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crshare.arrays import Array
from crshare.errors import DataError
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet, StreamedSet
from crshare.network.graph import Network
from crshare.train.augment import Augmentation, cut
from crshare.train.saved_state import Curve

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Course:
    """How a training goes. The rate goes from first_rate, or the highest, to last_rate.

    held_out: the share of the images that choose the best epoch, and are not trained on. crop: the
    side of the squares to which images are cut in the first crop_epochs.
    """

    epochs: int
    batch: int
    seed: int
    first_rate: float
    last_rate: float
    augmentation: Augmentation
    held_out: float = 0.1
    crop: int = 0
    crop_epochs: int = 0

    def changed(self, images: Array, epoch: int, rng: np.random.Generator) -> Array:
        """Images [n, h, w, c] as they are seen in an epoch, from 1."""
        images = self.augmentation(images, rng)
        return cut(images, self.crop, rng) if epoch <= self.crop_epochs else images

    def steps(self, n_images: int) -> int:
        return self.epochs * self.batches(n_images)

    def batches(self, n_images: int) -> int:
        """Of an epoch: nearly equal ones, of at most `batch` images."""
        return -(-n_images // self.batch)


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training has come to. path: the file of the best epoch. n_training: images.
    validation_name: names the images on which epochs are compared."""

    path: Path
    curve: Curve
    n_training: int
    validation_name: str

    @property
    def best(self) -> dict[str, Any]:
        """The epoch that is kept: the first of the best."""
        return best_of(self.curve)


Record = Callable[[Trained], object]


def no_record(trained: Trained) -> None:
    """For who waits for the end."""


def parted(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """Images to train on and held-out ones, by a seeded shuffle; DataError where either is none."""
    n_held = round(share * len(images))
    if not 0 < n_held < len(images):
        raise DataError(
            f"{images.name}: {len(images)} images leave none to train on, or none to hold out at "
            f"a share of {share:g}; give more images or another --held-out"
        )
    order = np.random.default_rng(seed).permutation(len(images))
    rest, held = np.sort(order[n_held:]), np.sort(order[:n_held])
    return images.take(rest, images.name), images.take(held, f"{n_held} held-out of {images.name}")


def share_right(network: Network, images: ImageSet | StreamedSet) -> float:
    """The share of images that the network, run by the packed executor, classifies as labelled."""
    return float((compile_network(network).classify(images.images) == images.labels).mean())


def key_of(images: ImageSet, *parts: object) -> str:
    """A hash of the images and of whatever else a training depends on."""
    digest = hashlib.sha256(np.ascontiguousarray(images.images).tobytes())
    digest.update(images.labels.tobytes())
    digest.update("\0".join(str(part) for part in parts).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def best_of(curve: Curve) -> dict[str, Any]:
    """The first of the epochs that were best on the held-out images."""
    return max(curve, key=lambda entry: float(entry["held_out"]))
