"""`crshare evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.arguments import IMAGES, IN_FILE, MODEL
from crshare.cli.shared import (
    command_line,
    csv_option,
    deliver,
    images_or_example,
    json_option,
    model_options,
    model_or_example,
    progress,
    refuse_for_tables,
    source_of,
    write_csv,
)


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--plan", type=IN_FILE, required=True, help="A plan.json that `optimize` wrote.")
@click.option("--data", type=IN_FILE, help=f"Images to measure on: {IMAGES}")
@click.option(
    "--by-layer", is_flag=True, help="Measure what each layer's sharing alone loses, too."
)
@csv_option
@json_option
@model_options
def evaluate(
    model: Path | None,
    plan: Path,
    data: Path | None,
    by_layer: bool,
    csv_path: Path | None,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Measure MODEL with a plan on images, and count the operations of a run that follows it.

    Without MODEL, the small network that comes with crshare is used, and without --data its test
    images.
    """
    from crshare.cli.written import written_luts
    from crshare.evaluation.lut_outcome import evaluate_luts
    from crshare.jobs import evaluate as run
    from crshare.plan.file import read_plan
    from crshare.plan.lut_plan import is_lut_network, read_lut_plan
    from crshare.report.lut_report import evaluated
    from crshare.report.terminal import evaluation_tables
    from crshare.report.written import evaluation_report
    from crshare.typed_json import write_json

    given = model_or_example(model, json_path)
    loaded = source_of(given, sign_layers, rescale).read()
    if is_lut_network(loaded.network):
        refuse_for_tables("by_layer")
        tables = read_lut_plan(plan, loaded.network, loaded.weights_hash)
        with images_or_example(data, given, loaded.network) as images:
            found = evaluate_luts(loaded, tables, images)
        said = evaluated(found, tables.n_changed, command_line())
        written_luts(said, json_path, csv_path=csv_path)
        return
    sharing = read_plan(plan, loaded.network, loaded.weights_hash)
    with progress() as show, images_or_example(data, given, loaded.network) as images:
        evaluation = run(loaded, sharing, images, show, by_layer=by_layer)
    report = evaluation_report(evaluation)
    write_csv(csv_path, evaluation.table())
    deliver(json_path, write_json(report), evaluation_tables(report))
