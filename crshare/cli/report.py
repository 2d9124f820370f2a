"""`crshare report`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.arguments import IN_FILE, IN_FOLDER, MODEL, OUT_FILE, OUT_FOLDER, ChoiceOf
from crshare.cli.shared import (
    console,
    deliver,
    json_option,
    model_options,
    refuse_for_tables,
    source_of,
)
from crshare.errors import CrshareError

if TYPE_CHECKING:
    from crshare.model.read import Model
    from crshare.report.page.document import Document


@click.command()
@click.argument("folder", metavar="DIR", type=IN_FOLDER)
@click.option("-o", "--output", type=OUT_FILE, help="The page to write. [default: DIR/report.html]")
@click.option(
    "--channel",
    metavar="LAYER:INDEX",
    help="Draw the sharing groups of this channel; of a model of your own, needs --model.",
)
@click.option("--model", type=MODEL, help="The model that the plan was made for.")
@click.option(
    "--luts",
    type=IN_FILE,
    help="What `synth PLAN --against EXACT --against UNSHARED --by-layer --json FILE` wrote.",
)
@click.option(
    "--curve", type=IN_FILE, help="What `generate --plan PLAN --curve PICTURE --json FILE` wrote."
)
@click.option(
    "--figures",
    type=OUT_FOLDER,
    help="Write figures for a paper to this folder as well; needs the extra `report`.",
)
@click.option(
    "--format",
    "kind",
    type=ChoiceOf("crshare.report.paper_figures", "FORMATS"),
    default="pdf",
    show_default=True,
    help="Of the figures.",
)
@json_option
@model_options
def report(
    folder: Path,
    output: Path | None,
    channel: str | None,
    model: Path | None,
    luts: Path | None,
    curve: Path | None,
    figures: Path | None,
    kind: str,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write the page of a plan: DIR is a folder that `optimize` wrote."""
    from crshare.images.digits import demo_model
    from crshare.report.page.document import read_document, with_luts, with_rates
    from crshare.report.page.html import render, section_titles
    from crshare.report.page.lut_page import lut_page, lut_section_titles, read_lut_report

    tables = read_lut_report(folder)
    if tables is not None:
        refuse_for_tables("channel", "model", "luts", "curve", "figures", "kind")
        page, titles = lut_page(tables), lut_section_titles(tables)
        _deliver(output or folder / "report.html", page, tables.model, titles, json_path)
        return
    document = read_document(folder)
    if luts is not None:
        document = with_luts(document, luts)
    if curve is not None:
        document = with_rates(document, curve)
    if channel is not None:
        layer, index = _channel_of(channel)
        source = source_of(model or demo_model(), sign_layers, rescale)
        loaded = source.read()
        if model is None and loaded.weights_hash != document.report.fingerprint:
            raise CrshareError(
                f"--channel {channel}: its slices are in the model; name it with --model FILE"
            )
        document = _with_channel(document, folder, loaded, layer, index)
    target = output or folder / "report.html"
    drawn = _figures(document, figures, kind) if figures else []
    titles = section_titles(document)
    _deliver(target, render(document), document.report.model, titles, json_path, drawn)
    if drawn:
        console(json_path).print(f"Wrote {', '.join(drawn)} to {figures}.")


def _deliver(
    target: Path,
    page: str,
    model: str,
    titles: list[str],
    json_path: Path | None,
    drawn: Sequence[str] = (),
) -> None:
    """Write the page, and say what is in it."""
    from crshare.files import write_text
    from crshare.report.command_schemas import PageWritten
    from crshare.typed_json import write_json

    write_text(target, page)
    written = PageWritten(
        page=str(target), model=model, sections=tuple(titles), figures=tuple(drawn)
    )
    deliver(json_path, write_json(written))
    console(json_path).print(f"Wrote {target}: open it in a browser.")


def _figures(document: Document, folder: Path, kind: str) -> list[str]:
    """The names of the files that were written."""
    from crshare.files import write_bytes
    from crshare.report.paper_figures import figures

    if document.plan is None:
        return []
    drawn = figures(document.plan, kind, document.curve)
    for name, content in drawn.items():
        write_bytes(folder / name, content)
    return sorted(drawn)


def _channel_of(channel: str) -> tuple[str, int]:
    layer, _, index = channel.rpartition(":")
    if not layer or not re.fullmatch("[0-9]{1,9}", index):
        raise CrshareError(f"--channel {channel}: expected LAYER:INDEX as in conv2:5")
    return layer, int(index)


def _with_channel(
    document: Document, folder: Path, loaded: Model, layer: str, index: int
) -> Document:
    from crshare.plan.file import read_plan
    from crshare.report.page.channel import with_channel

    plan = read_plan(folder / "plan.json", loaded.network, loaded.weights_hash)
    return with_channel(document, loaded.network, plan, layer, index)
