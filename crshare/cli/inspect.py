"""`crshare inspect`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.arguments import MODEL
from crshare.cli.shared import (
    console,
    deliver,
    json_option,
    model_options,
    model_or_example,
    source_of,
)

if TYPE_CHECKING:
    from crshare.model.inspect import InspectedLayer, Inspection
    from crshare.screen import Screen


UNSCALED = (
    "An ONNX file does not say how stored pixels become its input; if it was trained on pixels "
    "from 0 to 1 (ToTensor), say --rescale 1/255,0 here and in every other command."
)


@click.command()
@click.argument("model", type=MODEL, required=False)
@json_option
@model_options
def inspect(
    model: Path | None, json_path: Path | None, sign_layers: tuple[str, ...], rescale: str | None
) -> None:
    """Show what was read of MODEL: layers, weights, arithmetic, and what is shared.

    Without MODEL, the small network that comes with crshare is used.
    """
    from crshare.model.inspect import inspect_model

    source = source_of(model_or_example(model, json_path), sign_layers, rescale)
    loaded = source.read()
    found = inspect_model(loaded)
    deliver(json_path, json.dumps(asdict(found), indent=1) + "\n")
    screen = console(json_path)
    _show(found, screen)
    if loaded.onnx is not None and rescale is None and not source.features:
        screen.print(UNSCALED, soft_wrap=True)


def _show(found: Inspection, screen: Screen) -> None:
    screen.print(f"{found.file}: {found.library}; input {found.input}", soft_wrap=True)
    for layer in found.layers:
        for words in _lines(layer):
            screen.print(words, soft_wrap=True)


def _lines(layer: InspectedLayer) -> list[str]:
    """A line on what the layer computes, and one for each thing to say of it."""
    shape = "x".join(map(str, layer.shape))
    reads = " + ".join(layer.reads)
    lines = [f"{layer.name}: {layer.operation} of {reads}; gives {shape}, {layer.gives}"]
    if layer.kernel is not None:
        lines.append(
            f"    weights {layer.kernel}, {layer.weights}, quantizer {layer.quantizer}; padding "
            f"{layer.padding}"
        )
        lines.append(f"    shared: {layer.sharing}")
    if layer.luts is not None:
        lines.append(f"    {layer.luts}")
    if layer.threshold is not None:
        folded = ", ".join(layer.folded) or "nothing"
        lines.append(f"    channels {layer.threshold}; stands for {folded}")
    return lines
