"""`crshare train`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.arguments import IN_FILE, OUT_FOLDER, number
from crshare.cli.shared import json_option, progress
from crshare.cli.training import course_options, recorder, tell
from crshare.folder_lock import locked
from crshare.limits import RATE
from crshare.recipes import FLOAT32, PRECISIONS, RECIPES, recipe_of


@click.command()
@click.argument("recipe", type=click.Choice(tuple(RECIPES)))
@click.option("--data", type=IN_FILE, required=True, help="Training images and labels, .npz.")
@click.option("-o", "--output", type=OUT_FOLDER, required=True, help="Folder for the model.")
@course_options(epochs=100, batch=50)
@click.option("--rate", type=number(RATE), help="Of the first step; the recipe's, if not given.")
@click.option(
    "--last-rate", type=number(RATE), help="Of the last step; the recipe's, if not given."
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default=FLOAT32,
    show_default=True,
    help="Of what multiplies signs; bfloat16 is faster on processors that have it (AMX).",
)
@click.option(
    "--stochastic", is_flag=True, help="Draw the signs of activations at random while training."
)
@json_option
def train(
    recipe: str,
    data: Path,
    output: Path,
    epochs: int,
    batch: int,
    seed: int,
    held_out: float,
    mirror: bool,
    shift: int,
    rate: float | None,
    last_rate: float | None,
    precision: str,
    stochastic: bool,
    json_path: Path | None,
) -> None:
    """Train the network of a RECIPE; write RECIPE.h5 of the best epoch, and curve.json.

    Needs the extra `train`. A run that was killed goes on from its last epoch.
    """
    from crshare.train.library import require_training, silent

    click.get_current_context().with_resource(locked(output))
    require_training()
    with silent():
        from crshare.train import training
        from crshare.train.augment import Augmentation
        from crshare.train.course import Course

    chosen = recipe_of(recipe)
    augmentation = Augmentation(mirror=mirror, shift=shift)
    rates = (rate or chosen.first_rate, last_rate or chosen.last_rate)
    course = Course(epochs, batch, seed, *rates, augmentation, held_out)
    record = recorder(
        output, recipe=recipe, seed=seed, augmentation=augmentation.name,
        precision=precision, stochastic=stochastic,
    )  # fmt: skip
    with progress() as show:
        trained = training.train(
            chosen, data, course, output, show,
            precision=precision, stochastic=stochastic, record=record,
        )  # fmt: skip
    tell(trained, record(trained), json_path)
