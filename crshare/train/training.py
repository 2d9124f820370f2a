"""A network of a recipe trained from nothing on labelled images, and left as a compact .h5."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from crshare.arrays import Array
from crshare.blend_recipes import BlendRecipe, Schedule
from crshare.errors import DataError
from crshare.images.image_set import ImageSet, load_images
from crshare.model.read import read_model, read_network
from crshare.recipes import BFLOAT16, Recipe
from crshare.train import losses
from crshare.train.blend_net import build_blend, build_narrow
from crshare.train.compact import write_compact
from crshare.train.course import (
    Course,
    Progress,
    Record,
    Trained,
    key_of,
    no_record,
    parted,
    share_right,
)
from crshare.train.loop import Data, TrainingJob, deterministic, run
from crshare.train.plain_layers import give_weights, take_weights
from crshare.train.rates import OneCycle, ScaledAdam, decayed
from crshare.train.recipes import build, count, scales

CHECKPOINT = "checkpoint.npz"


@dataclass(frozen=True, eq=False)
class Learner:
    """A model that learns, the one in whose form it is saved, its loss, and what that wants of
    labels [n]."""

    model: Any
    saved: Any
    loss: Any
    wanted: Callable[[Array], npt.NDArray[np.float32]]


def learner_of(
    recipe: Recipe | BlendRecipe, seed: int, precision: str, *, stochastic: bool
) -> Learner:
    """precision, stochastic: as of `crshare.train.recipes.build`; of a BlendRecipe, bfloat16 is
    `crshare.train.blend_net.build_narrow`."""
    n = recipe.n_classes
    if isinstance(recipe, BlendRecipe):
        narrow = precision == BFLOAT16
        return Learner(
            build_narrow(recipe, seed) if narrow else build_blend(recipe, seed, trained=True),
            build_blend(recipe, seed, trained=False),
            keras.losses.CategoricalCrossentropy(from_logits=True),
            lambda labels: np.eye(n, dtype=np.float32)[labels],
        )
    return Learner(
        build(recipe, seed, precision, stochastic=stochastic),
        build(recipe, seed),
        losses.squared_hinge,
        lambda labels: losses.targets(labels, n),
    )


def train(
    recipe: Recipe | BlendRecipe,
    data: Path,
    course: Course,
    folder: Path,
    show: Progress,
    *,
    precision: str = "float32",
    stochastic: bool = False,
    start: Path | None = None,
    record: Record = no_record,
) -> Trained:
    """Train, and leave the model of the best epoch as RECIPE.h5 in `folder`, beside a checkpoint
    until the end.

    precision, stochastic: as of `learner_of`. start: a model file of the recipe, with whose weights
    the training begins. Epochs are compared by
    the accuracy of their model file, run by the packed executor, on held-out images. DataError,
    CheckpointError and OutputError say what is to be mended.
    """
    deterministic(course.seed)
    show("building the network", 0.0)
    images = _images_for(recipe, data)
    learner = learner_of(recipe, course.seed, precision, stochastic=stochastic)
    model = learner.model
    begun = () if start is None else (_begin(model, start, recipe.name),)
    training, held_out = parted(images, course.held_out, course.seed)
    if isinstance(recipe, BlendRecipe) and precision == BFLOAT16:
        until = round(recipe.crop_share * course.epochs)
        course = replace(course, crop=recipe.crop, crop_epochs=until)
    rate = _rate(recipe, course, course.steps(len(training)))
    model.compile(
        ScaledAdam(rate, scales(model) if isinstance(recipe, Recipe) or recipe.glorot else {}),
        loss=learner.loss,
        metrics=["categorical_accuracy"],
    )
    count(model)
    path = folder / f"{recipe.name}.h5"

    def keep(path: Path = path) -> None:
        give_weights(model, learner.saved)
        write_compact(learner.saved, path)

    def evaluate() -> float:
        with tempfile.TemporaryDirectory() as passing:
            file = Path(passing) / "model.h5"
            keep(file)
            return share_right(read_network(file), held_out)

    data_set = Data(training, lambda labels, _: learner.wanted(labels))
    key = key_of(images, recipe, course, precision, stochastic, *begun)
    job = TrainingJob(model, evaluate, held_out.name, keep, path)
    return run(job, data_set, course, folder / CHECKPOINT, key, show, record)


def _begin(model: Any, start: Path, name: str) -> str:
    """Give the model the weights of a file, and a hash of the network there; DataError where it is
    of another recipe."""
    found = read_model(start)
    try:
        take_weights(model, found.weights)
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{start}: holds no weights of the recipe {name}; begin with a model that "
            f"`crshare train {name}` wrote"
        ) from error
    return found.weights_hash


def _rate(recipe: Recipe | BlendRecipe, course: Course, n_steps: int) -> Any:
    if isinstance(recipe, BlendRecipe) and recipe.schedule is Schedule.COSINE:
        return OneCycle(course.first_rate, course.last_rate, n_steps)
    return decayed(course.first_rate, course.last_rate, n_steps)


def _images_for(recipe: Recipe | BlendRecipe, data: Path) -> ImageSet:
    """The images, checked against the least network of the recipe's shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        write_compact(_least(recipe), path)
        return load_images(data, read_network(path))


def _least(recipe: Recipe | BlendRecipe) -> Any:
    if isinstance(recipe, BlendRecipe):
        least = replace(recipe, widths=(1,), modules=1)
        return build_blend(least, seed=0, trained=False)
    return build(replace(recipe, blocks=(), dense=()), seed=0)
