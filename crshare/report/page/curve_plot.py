"""Figures of a whole curve on the test images: points lost against the objective, and LUTs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from crshare.report.page.plots import (
    WIDE,
    budget_line,
    cost_axis,
    frame,
    loss_axis,
    marked,
    named,
    reported,
)
from crshare.report.page.svg import Drawing
from crshare.report.schema import CurveReport, MeasuredAccuracy


@dataclass(frozen=True, slots=True)
class Point:
    """A plan: what it costs, what it loses, and whether it is the one kept."""

    cost: int
    accuracy: MeasuredAccuracy
    kept: bool


def curve_plots(curve: CurveReport) -> dict[str, Callable[..., Drawing]]:
    """By name, each a function of its width: against the objective, and against LUTs where they
    are known and are not the objective. Empty where nothing was measured on test images."""
    tested = curve.tested
    if not tested:
        return {}
    costs = [Point(one.cost, test, one.price == curve.kept) for one, test in tested]
    unit = curve.objective.unit
    found: dict[str, Callable[..., Drawing]] = {}
    found["pareto-test"] = partial(_plot, curve, unit, curve.objective.exact, costs)
    luts = [
        Point(one.luts, test, one.price == curve.kept)
        for one, test in tested
        if one.luts is not None
    ]
    if luts and curve.luts is not None and curve.objective.name != "luts":
        found["pareto-luts"] = partial(_plot, curve, "LUTs", curve.luts.exact, luts)
    return found


def _plot(
    curve: CurveReport, unit: str, exact: int, points: Sequence[Point], width: float = WIDE
) -> Drawing:
    all_ends = [end for point in points for end in point.accuracy.interval_95_points]
    x = cost_axis([exact, *(point.cost for point in points)], width)
    y = loss_axis(all_ends, curve.max_loss_points)
    title = f"Accuracy lost on the test images against {unit}"
    name = f"test-{unit.lower().replace(' ', '-')}"
    drawing = Drawing(named(name, width), width, 372, title, _said(unit, points))
    layers = "sums of unrolled layers" if unit == "LUTs" else "for one image, all layers"
    frame(drawing, x, y, f"{unit}, {layers}", "points lost")
    for point in sorted(points, key=lambda point: point.kept):
        if point.kept:
            reported(drawing, x.at(point.cost), y, point.accuracy)
            continue
        lost, ends = point.accuracy.loss_points, point.accuracy.interval_95_points
        hint = f"{point.cost:,} {unit}, {lost:+.2f} points lost"
        marked(drawing, x.at(point.cost), y, lost, ends, "planned", hint)
    drawing.circle(x.at(exact), y.at(0), 5, "exact", f"exact sharing: {exact:,}, no loss")
    budget_line(drawing, x, y, curve.max_loss_points)
    return drawing


def _said(unit: str, points: Sequence[Point]) -> str:
    each = (
        f"{point.cost:,} {unit} lose {point.accuracy.loss_points:.2f} points"
        + (", the plan kept" if point.kept else "")
        for point in points
    )
    return "; ".join(each) + "."
