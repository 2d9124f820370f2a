"""`crshare verify`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.arguments import IMAGES, IN_FILE, MODEL, number
from crshare.cli.shared import (
    console,
    deliver,
    json_option,
    model_options,
    progress,
    source_of,
)
from crshare.limits import ROWS

if TYPE_CHECKING:
    from crshare.arrays import Array
    from crshare.evaluation.library_check import Comparison
    from crshare.model.read import Model
    from crshare.screen import Screen


@click.command()
@click.argument("model", type=MODEL)
@click.option("--data", type=IN_FILE, required=True, help=IMAGES)
@click.option(
    "--images", "n_images", type=number(ROWS), default=200, show_default=True,
    help="How many of them to run.",
)  # fmt: skip
@json_option
@model_options
def verify(
    model: Path,
    data: Path,
    n_images: int,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Run MODEL in the library that wrote it and in crshare, and compare them layer by layer.

    Needs the extra `train`, or for .onnx files `onnx`. Exit code 1 where they differ by more than
    float32 rounding.
    """
    from crshare.evaluation.library_check import bit_readers, compare
    from crshare.images.image_set import load_images

    with progress() as show:
        loaded = source_of(model, sign_layers, rescale).read()
        images = load_images(data, loaded.network).images[:n_images]
        names = [loaded.linears[layer.name].stored[0] for layer in bit_readers(loaded)]
        library = loaded.library if loaded.onnx is None else "onnxruntime"
        show(f"running the model in {library}", 0.1)
        theirs, scores = _run(loaded, images, names)
        show("running it in crshare", 0.8)
        found = compare(loaded, images, theirs, scores)
    deliver(json_path, json.dumps(asdict(found), indent=1) + "\n")
    screen = console(json_path)
    _tell_substitutes(loaded, screen)
    _show(found, library, screen)
    if not found.holds:
        raise SystemExit(1)


def _run(model: Model, images: Array, names: list[str]) -> tuple[dict[str, Array], Array]:
    """The model in its library: what enters the weights, and the scores."""
    if model.onnx is not None:
        from crshare.evaluation.onnx_run import run_onnx

        return run_onnx(model, images, names)
    from crshare.train.running import run

    return run(model, images, names)


def _tell_substitutes(model: Model, screen: Screen) -> None:
    from crshare.frontend.declared import declared
    from crshare.train.blueprint import is_substituted

    if model.graph.channels_first:
        screen.print(
            "The library ran it with channels last, which TensorFlow needs on a CPU: the same "
            "kernels, and the weights behind a Flatten in that order.",
            soft_wrap=True,
        )
    given = declared(model.sign_layers, model.declared)
    layers = [la for la in model.graph.layers if is_substituted(la, given)]
    if layers:
        names = ", ".join(dict.fromkeys(layer.class_name for layer in layers))
        screen.print(
            f"The code of {names} is in no library; Keras's layers with what crshare takes for "
            f"their weights stand in for {len(layers)} layers.",
            soft_wrap=True,
        )


def _show(found: Comparison, library: str, screen: Screen) -> None:
    from crshare.report.responsive_table import Fitting, table_of

    table = table_of(
        f"{found.n_images} images in the model's library and in crshare", "Input of layer"
    )
    for heading in ("Bits", "Different", "Images that\ndiffer first here"):
        table.add_column(heading, justify="right", no_wrap=True)
    for check in found.layers:
        shown = (check.n_bits, check.n_different, len(check.first))
        table.add_row(check.layer, *(f"{value:,}" for value in shown))
    screen.print(Fitting(table))
    screen.print(
        f"Scores of the other images: greatest difference {found.score_error:.1e} of the greatest "
        f"score, {found.n_same_class} classes equal."
    )
    if found.n_rounded:
        screen.print(
            f"{found.n_rounded} images have other scores, and a step of an activation within "
            "rounding of the next; their scores are not compared."
        )
    if found.n_other_class:
        screen.print(
            f"{found.n_other_class} images are of another class in {library}, which rounding does "
            "not explain."
        )
    first = next((check for check in found.layers if check.first), None)
    if first is None:
        screen.print(f"No bit differs from {library}.")
        return
    place = ", ".join(map(str, first.first[0].place))
    screen.print(
        f"{library} and crshare first differ at the input of {first.layer}, image "
        f"{first.first[0].image}, at [{place}]. Rounding in float32 explains "
        f"{len(found.firsts) - found.n_unexplained} of {len(found.firsts)} images."
    )
