"""A network of a recipe trained from nothing on labelled images, and left as a compact .h5."""

import tempfile
from dataclasses import replace
from pathlib import Path

from crshare.images.image_set import ImageSet, load_images
from crshare.model.read import read_network
from crshare.recipes import Recipe
from crshare.train import losses
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
from crshare.train.rates import ScaledAdam, decayed
from crshare.train.recipes import build, count, scales

CHECKPOINT = "checkpoint.npz"


def train(
    recipe: Recipe,
    data: Path,
    course: Course,
    folder: Path,
    show: Progress,
    *,
    precision: str = "float32",
    stochastic: bool = False,
    record: Record = no_record,
) -> Trained:
    """Train, and leave the model of the best epoch as RECIPE.h5 in `folder`, beside a checkpoint
    until the end.

    precision, stochastic: as of `crshare.train.recipes.build`. Epochs are compared by the accuracy
    of their model file, run by the packed executor, on held-out images. DataError, CheckpointError
    and OutputError say what is to be mended.
    """
    deterministic(course.seed)
    show("building the network", 0.0)
    images = _images_for(recipe, data)
    model = build(recipe, course.seed, precision, stochastic=stochastic)
    saved = build(recipe, course.seed)
    training, held_out = parted(images, course.held_out, course.seed)
    rate = decayed(course.first_rate, course.last_rate, course.steps(len(training)))
    model.compile(
        ScaledAdam(rate, scales(model)), loss=losses.squared_hinge, metrics=["categorical_accuracy"]
    )
    count(model)
    path = folder / f"{recipe.name}.h5"

    def keep(path: Path = path) -> None:
        saved.set_weights(model.get_weights())
        write_compact(saved, path)

    def evaluate() -> float:
        with tempfile.TemporaryDirectory() as passing:
            file = Path(passing) / "model.h5"
            keep(file)
            return share_right(read_network(file), held_out)

    data_set = Data(training, lambda labels, _: losses.targets(labels, recipe.n_classes))
    key = key_of(images, recipe, course, precision, stochastic)
    job = TrainingJob(model, evaluate, held_out.name, keep, path)
    return run(job, data_set, course, folder / CHECKPOINT, key, show, record)


def _images_for(recipe: Recipe, data: Path) -> ImageSet:
    """The images, checked against the least network of the recipe's shape."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        write_compact(build(replace(recipe, blocks=(), dense=()), seed=0), path)
        return load_images(data, read_network(path))
