"""A network of a recipe trained from nothing on labelled images, and left as a compact .h5."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crshare.images import ImageSet, load_images
from crshare.model import read_network
from crshare.train import losses
from crshare.train.checkpoint import Curve
from crshare.train.compact import write_compact
from crshare.train.loop import (
    Course,
    Data,
    Progress,
    Trial,
    best_of,
    deterministic,
    key_of,
    parted,
    run,
)
from crshare.train.rates import ScaledAdam, decayed
from crshare.train.recipes import Recipe, build, scales

CHECKPOINT = "checkpoint.npz"
BATCH = 100


@dataclass(frozen=True, eq=False)
class Trained:
    """path: of the model of the best epoch. training and held_out: image sets."""

    path: Path
    curve: Curve
    training: ImageSet
    held_out: ImageSet

    @property
    def best(self) -> dict[str, Any]:
        return best_of(self.curve)


def train(recipe: Recipe, data: Path, course: Course, folder: Path, show: Progress) -> Trained:
    """Train, and leave the model of the best epoch as RECIPE.h5 in `folder`, beside a checkpoint
    until the end.

    Epochs are compared by accuracy on held-out images. DataError, CheckpointError and OutputError
    say what is to be mended.
    """
    deterministic(course.seed)
    show("building the network", 0.0)
    images = _images_for(recipe, data)
    model = build(recipe, course.seed)
    training, held_out = parted(images, course.held_out, course.seed)
    rate = decayed(course.first_rate, course.last_rate, course.steps(len(training)))
    model.compile(
        ScaledAdam(rate, scales(model)), loss=losses.squared_hinge, metrics=["categorical_accuracy"]
    )
    path = folder / f"{recipe.name}.h5"
    trial = Trial(
        model,
        judge=lambda: share_right(model, held_out),
        keep=lambda: write_compact(model, path),
    )
    data_set = Data(training, lambda labels, _: losses.targets(labels, recipe.n_classes))
    key = key_of(images, recipe, course)
    curve = run(trial, data_set, course, folder / CHECKPOINT, key, show)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return Trained(path, curve, training, held_out)


def _images_for(recipe: Recipe, data: Path) -> ImageSet:
    """The images, checked against the least network of the recipe's shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        write_compact(build(replace(recipe, blocks=(), dense=()), seed=0), path)
        return load_images(data, read_network(path))


def share_right(model: Any, images: ImageSet) -> float:
    """The share of images that the Keras model classifies as labelled."""
    right = 0
    for first in range(0, len(images), BATCH):
        part = images.take(slice(first, first + BATCH), images.name)
        scores = model(part.images.astype(np.float32), training=False).numpy()
        right += int((scores.argmax(axis=1) == part.labels).sum())
    return right / len(images)
