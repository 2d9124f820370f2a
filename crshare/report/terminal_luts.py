"""The LUTs of a plan's report as a terminal table."""

from rich.console import RenderableType

from crshare.report.figures import less
from crshare.report.lut_figures import luts_together
from crshare.report.responsive_table import Fitting, table_of
from crshare.report.schema import PlanReport


def luts_tables(report: PlanReport) -> list[RenderableType]:
    """LUTs by layer: unshared, the exact graph, and the plan's."""
    if not report.luts:
        return []
    table = table_of("LUTs of the sums of layers that stay unrolled, one window a clock", "Layer")
    for name in ("Unshared", "Exact", "Plan", "Beyond exact"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in (*report.luts, luts_together(report.luts)):
        figures = (row.unshared, row.exact, row.planned)
        table.add_row(row.layer, *(f"{n:,}" for n in figures), less(row.planned, row.exact))
    return [Fitting(table)]
