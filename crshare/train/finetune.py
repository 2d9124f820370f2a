"""Fine-tuning: a plan's weights and thresholds trained on labelled images, its sharing held fixed.

One latent value for each weight of each representative; all its users add their gradients to it,
with their signs. The result is a plan like any other.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from crshare.execute import compile_network
from crshare.images import ImageSet
from crshare.model import Model
from crshare.network import Network
from crshare.plan import SharingPlan, planned_network
from crshare.plan_file import dumps, read_plan, write_plan
from crshare.train.checkpoint import Curve
from crshare.train.graph import trainable
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
from crshare.train.rates import decayed

Array = npt.NDArray[Any]

N_MOMENTS = 1000  # images that tell the moments of the sums before the first step
FINEST, COARSEST = -8, 12  # exponents of the temperatures that are tried
SMOOTHING = 0.1
PLAN, CHECKPOINT = "plan.json", "checkpoint.npz"


@dataclass(frozen=True, eq=False)
class Tuned:
    """The plan of the best epoch, and the learning curve. training and held_out: image sets."""

    plan: SharingPlan
    curve: Curve
    training: ImageSet
    held_out: ImageSet

    @property
    def best(self) -> dict[str, Any]:
        return best_of(self.curve)


def finetune(
    model: Model, plan: SharingPlan, images: ImageSet, course: Course, folder: Path, show: Progress
) -> Tuned:
    """Train, and leave the best plan in `folder`, beside a checkpoint until the end.

    Epochs are compared by the accuracy of their plan, run by the packed executor, on held-out
    images. The first epoch that is better than all before is kept, the given plan included.
    DataError, CheckpointError and OutputError say what is to be mended.
    """
    deterministic(course.seed)
    training, held_out = parted(images, course.held_out, course.seed)
    show("building the network", 0.0)
    tuned = trainable(model.network, plan)
    tuned.begin(training.images[:N_MOMENTS])
    loss = scaled_cross_entropy(temperature(tuned.model, training))
    steps = course.steps(len(training))
    rate = decayed(course.first_rate, course.last_rate, steps)
    tuned.model.compile(
        keras.optimizers.Adam(rate, jit_compile=False),
        loss=loss,
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    trial = Trial(
        tuned.model,
        judge=lambda: share_right(model.network, tuned.trained_plan(), held_out),
        keep=lambda: write_plan(tuned.trained_plan(), model.path.name, folder / PLAN),
    )
    key = key_of(images, plan.fingerprint, dumps(plan, ""), course)
    data = Data(training, training.labels, held_out)
    curve = run(trial, data, course, folder / CHECKPOINT, key, show)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    best = read_plan(folder / PLAN, model.network, plan.fingerprint)
    return Tuned(best, curve, training, held_out)


def share_right(network: Network, plan: SharingPlan, images: ImageSet) -> float:
    """The share of images that the plan's network classifies as labelled."""
    found = compile_network(planned_network(network, plan)).classify(images.images)
    return float((found == images.labels).mean())


def scaled_cross_entropy(scale: float) -> Any:
    """Cross-entropy of softmax(scores / scale) with labels [n], for each image."""

    def loss(labels: Any, scores: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(
            labels, scores / scale, from_logits=True
        )

    return loss


def temperature(model: Any, images: ImageSet) -> float:
    """The power of two by which scores are divided before softmax so that the cross-entropy of
    the network as it stands is least: scores may be sums of any size (Guo et al. 2017). Labels are
    smoothed, or else a network that is right on all images would take the finest."""
    first = images.take(slice(N_MOMENTS), images.name)
    scores = model.predict(first.images.astype(np.float32), batch_size=100, verbose=0)
    scales = [2.0**k for k in range(FINEST, COARSEST + 1)]
    return min(scales, key=lambda scale: cross_entropy(scores / scale, first.labels))


def cross_entropy(logits: Array, labels: Array) -> float:
    """Its mean, in nats, with a share SMOOTHING of each label spread over all classes."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    normal = np.log(np.exp(shifted).sum(axis=1))
    own = shifted[np.arange(len(labels)), labels]
    wanted = (1 - SMOOTHING) * own + SMOOTHING * shifted.mean(axis=1)
    return float((normal - wanted).mean())
