"""`crshare analyze`."""

from __future__ import annotations

from pathlib import Path

import click

from crshare.cli.shared import FILE, console, model_options, progress, refusing, source_of


@click.command()
@click.argument("model", type=FILE)
@click.option("--json", "json_path", type=FILE, help="Write every figure to this file as well.")
@model_options
@refusing
def analyze(
    model: Path, json_path: Path | None, sign_layers: tuple[str, ...], rescale: str | None
) -> None:
    """Show what exact sharing would save in MODEL, layer by layer."""
    from crshare import pipeline, report, report_json
    from crshare.output import write_text

    with progress() as show:
        analysis = pipeline.analyze(source_of(model, sign_layers, rescale), show)
    if json_path is not None:
        write_text(json_path, report_json.analysis_json(analysis))
    console().print(report.analysis_tables(analysis))
