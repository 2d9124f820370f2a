"""`crshare finetune`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.arguments import IN_FILE, MODEL, OUT_FOLDER, FiniteRange, number
from crshare.cli.shared import json_option, model_options, progress, source_of
from crshare.cli.training import course_options, recorder, tell
from crshare.folder_lock import locked
from crshare.limits import RATE

FALL = 100  # the first rate over the last


@click.command()
@click.argument("model", type=MODEL)
@click.option("--plan", type=IN_FILE, required=True, help="The plan.json to start from.")
@click.option("--data", type=IN_FILE, required=True, help="Training images and labels, .npz.")
@click.option(
    "-o", "--output", type=OUT_FOLDER, required=True, help="Folder for the new plan.json."
)
@click.option(
    "--rate", type=number(RATE), default=3e-3, show_default=True,
    help="Of the first step; it falls to a hundredth.",
)  # fmt: skip
@click.option(
    "--distill", type=FiniteRange(0, 1), default=0.5, show_default=True, metavar="SHARE",
    help="How much of what is wanted of an image is what MODEL itself says; the rest is its label.",
)  # fmt: skip
@course_options(epochs=5, batch=100)
@json_option
@model_options
def finetune(
    model: Path,
    plan: Path,
    data: Path,
    output: Path,
    rate: float,
    distill: float,
    epochs: int,
    batch: int,
    seed: int,
    held_out: float,
    mirror: bool,
    shift: int,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Train the weights and thresholds of a plan of MODEL; who shares with whom stays fixed.

    Layers that the plan left as they were are trained freely and share what is equal afterwards.

    Needs the extra `train`. A run that was killed goes on from its last epoch.
    """
    from crshare.images.image_set import load_images
    from crshare.plan.file import read_plan
    from crshare.report.training_schema import FinetuneReport
    from crshare.train.library import require_training, silent

    click.get_current_context().with_resource(locked(output))
    loaded = source_of(model, sign_layers, rescale).read()
    sharing = read_plan(plan, loaded.network, loaded.weights_hash)
    images = load_images(data, loaded.network)
    require_training()
    with silent():
        from crshare.train import finetune as tuning
        from crshare.train.augment import Augmentation
        from crshare.train.course import Course

    augmentation = Augmentation(mirror=mirror, shift=shift)
    course = Course(epochs, batch, seed, rate, rate / FALL, augmentation, held_out)
    record = recorder(
        output, FinetuneReport, model=model.name, seed=seed, augmentation=augmentation.name,
        distilled=distill,
    )  # fmt: skip
    with progress() as show:
        tuned = tuning.finetune(
            loaded, sharing, images, course, output, show, distilled=distill, record=record
        )
    tell(tuned, record(tuned), json_path)
