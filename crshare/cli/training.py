"""What the commands that train share: their options, and how a course is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click import FloatRange, IntRange

if TYPE_CHECKING:
    from crshare.fitting import Fitting
    from crshare.train.checkpoint import Curve


def course_options(epochs: int, batch: int) -> Callable[[Any], Any]:
    """How long, on how many images at once, from which seed, and how images are changed."""
    options = (
        _option("--epochs", IntRange(min=1), epochs, "Turns through the training images."),
        _option("--batch", IntRange(min=1), batch, "Images for each step, at most."),
        _option("--seed", IntRange(min=0), 0, "Of the held-out images, batches and changes."),
        _option(
            "--held-out", FloatRange(0, 1, min_open=True, max_open=True), 0.1,
            "Share of the images that choose the best epoch and are not trained on.",
        ),
        click.option("--mirror", is_flag=True, help="Mirror half of the images, at random."),
        _option("--shift", IntRange(min=0), 0, "Move images by up to so many pixels, at random."),
    )  # fmt: skip

    def with_options(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def _option(
    name: str, kind: IntRange | FloatRange, default: float, text: str
) -> Callable[[Any], Any]:
    return click.option(name, type=kind, default=default, show_default=True, help=text)


def curve_table(curve: Curve, title: str) -> Fitting:
    """The learning curve, an epoch a line."""
    from crshare.fitting import Fitting, table_of

    table = table_of(title, "Epoch")
    for heading in ("Loss", "Training", "Held out"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in curve:
        loss = f"{entry['loss']:.4g}" if "loss" in entry else "-"
        training = f"{100 * entry['training']:.2f} %" if "training" in entry else "-"
        table.add_row(str(entry["epoch"]), loss, training, f"{100 * entry['held_out']:.2f} %")
    return Fitting(table)
