"""`crshare train`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crshare.blend_recipes import BLEND_RECIPES, BlendRecipe
from crshare.cli.arguments import IN_FILE, OUT_FOLDER, number
from crshare.cli.shared import is_given, json_option, progress
from crshare.cli.training import course_options, recorder, tell
from crshare.folder_lock import locked
from crshare.limits import FRAMES, RATE
from crshare.lut_recipes import LUT_RECIPES, Choice, Form, LutRecipe
from crshare.recipes import FLOAT32, PRECISIONS, RECIPES, Recipe, recipe_of

if TYPE_CHECKING:
    from crshare.train.course import Course, Trained

NAMES = (*RECIPES, *BLEND_RECIPES, *LUT_RECIPES)
SIGNS, SIGNS_ALONE = "networks with +1/-1 weights", "networks of +1/-1 weights alone"
BNN_ONLY = {"start": SIGNS, "precision": SIGNS, "stochastic": SIGNS_ALONE}
LUT_ONLY = dict.fromkeys(("frames", "connections", "table"), "LUT networks")


@click.command()
@click.argument("recipe", type=click.Choice(NAMES))
@click.option("--data", type=IN_FILE, required=True, help="Training images and labels, .npz.")
@click.option("-o", "--output", type=OUT_FOLDER, required=True, help="Folder for the model.")
@course_options(epochs=None, batch=None)
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
@click.option(
    "--start",
    type=IN_FILE,
    help="Begin with the weights of this model of the recipe instead of drawn ones.",
)
@click.option(
    "--frames",
    type=number(FRAMES),
    default=1,
    show_default=True,
    help="LUT networks: thresholds of each pixel, one after the other in time.",
)
@click.option(
    "--connections",
    type=click.Choice([choice.value for choice in Choice]),
    help="LUT networks: how tables' inputs are chosen; the recipe's, if not given.",
)
@click.option(
    "--table",
    type=click.Choice([form.value for form in Form]),
    default=Form.DIFFERENTIABLE.value,
    show_default=True,
    help="LUT networks: how a table is made differentiable.",
)
@json_option
def train(
    recipe: str,
    data: Path,
    output: Path,
    epochs: int | None,
    batch: int | None,
    seed: int,
    held_out: float,
    mirror: bool,
    shift: int,
    rate: float | None,
    last_rate: float | None,
    json_path: Path | None,
    **options: Any,
) -> None:
    """Train the network of a RECIPE; write its model of the best epoch, and curve.json.

    A LUT network becomes RECIPE.npz; the others RECIPE.h5, and need the extra `train`. A run that
    was killed goes on from its last epoch.
    """
    chosen = _chosen(recipe)
    is_lut = isinstance(chosen, LutRecipe)
    _refuse(recipe, BNN_ONLY if is_lut else LUT_ONLY)
    if isinstance(chosen, BlendRecipe):
        _refuse(recipe, {"stochastic": SIGNS_ALONE})
    click.get_current_context().with_resource(locked(output))
    if not is_lut:
        _load_tensorflow()
    from crshare.train.augment import Augmentation
    from crshare.train.course import Course

    augmentation = Augmentation(mirror=mirror, shift=shift)
    course = Course(
        epochs or chosen.epochs,
        batch or chosen.batch,
        seed,
        rate or chosen.first_rate,
        last_rate or chosen.last_rate,
        augmentation,
        held_out,
    )
    if isinstance(chosen, LutRecipe):
        tell(*_lut(chosen, data, course, output, **_used(options, LUT_ONLY)), json_path)
    else:
        tell(*_bnn(chosen, data, course, output, **_used(options, BNN_ONLY)), json_path)


def _chosen(name: str) -> Recipe | BlendRecipe | LutRecipe:
    return LUT_RECIPES.get(name) or BLEND_RECIPES.get(name) or recipe_of(name)


def _used(options: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: options[name] for name in names}


def _refuse(recipe: str, foreign: dict[str, str]) -> None:
    """Options that say nothing for this recipe are not passed over; each with what it is for."""
    for name, kind in foreign.items():
        if is_given(name):
            raise click.UsageError(f"--{name} is for {kind}, and {recipe} is none; leave it out")


def _load_tensorflow() -> None:
    """LibraryError where it is missing; what it says on import is kept from the terminal."""
    from crshare.train.library import require_training, silent

    require_training()
    with silent():
        from crshare.train import training  # noqa: F401


def _bnn(
    recipe: Recipe | BlendRecipe,
    data: Path,
    course: Course,
    output: Path,
    *,
    start: Path | None,
    precision: str,
    stochastic: bool,
) -> tuple[Trained, str]:
    from crshare.report.training_schema import TrainReport
    from crshare.train import training

    record = recorder(
        output, TrainReport, recipe=recipe.name, seed=course.seed,
        augmentation=course.augmentation.name, precision=precision, stochastic=stochastic,
    )  # fmt: skip
    with progress() as show:
        trained = training.train(
            recipe, data, course, output, show,
            precision=precision, stochastic=stochastic, start=start, record=record,
        )  # fmt: skip
    return trained, record(trained)


def _lut(
    recipe: LutRecipe,
    data: Path,
    course: Course,
    output: Path,
    *,
    frames: int,
    connections: str | None,
    table: str,
) -> tuple[Trained, str]:
    from crshare.report.training_schema import TrainReport
    from crshare.train.lutnet.training import Kind, train

    choice = Choice(connections) if connections else recipe.connections
    record = recorder(
        output, TrainReport, recipe=recipe.name, seed=course.seed,
        augmentation=course.augmentation.name, frames=frames, connections=choice.value, table=table,
    )  # fmt: skip
    with progress() as show:
        kind = Kind(frames, Form(table), choice)
        trained = train(recipe, data, course, kind, output, show, record=record)
    return trained, record(trained)
