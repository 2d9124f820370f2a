"""Fine-tuning: a plan's weights and thresholds trained on labelled images, its sharing held fixed.

One latent value for each weight of each representative; all its users add their gradients to it,
with their signs. Layers that the plan left as they were share only what happens to be equal; their
slices are trained each by itself, and what is equal afterwards is shared. What is wanted of an
image is in part its label, in part what the original network says (Hinton, Vinyals, Dean:
"Distilling the knowledge in a neural network", 2015). The result is a plan like any other.
"""

from collections.abc import Callable, Set
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import tf_keras as keras

from crshare.evaluation.plan_run import knows_mirrored
from crshare.images.image_set import ImageSet, stand_ins
from crshare.model.read import Model
from crshare.network.graph import Network
from crshare.network.slices import SliceTable, decompose
from crshare.plan.file import dumps, write_plan
from crshare.plan.plan import (
    LayerPlan,
    SharingPlan,
    changed_layers,
    layer_from_weights,
    planned_network,
    unshared_layer,
)
from crshare.planning.teacher import DISTILLED, teacher_of
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
from crshare.train.keras_model import trainable
from crshare.train.loop import Data, TrainingJob, deterministic, run
from crshare.train.rates import decayed

N_MOMENTS = 1000  # images that tell the moments of the sums before the first step
N_SETTLED = 5000  # and after each epoch
PLAN, CHECKPOINT = "plan.json", "checkpoint.npz"


def finetune(
    model: Model,
    plan: SharingPlan,
    images: ImageSet,
    course: Course,
    folder: Path,
    show: Progress,
    *,
    distilled: float = DISTILLED,
    record: Record = no_record,
) -> Trained:
    """Train, and leave the best plan in `folder`, beside a checkpoint until the end.

    distilled: the share, 0 to 1, of what is wanted of an image that the original network says; the
    rest is its label.

    Epochs are compared by the accuracy of their plan, run by the packed executor, on held-out
    images, or where the network knows those too well on stand-ins for new ones (mirrored, as
    `crshare optimize` does). The first epoch that is better than all before is kept, the given
    plan included. DataError, CheckpointError and OutputError say what is to be mended.
    """
    deterministic(course.seed)
    network = model.network
    training, held_out = parted(images, course.held_out, course.seed)
    show("building the network", 0.0)
    validation = stand_ins(held_out) if knows_mirrored(network, held_out) else held_out
    free = {layer.layer for layer in plan.layers}.difference(changed_layers(network, plan))
    tuned = trainable(network, replaced(network, plan, free, unshared_layer))
    tuned.begin(training.images[:N_MOMENTS])
    teacher = teacher_of(network, validation, distilled)
    rate = decayed(course.first_rate, course.last_rate, course.steps(len(training)))
    compiled(tuned.model, rate, teacher.temperature)
    path = folder / PLAN
    job = TrainingJob(
        tuned.model,
        settle=lambda seen: tuned.settle(islice(seen, course.batches(N_SETTLED))),
        evaluate=lambda: share_right(planned_network(network, tuned.trained_plan()), validation),
        validation_name=validation.name,
        keep=lambda: write_plan(
            shared_again(network, tuned.trained_plan(), free),
            model.path.name,
            path,
            read_with=model.read_with,
        ),
        path=path,
    )
    data = Data(training, teacher.wanted)
    key = key_of(images, plan.fingerprint, dumps(plan, ""), course, distilled)
    return run(job, data, course, folder / CHECKPOINT, key, show, record)


def compiled(model: Any, rate: Any, temperature: float) -> None:
    """Make a model ready to train. rate: of Adam. temperature: scores are divided by it."""
    model.compile(
        keras.optimizers.Adam(rate, jit_compile=False),
        loss=scaled_cross_entropy(temperature),
        metrics=[keras.metrics.CategoricalAccuracy()],
    )


def replaced(
    network: Network, plan: SharingPlan, layers: Set[str], made: Callable[[SliceTable], LayerPlan]
) -> SharingPlan:
    """The plan with some layers' plans made anew."""
    tables = {table.layer: table for table in decompose(network)}
    found = tuple(
        made(tables[layer.layer]) if layer.layer in layers else layer for layer in plan.layers
    )
    return replace(plan, layers=found)


def shared_again(network: Network, plan: SharingPlan, layers: Set[str]) -> SharingPlan:
    """The plan with what is equal or inverse in these layers computed once."""

    def again(table: SliceTable) -> LayerPlan:
        return layer_from_weights(table, plan.layer(table.layer).effective(table))

    return replaced(network, plan, layers, again)


def scaled_cross_entropy(scale: float) -> Any:
    """Cross-entropy of softmax(scores / scale) with distributions [n, classes], for each image."""

    def loss(wanted: Any, scores: Any) -> Any:
        return keras.losses.categorical_crossentropy(wanted, scores / scale, from_logits=True)

    return loss
