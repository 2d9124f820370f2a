"""`crshare apply`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.arguments import IN_FILE, MODEL, OUT_FILE
from crshare.cli.shared import (
    console,
    deliver,
    json_option,
    model_options,
    model_or_example,
    progress,
    source_of,
)


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--plan", type=IN_FILE, required=True, help="A plan.json that `optimize` wrote.")
@click.option("-o", "--output", type=OUT_FILE, required=True, help="The model file to write.")
@json_option
@model_options
def apply(
    model: Path | None,
    plan: Path,
    output: Path,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write MODEL with the plan's weights, thresholds and offsets, for its library.

    A LUT network is written as crshare's own container (.npz), without the nodes that the plan
    leaves out. Without MODEL, the small network that comes with crshare is used.
    """
    from crshare.evaluation.lut_outcome import apply_luts
    from crshare.model.write import apply_network
    from crshare.plan.file import read_plan
    from crshare.plan.lut_plan import is_lut_network, read_lut_plan
    from crshare.plan.plan import planned_network
    from crshare.report.schema import AppliedReport
    from crshare.report.written import applied_report, head
    from crshare.typed_json import write_json

    source = source_of(model_or_example(model, json_path), sign_layers, rescale)
    with progress() as show:
        loaded = source.read()
        if is_lut_network(loaded.network):
            tables = read_lut_plan(plan, loaded.network, loaded.weights_hash)
            apply_luts(loaded, tables, output)
            report = AppliedReport(
                **head(loaded),
                output=output.name,
                layers_with_changed_weights=tuple(la.name for la in tables.layers if la.nodes),
                changed_thresholds=(),
                changed_offsets=(),
            )
            deliver(json_path, write_json(report))
            console(json_path).print(f"Wrote {output}: read back, it holds the plan's tables.")
            return
        sharing = read_plan(plan, loaded.network, loaded.weights_hash)
        show(f"writing {output.name}", 0.5)
        wanted = planned_network(loaded.network, sharing)
        apply_network(
            source.path,
            wanted,
            output,
            sign_layers=source.sign_layers,
            rescale=source.rescale,
            layers=source.layers,
            features=source.features,
        )
    deliver(json_path, write_json(applied_report(loaded, sharing, output)))
    console(json_path).print(
        f"Wrote {output}: read back, it holds the plan's weights, thresholds and offsets."
    )
