"""The folder that `crshare optimize` writes: the plan, its reports and the times of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crshare.evaluation.outcome import Outcome, Request

TEXT_WIDTH = 110


def write_outcome(
    folder: Path, outcome: Outcome, request: Request, command: str, seconds: Mapping[str, float]
) -> str:
    """Write all files and return report.json's text; the clock's figures stand in times.json."""
    from crshare.files import write_text
    from crshare.plan.file import write_plan
    from crshare.planning.checkpoint import forget
    from crshare.report import written as report_json
    from crshare.report.page.document import parse
    from crshare.report.page.html import drawing_style, render
    from crshare.report.page.plots import tradeoff

    text = report_json.outcome_json(outcome, request, command)
    spent = [{"stage": what, "seconds": round(n, 2)} for what, n in seconds.items()]
    times = json.dumps(spent, indent=1) + "\n"
    write_plan(outcome.found.plan, outcome.model.path.name, folder / "plan.json")
    write_text(folder / "report.json", text)
    write_text(folder / "report.txt", _as_text(outcome, request))
    write_text(folder / "times.json", times)
    document = parse(text, times)
    write_text(folder / "report.html", render(document))
    if request.whole_curve:
        write_text(folder / "pareto.json", report_json.curve_json(outcome))
        write_text(folder / "pareto.svg", tradeoff(document).standalone(drawing_style()))
    if request.steps:
        forget(request.steps)
    return text


def shown(outcome: Outcome, request: Request) -> RenderableType:
    """The tables of an outcome, with the whole curve where it was asked for."""
    from rich.console import Group

    from crshare.report.terminal import curve_table, outcome_tables

    tables = outcome_tables(outcome, request)
    return Group(tables, curve_table(outcome)) if request.whole_curve else tables


def _as_text(outcome: Outcome, request: Request) -> str:
    from crshare.screen import Screen

    page = Screen(width=TEXT_WIDTH, record=True, file=StringIO())
    page.print(shown(outcome, request))
    return page.export_text()
