"""A LUT network of a recipe trained from nothing on labelled images, and left as its container."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crshare.frontend.lut_container import write_lut_network
from crshare.images.image_set import ImageSet, load_images
from crshare.lut_recipes import Choice, Form, LutRecipe, LutStage
from crshare.train import saved_state
from crshare.train.course import (
    Course,
    Progress,
    Record,
    Trained,
    best_of,
    key_of,
    no_record,
    parted,
    share_right,
)
from crshare.train.lutnet import stepping
from crshare.train.lutnet.exported import network_of
from crshare.train.lutnet.net import Net, build
from crshare.train.saved_state import Checkpoint, Curve

CHECKPOINT = "checkpoint.npz"
N_MEANS = 5000  # images, at most, by which the means of hardened tables are estimated


@dataclass(frozen=True, slots=True)
class Kind:
    """What of a LUT network is chosen beside its recipe. frames: of the modulation."""

    frames: int = 1
    form: Form = Form.DIFFERENTIABLE
    connections: Choice = Choice.LEARNED


@dataclass(frozen=True, eq=False)
class Run:
    """A training under way. means: images on which tables are hardened."""

    net: Net
    optimiser: stepping.Optimiser
    course: Course
    training: ImageSet
    held_out: ImageSet
    means: ImageSet
    path: Path

    @property
    def values(self) -> list[np.ndarray[Any, Any]]:
        """All that an epoch changes, in one order."""
        return [*self.net.state, *self.optimiser.values]


def train(
    recipe: LutRecipe,
    data: Path,
    course: Course,
    kind: Kind,
    folder: Path,
    show: Progress,
    *,
    record: Record = no_record,
) -> Trained:
    """Train, and leave the network of the best epoch as RECIPE.npz in `folder`, beside a checkpoint
    until the end.

    Epochs are compared by the accuracy of their hardened network, run by the packed executor, on
    held-out images. DataError, CheckpointError and OutputError say what is to be mended.
    """
    show("building the network", 0.0)
    images = load_images(data, network_of(_least(recipe), np.zeros((1, *recipe.shape), np.uint8)))
    training, held_out = parted(images, course.held_out, course.seed)
    net = build(recipe, kind.form, kind.connections, kind.frames, course.seed)
    rows = np.random.default_rng((course.seed, 0)).permutation(len(training))[:N_MEANS]
    run = Run(
        net,
        stepping.Optimiser.of(net),
        course,
        training,
        held_out,
        training.take(np.sort(rows), training.name),
        folder / f"{recipe.name}.npz",
    )
    return _run(run, folder / CHECKPOINT, key_of(images, recipe, course, kind), show, record)


def _least(recipe: LutRecipe) -> Net:
    """A network that takes the recipe's images, to check data against."""
    small = replace(recipe, stages=(LutStage(recipe.n_classes),), depth=1)
    return build(small, Form.DIFFERENTIABLE, Choice.RANDOM, 1, 0)


def _run(run: Run, kept_in: Path, key: str, show: Progress, record: Record) -> Trained:
    kept = saved_state.load(kept_in, key)
    if kept is None:
        curve = _evaluated(run, (), {"epoch": 0})
    else:
        curve = kept.curve
        _assign(run, kept)

    def so_far() -> Trained:
        return Trained(run.path, curve, len(run.training), run.held_out.name)

    record(so_far())
    for epoch in range(len(curve), run.course.epochs + 1):
        figures = _epoch(run, epoch, show)
        curve = _evaluated(run, curve, {"epoch": epoch, **figures})
        saved_state.save(kept_in, key, Checkpoint(tuple(run.values), curve))
        record(so_far())
    kept_in.unlink(missing_ok=True)
    return so_far()


def _assign(run: Run, kept: Checkpoint) -> None:
    for mine, value in zip(run.values, kept.values, strict=True):
        mine[:] = value
    run.net.follow()


def _evaluated(run: Run, curve: Curve, entry: dict[str, Any]) -> Curve:
    """The curve with one more epoch; its network is kept where it is the best."""
    network = network_of(run.net, run.means.images)
    share = share_right(network, run.held_out)
    if not curve or share > best_of(curve)["held_out"]:
        write_lut_network(network, run.path)
    return (*curve, {**entry, "held_out": share})


def _epoch(run: Run, epoch: int, show: Progress) -> dict[str, float]:
    """One turn through the images: the mean loss and the share that was right on the way.

    A batch sees one frame of the modulation, drawn by seed, epoch and number: its threshold is one
    more change of the images, and all frames together then are an average of many networks.
    """
    course, n = run.course, len(run.training)
    n_batches, n_steps = course.batches(n), course.steps(n)
    rng = np.random.default_rng((course.seed, epoch))
    batches = np.array_split(rng.permutation(n), n_batches)
    frames = np.random.default_rng((course.seed, epoch, 1)).integers(
        run.net.n_frames, size=n_batches
    )
    loss, n_right = 0.0, 0
    for number, rows in enumerate(batches):
        done = (epoch - 1) * n_batches + number
        show(f"epoch {epoch} of {course.epochs}", done / n_steps)
        images = course.augmentation(run.training.images[rows], rng)
        rate = course.first_rate * (course.last_rate / course.first_rate) ** (done / n_steps)
        found = stepping.step(
            run.net.at_frame(int(frames[number])),
            run.optimiser,
            images,
            run.training.labels[rows],
            rate,
            done + 1,
        )
        loss, n_right = loss + found.loss, n_right + found.n_right
    return {"rate": rate, "loss": loss / n, "training": n_right / n}
