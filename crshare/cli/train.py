"""`crshare train`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from crshare.cli.shared import (
    FILE,
    command_line,
    console,
    deliver,
    json_option,
    progress,
    refusing,
)
from crshare.cli.training import course_options, curve_table

RECIPES = (
    "binarynet-cifar10", "binarynet-half-cifar10", "binarynet-svhn", "mnist-mlp", "digits",
)  # fmt: skip


@click.command()
@click.argument("recipe", type=click.Choice(RECIPES))
@click.option("--data", type=FILE, required=True, help="Training images and labels, .npz.")
@click.option("-o", "--output", type=FILE, required=True, help="Folder for the model.")
@course_options(epochs=100, batch=50)
@json_option
@refusing
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
    json_path: Path | None,
) -> None:
    """Train the network of a RECIPE; write RECIPE.h5 of the best epoch, and curve.json.

    Needs the extra `train`. A run that was killed goes on from its last epoch.
    """
    from crshare.output import write_text
    from crshare.train.library import require_training, silent

    require_training()
    with silent():
        from crshare.train import training
        from crshare.train.augment import Augmentation
        from crshare.train.loop import Course
        from crshare.train.recipes import recipe_of

    chosen = recipe_of(recipe)
    augmentation = Augmentation(mirror=mirror, shift=shift)
    rates = (chosen.first_rate, chosen.last_rate)
    course = Course(epochs, batch, seed, *rates, augmentation, held_out)
    with progress() as show:
        trained = training.train(chosen, data, course, output, show)
    document = {
        "command": command_line(),
        "recipe": recipe,
        "seed": seed,
        "augmentation": augmentation.name,
        "n_training": len(trained.training),
        "n_held_out": len(trained.held_out),
        "best": trained.best,
        "curve": trained.curve,
    }
    text = json.dumps(document, indent=1) + "\n"
    write_text(output / "curve.json", text)
    title = f"{len(trained.training)} images trained on, {len(trained.held_out)} held out"
    deliver(json_path, text, curve_table(trained.curve, title))
    console(json_path).print(
        f"Wrote {trained.path.name} of epoch {trained.best['epoch']} and curve.json to {output}."
    )
