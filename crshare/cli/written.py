"""The folder that `crshare optimize` writes: the plan, its reports and the times of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from crshare.evaluation.lut_outcome import LutOutcome
    from crshare.evaluation.outcome import Outcome, Request
    from crshare.report.lut_report import LutReport
    from crshare.report.schema import CurveReport, PlanReport

TEXT_WIDTH = 110


def write_outcome(
    folder: Path, outcome: Outcome, request: Request, command: str, seconds: Mapping[str, float]
) -> tuple[PlanReport, CurveReport | None]:
    """Write all files and return what the report and, if it was asked for, the curve say.

    The clock's figures stand in times.json alone.
    """
    from crshare.files import write_text
    from crshare.plan.file import write_plan
    from crshare.planning.checkpoint import forget
    from crshare.report.page.curve_plot import curve_plots
    from crshare.report.page.document import Spent, document_of, with_planned
    from crshare.report.page.html import drawing_style, render
    from crshare.report.page.plots import tradeoff
    from crshare.report.written import curve_report, plan_report
    from crshare.typed_json import write_json

    report = plan_report(outcome, request, command)
    curve = curve_report(outcome, request) if request.whole_curve else None
    spent = tuple(Spent(stage, round(n, 2)) for stage, n in seconds.items())
    path = folder / "plan.json"
    model = outcome.model
    write_plan(outcome.found.plan, model.path.name, path, outcome.images, read_with=model.read_with)
    write_text(folder / "report.json", write_json(report))
    write_text(folder / "report.txt", _as_text(shown(report, curve)))
    write_text(folder / "times.json", write_json(spent))
    document = replace(document_of(report, spent), curve=curve)
    write_text(folder / "report.html", render(with_planned(document, path)))
    if curve is not None:
        write_text(folder / "pareto.json", write_json(curve))
        write_text(folder / "pareto.csv", outcome.curve.csv())
        style = drawing_style()
        write_text(folder / "pareto.svg", tradeoff(report).standalone(style))
        for name, draw in curve_plots(curve).items():
            write_text(folder / f"{name}.svg", draw().standalone(style))
    if request.kept_candidates and not outcome.found.lost:
        forget(request.kept_candidates)
    return report, curve


def written_luts(
    report: LutReport,
    json_path: Path | None,
    html_path: Path | None = None,
    csv_path: Path | None = None,
) -> None:
    """What a command says of a LUT network, and its page where one was asked for."""
    from crshare.cli.shared import deliver, write_csv
    from crshare.files import write_text
    from crshare.report.lut_report import lut_tables
    from crshare.report.page.lut_page import lut_page
    from crshare.typed_json import write_json

    if html_path is not None:
        write_text(html_path, lut_page(report))
    write_csv(csv_path, report.table())
    deliver(json_path, write_json(report), lut_tables(report))


def write_luts(folder: Path, outcome: LutOutcome, report: LutReport) -> None:
    """The plan, the report and its page."""
    from crshare.files import write_text
    from crshare.plan.lut_plan import write_lut_plan
    from crshare.report.lut_report import lut_tables
    from crshare.report.page.lut_page import lut_page
    from crshare.typed_json import write_json

    write_lut_plan(outcome.plan, folder / "plan.json")
    write_text(folder / "report.json", write_json(report))
    write_text(folder / "report.txt", _as_text(lut_tables(report)))
    write_text(folder / "report.html", lut_page(report))


def shown(report: PlanReport, curve: CurveReport | None) -> RenderableType:
    """The tables of a plan, with the whole curve where it was asked for."""
    from rich.console import Group

    from crshare.report.terminal import curve_table, measured_table, plan_tables

    tables = plan_tables(report)
    if curve is None:
        return tables
    return Group(tables, curve_table(curve), *([measured_table(curve)] if curve.tested else []))


def _as_text(tables: RenderableType) -> str:
    from crshare.screen import Screen

    page = Screen(width=TEXT_WIDTH, record=True, file=StringIO())
    page.print(tables)
    return page.export_text()
