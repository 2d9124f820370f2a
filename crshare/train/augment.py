"""Augmentations by name: random changes of training images, new in each epoch."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array


@dataclass(frozen=True, slots=True)
class Augmentation:
    """mirror: every image is turned left to right with probability 1/2. shift: every image is
    moved by -shift to shift pixels each way; its edge is repeated."""

    mirror: bool = False
    shift: int = 0

    @property
    def name(self) -> str:
        """none, mirror, shift-2, or mirror-shift-2."""
        parts = ["mirror"] * self.mirror + [f"shift-{self.shift}"] * (self.shift > 0)
        return "-".join(parts) or "none"

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """A changed copy of images [n, h, w, c]."""
        if self.mirror:
            turned = rng.integers(0, 2, len(images), dtype=np.int8).astype(np.bool_)
            images = np.where(turned[:, None, None, None], images[:, :, ::-1], images)
        return _moved(images, self.shift, rng) if self.shift else images


def cut(images: Array, side: int, rng: np.random.Generator) -> Array:
    """A square of each of images [n, h, w, c], each at a place of its own."""
    n, height, width, _ = images.shape
    top, left = rng.integers(0, [[height - side + 1], [width - side + 1]], (2, n))
    return _taken(images, top[:, None] + np.arange(side), left[:, None] + np.arange(side))


def _moved(images: Array, most: int, rng: np.random.Generator) -> Array:
    _, height, width, _ = images.shape
    down, right = rng.integers(-most, most + 1, (2, len(images), 1))
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return _taken(images, rows, columns)


def _taken(images: Array, rows: Array, columns: Array) -> Array:
    """Of each image its own rows [n, h] and columns [n, w]."""
    which = np.arange(len(images))[:, None, None]
    found: Array = images[which, rows[:, :, None], columns[:, None, :]]
    return found
