"""The LUTs of a plan's report as a terminal table."""

from rich.console import RenderableType

from crshare.plan.luts import luts_together
from crshare.report.figures import less
from crshare.report.lut_figures import SUMS_NOTE, every_stage
from crshare.report.responsive_table import Fitting, table_of
from crshare.report.schema import PlanReport
from crshare.screen import line


def luts_tables(report: PlanReport) -> list[RenderableType]:
    """LUTs by layer: unshared, the exact graph, and the plan's."""
    if not report.luts:
        return []
    table = table_of("LUTs, by estimate", "Stage")
    for name in ("Unshared", "Exact", "Plan", "Beyond exact"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = every_stage(report)
    for row in (*rows, luts_together(rows)):
        figures = (row.unshared, row.exact, row.planned)
        table.add_row(row.layer, *(f"{n:,}" for n in figures), less(row.planned, row.exact))
    return [Fitting(table), line(SUMS_NOTE, style="dim")]
