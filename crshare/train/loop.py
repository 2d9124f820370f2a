"""Epochs of training in seeded batches, kept after each, and the best of them by held-out images.

The batches and augmentations of an epoch depend on the seed and its number alone, so a training
that goes on from a checkpoint sees what it would have seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from crshare.arrays import Array
from crshare.images.image_set import ImageSet
from crshare.train import saved_state
from crshare.train.course import Course, Progress, Record, Trained, best_of
from crshare.train.saved_state import Checkpoint, Curve

Wanted = Callable[[Array, Array], Array]


@dataclass(frozen=True, eq=False)
class Data:
    """Images to train on, and what the loss wants of some of them: from their labels, and as they
    are once they were changed at random."""

    training: ImageSet
    wanted: Wanted


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """A model to train. model: a compiled Keras model. evaluate: the share of the validation images
    that it classifies right now. validation_name: names those images, which are held out. keep:
    writes the present state as the result, to path. settle: takes statistics, after each epoch,
    from that epoch's images, which it is given a batch at a time."""

    model: Any
    evaluate: Callable[[], float]
    validation_name: str
    keep: Callable[[], None]
    path: Path
    settle: Callable[[Iterator[Array]], None] = lambda seen: None


def deterministic(seed: int) -> None:
    """Make TensorFlow draw from `seed` and add in one order; for the whole process."""
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(seed)


def run(
    job: TrainingJob,
    data: Data,
    course: Course,
    kept_in: Path,
    key: str,
    show: Progress,
    record: Record,
) -> Trained:
    """Train on from the checkpoint, if there is one, to the last epoch, and remove it.

    The first entry of the curve, epoch 0, is the state before. `keep` is called for each epoch
    that is better on the held-out images than all before, epoch 0 included; `record` once at
    the beginning and then after each epoch.
    """
    job.model.optimizer.build(job.model.trainable_variables)
    kept = saved_state.load(kept_in, key)
    if kept is None:
        curve = _evaluated(job, (), {"epoch": 0})
    else:
        curve = kept.curve
        _assign(job.model, kept)

    def so_far() -> Trained:
        return Trained(job.path, curve, len(data.training), job.validation_name)

    record(so_far())
    for epoch in range(len(curve), course.epochs + 1):
        figures = _epoch(job.model, data, course, epoch, show)
        job.settle(images for _, images in seen(data.training, course, epoch))
        curve = _evaluated(job, curve, {"epoch": epoch, **figures})
        saved_state.save(kept_in, key, Checkpoint(_values(job.model), curve))
        record(so_far())
    kept_in.unlink(missing_ok=True)
    return so_far()


def _evaluated(job: TrainingJob, curve: Curve, entry: dict[str, Any]) -> Curve:
    """The curve with one more epoch; its state is kept where it is the best."""
    share = job.evaluate()
    if not curve or share > best_of(curve)["held_out"]:
        job.keep()
    return (*curve, {**entry, "held_out": share})


def _epoch(model: Any, data: Data, course: Course, epoch: int, show: Progress) -> dict[str, float]:
    """One turn through the images: the mean loss and the share that was right on the way."""
    model.reset_metrics()
    figures: dict[str, Any] = {}
    n = course.batches(len(data.training))
    for number, (images, wanted) in enumerate(batches(data, course, epoch)):
        show(f"epoch {epoch} of {course.epochs}", (epoch - 1 + number / n) / course.epochs)
        figures = model.train_on_batch(images, wanted, reset_metrics=False, return_dict=True)
    rate = model.optimizer.learning_rate
    found = {"rate": float(rate), "loss": float(figures.pop("loss"))}
    return {**found, "training": float(next(iter(figures.values())))}


def batches(data: Data, course: Course, epoch: int) -> Iterator[tuple[Array, Array]]:
    """The images of an epoch, float32 and augmented, each with what is wanted of it."""
    for labels, images in seen(data.training, course, epoch):
        yield images.astype(np.float32), data.wanted(labels, images)


def seen(training: ImageSet, course: Course, epoch: int) -> Iterator[tuple[Array, Array]]:
    """The labels and augmented images of an epoch, a batch at a time."""
    rng = np.random.default_rng((course.seed, epoch))
    order = rng.permutation(len(training))
    for rows in np.array_split(order, course.batches(len(order))):
        yield training.labels[rows], course.changed(training.images[rows], epoch, rng)


def _values(model: Any) -> tuple[Array, ...]:
    return tuple(variable.numpy() for variable in _variables(model))


def _variables(model: Any) -> list[Any]:
    return [*model.weights, *model.optimizer.variables]


def _assign(model: Any, kept: Checkpoint) -> None:
    for variable, value in zip(_variables(model), kept.values, strict=True):
        variable.assign(value)
