"""The section of a whole curve on the test images: its figures and their table."""

from crshare.plan.luts import LayerLuts
from crshare.report.figures import begun
from crshare.report.page.curve_plot import curve_plots
from crshare.report.page.document import Document
from crshare.report.page.markup import Markup, joined
from crshare.report.page.section import Section, legend, plot
from crshare.report.page.tables import Cell, count, saved, signed, table
from crshare.report.schema import CurveReport

NOTE = (
    "Of the plans above those that no other beats on the validation images, measured on the test "
    "images, which chose none of them. Bars are 95 % intervals of the paired loss, each for "
    "itself: of twenty, one may well miss the true loss."
)


def curve_section(document: Document) -> Section | None:
    curve = document.curve
    if curve is None or not curve.tested:
        return None
    entries = [("planned", "plan of another multiplier"), ("exact", "exact sharing")]
    if any(point.price == curve.kept for point, _ in curve.tested):
        entries.append(("reported", "the plan kept"))
    figures = [plot(draw) for draw in curve_plots(curve).values()]
    body = joined([legend(*entries), *figures, curve_table(curve)])
    return Section("curve", "Accuracy on the test images", NOTE, body)


def curve_table(curve: CurveReport) -> Markup:
    """Exact sharing, and each plan that was measured."""
    exact = curve.luts.exact if curve.luts else None
    objective = curve.objective
    rows = [
        [
            Cell("exact sharing", 0.0),
            count(objective.exact),
            saved(objective.exact, objective.exact),
            *_luts(exact, curve.luts),
            Cell(signed(0.0), 0.0),
            Cell("none", 0.0),
        ]
    ]
    for point, test in curve.tested:
        low, high = test.interval_95_points
        kept = " (this plan)" if point.price == curve.kept else ""
        rows.append(
            [
                Cell(f"{point.price:.1e}{kept}", point.price),
                count(point.cost),
                saved(point.cost, objective.exact),
                *_luts(point.luts, curve.luts),
                Cell(signed(test.loss_points), test.loss_points),
                Cell(f"{signed(low)} to {signed(high)}", high),
            ]
        )
    luts = ["LUTs", "beyond exact"] if curve.luts else []
    headings = ["Multiplier", begun(objective.unit), "beyond exact", *luts]
    return table("Plans on the test images", [*headings, "Points lost", "95 % interval"], rows)


def _luts(number: int | None, together: LayerLuts | None) -> list[Cell]:
    """Of a plan that changes no weight they are those of exact sharing."""
    if together is None:
        return []
    now = together.exact if number is None else number
    return [count(now), saved(now, together.exact)]
