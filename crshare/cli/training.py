"""What the commands that train share: their options, and how a course is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crshare.cli.arguments import FiniteRange, number
from crshare.cli.shared import command_line, console, deliver
from crshare.cli.stopping import going_on
from crshare.limits import EPOCHS, ROWS, SEED, SHIFT

if TYPE_CHECKING:
    from crshare.report.responsive_table import Fitting
    from crshare.report.training_schema import Learned
    from crshare.train.course import Trained

CURVE = "curve.json"


def course_options(epochs: int | None, batch: int | None) -> Callable[[Any], Any]:
    """How long, on how many images at once, from which seed, and how images are changed.

    epochs, batch: the defaults; None where they are the recipe's.
    """
    options = (
        _option("--epochs", number(EPOCHS), epochs, "Turns through the training images."),
        _option("--batch", number(ROWS), batch, "Images for each step, at most."),
        _option("--seed", number(SEED), 0, "Of the held-out images, batches and changes."),
        _option(
            "--held-out", FiniteRange(0, 1, min_open=True, max_open=True), 0.1,
            "Share of the images that choose the best epoch and are not trained on.",
        ),
        click.option("--mirror", is_flag=True, help="Mirror half of the images, at random."),
        _option("--shift", number(SHIFT), 0, "Move images by up to so many pixels, at random."),
    )  # fmt: skip

    def with_options(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def _option(
    name: str, kind: click.ParamType[Any], default: float | None, text: str
) -> Callable[[Any], Any]:
    if default is None:
        text = f"{text.removesuffix('.')}; the recipe's, if not given."
    return click.option(name, type=kind, default=default, show_default=True, help=text)


def recorder(folder: Path, kind: type[Learned], **facts: Any) -> Callable[[Trained], str]:
    """Writes curve.json to the folder, these facts and what training has come to; and its text.

    kind: of which the facts are fields.
    """
    from crshare.files import write_text
    from crshare.report.training_schema import Epoch
    from crshare.typed_json import write_json

    going_on("its last whole epoch is kept; run the same command again to go on from there")

    def record(trained: Trained) -> str:
        found = kind(
            command=command_line(),
            n_training=trained.n_training,
            judged_on=trained.validation_name,
            best=Epoch.of(trained.best),
            curve=tuple(map(Epoch.of, trained.curve)),
            **facts,
        )
        text = write_json(found)
        write_text(folder / CURVE, text)
        return text

    return record


def tell(trained: Trained, text: str, json_path: Path | None) -> None:
    """The learning curve, an epoch a line, and what was written; or the JSON text."""
    title = f"Trained on {trained.n_training} images; held out: {trained.validation_name}"
    deliver(json_path, text, _curve_table(trained, title))
    console(json_path).print(
        f"Wrote {trained.path.name} of epoch {trained.best['epoch']} and {CURVE} to "
        f"{trained.path.parent}."
    )


def _curve_table(trained: Trained, title: str) -> Fitting:
    from crshare.report.responsive_table import Fitting, table_of

    table = table_of(title, "Epoch")
    for heading in ("Loss", "Training", "Held out"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry in trained.curve:
        loss = f"{entry['loss']:.4g}" if "loss" in entry else "-"
        training = f"{100 * entry['training']:.2f} %" if "training" in entry else "-"
        table.add_row(str(entry["epoch"]), loss, training, f"{100 * entry['held_out']:.2f} %")
    return Fitting(table)
