"""The folder that `crshare optimize` writes: the plan, its reports and the times of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crshare.pipeline import Outcome, Request

TEXT_WIDTH = 110


def write_outcome(
    folder: Path, outcome: Outcome, request: Request, command: str, seconds: Mapping[str, float]
) -> str:
    """Write all files and return report.json's text; the clock's figures stand in times.json."""
    from crshare import report_json
    from crshare.output import write_text
    from crshare.page.document import parse
    from crshare.page.html import render
    from crshare.plan_file import write_plan

    text = report_json.outcome_json(outcome, request, command)
    spent = [{"stage": what, "seconds": round(n, 2)} for what, n in seconds.items()]
    times = json.dumps(spent, indent=1) + "\n"
    write_plan(outcome.found.plan, outcome.model.path.name, folder / "plan.json")
    write_text(folder / "report.json", text)
    write_text(folder / "report.txt", _as_text(outcome))
    write_text(folder / "times.json", times)
    write_text(folder / "report.html", render(parse(text, times)))
    return text


def _as_text(outcome: Outcome) -> str:
    from rich.console import Console

    from crshare.report import outcome_tables

    page = Console(width=TEXT_WIDTH, record=True, file=StringIO())
    page.print(outcome_tables(outcome))
    return page.export_text()
