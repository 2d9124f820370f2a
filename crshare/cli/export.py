"""`crshare export`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.arguments import IN_FILE, MODEL, OUT_FILE
from crshare.cli.shared import deliver, json_option, model_options, source_of


@click.command()
@click.argument("model", type=MODEL)
@click.option("--plan", type=IN_FILE, help="A plan.json: its weights and thresholds are written.")
@click.option("-o", "--output", type=OUT_FILE, required=True, help="The .npz to write.")
@json_option
@model_options
def export(
    model: Path,
    plan: Path | None,
    output: Path,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write what was read of MODEL as signs, shapes and thresholds: numpy's .npz.

    Every command reads that file as it reads MODEL, without --rescale and --sign-layer.
    """
    from crshare.errors import ArgumentError
    from crshare.frontend.lut_container import write_lut_network
    from crshare.plan.file import read_plan
    from crshare.plan.plan import planned_network
    from crshare.report.command_schemas import NetworkWritten
    from crshare.screen import line
    from crshare.typed_json import write_json

    if output.suffix != ".npz":
        raise ArgumentError(f"{output}: a network is written as .npz; name such a file")
    loaded = source_of(model, sign_layers, rescale).read()
    network = loaded.network
    if plan is not None:
        network = planned_network(network, read_plan(plan, network, loaded.weights_hash))
    write_lut_network(network, output, loaded.library)
    names = tuple(layer.name for layer in network.layers)
    said = line(f"Wrote {output}: {len(network.layers)} layers.")
    facts = NetworkWritten(output=str(output), layers=names)
    deliver(json_path, write_json(facts), said)
