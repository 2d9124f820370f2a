"""`crshare apply`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.shared import FILE, console, model_options, refusing, source_of


@click.command()
@click.argument("model", type=FILE)
@click.option("--plan", type=FILE, required=True, help="A plan.json that `optimize` wrote.")
@click.option("-o", "--output", type=FILE, required=True, help="The model file to write.")
@model_options
@refusing
def apply(
    model: Path,
    plan: Path,
    output: Path,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write MODEL with the plan's weights and thresholds, for the library that wrote it."""
    from crshare.apply import apply_network
    from crshare.plan import planned_network
    from crshare.plan_file import read_plan

    source = source_of(model, sign_layers, rescale)
    loaded = source.read()
    sharing = read_plan(plan, loaded.network, loaded.weights_hash)
    wanted = planned_network(loaded.network, sharing)
    apply_network(model, wanted, output, sign_layers=source.sign_layers, rescale=source.rescale)
    console().print(f"Wrote {output}: read back, it holds the plan's weights and thresholds.")
