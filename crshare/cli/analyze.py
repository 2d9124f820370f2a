"""`crshare analyze`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.arguments import MODEL, OUT_FILE, number
from crshare.cli.shared import (
    command_line,
    console,
    csv_option,
    deliver,
    json_option,
    model_options,
    model_or_example,
    progress,
    refuse_for_tables,
    source_of,
    write_csv,
)
from crshare.errors import ArgumentError
from crshare.limits import WORKERS


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--html", "html_path", type=OUT_FILE, help="Write a page to look at to this file.")
@click.option(
    "--quick",
    is_flag=True,
    help="The table of slices alone, in seconds for millions of weights: no adder graph is built, "
    "and no file is written.",
)
@click.option(
    "--workers",
    type=number(WORKERS),
    help="Processes that share the layers; the figures are the same for any number. Without it "
    "one, or the cores of the machine where there are more than a million weights.",
)
@csv_option
@json_option
@model_options
def analyze(
    model: Path | None,
    json_path: Path | None,
    csv_path: Path | None,
    html_path: Path | None,
    quick: bool,
    workers: int | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Show what exact sharing would save in MODEL, layer by layer.

    Without MODEL, the small network that comes with crshare is used.
    """
    from crshare.cli.written import written_luts
    from crshare.evaluation.analysing import analyze_model
    from crshare.files import write_text
    from crshare.plan.lut_plan import is_lut_network
    from crshare.report.lut_report import analysed
    from crshare.report.page.document import document_of
    from crshare.report.page.html import render
    from crshare.report.quick import quick_tables
    from crshare.report.terminal import analysis_tables
    from crshare.report.written import analysed_layers, analysis_report
    from crshare.typed_json import write_json

    if quick and (json_path or html_path or csv_path):
        raise ArgumentError("--quick: makes a table alone; leave out --json, --html and --csv")
    source = source_of(model_or_example(model, json_path), sign_layers, rescale)
    with progress() as show:
        loaded = source.read()
        if is_lut_network(loaded.network):
            refuse_for_tables("quick")
            written_luts(analysed(loaded, command_line()), json_path, html_path, csv_path)
            return
        analysis = analyze_model(loaded, show, quick=quick, n_workers=workers)
    if quick:
        title = f"{loaded.path.name}: {loaded.library}, {len(analysis.layers)} binary layers"
        console().print(quick_tables(title, analysed_layers(analysis)))
        return
    report = analysis_report(analysis, command_line())
    if html_path is not None:
        write_text(html_path, render(document_of(report)))
    write_csv(csv_path, analysis.table())
    deliver(json_path, write_json(report), analysis_tables(report))
