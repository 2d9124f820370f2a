"""Figures with two axes: accuracy against operations, Hamming distances, thresholds."""

from collections.abc import Sequence

from crshare.report.page.axis import Axis, Scale, axis_over, label
from crshare.report.page.svg import Drawing
from crshare.report.schema import MeasuredAccuracy, PlanReport, TriedPlan
from crshare.report.slice_statistics import LayerStatistics, ThresholdStatistics

Point = tuple[float, float]
WIDE, NARROW = 720.0, 388.0  # of the page's column, and of a telephone's
MARGIN = 20.0  # right of the horizontal axis
LEFT, TOP, BOTTOM = 56.0, 30.0, 320.0


def named(name: str, width: float) -> str:
    """The name of a drawing that a page has in two widths."""
    return name if width == WIDE else f"{name}-narrow"


def tradeoff(report: PlanReport, width: float = WIDE) -> Drawing:
    """Every tried plan: its cost, and the points lost with their 95 % interval."""
    unit, exact, planned = (report.objective.unit, report.objective.exact, report.objective.planned)
    tried, accuracy = report.search.tried, report.accuracy
    ends = [end for entry in tried for end in entry.loss.interval_points]
    ends += accuracy.interval_95_points if accuracy else ()
    x = cost_axis([exact, planned, *(entry.cost for entry in tried)], width)
    budget = report.request.max_loss_points
    y = loss_axis(ends, budget)
    said = _said(report, planned)
    drawing = Drawing(named("tradeoff", width), width, 372, f"Accuracy lost against {unit}", said)
    frame(drawing, x, y, f"{unit} for one image, all layers", "points lost")
    drawing.path(_stairs(tried, exact, x, y), "pareto")
    drawing.circle(x.at(exact), y.at(0), 5, "exact", f"exact sharing: {exact:,}, no loss")
    for entry in tried:
        look = "planned" if entry.within else "refused"
        hint = f"{entry.cost:,} {unit}, {entry.loss.loss_points:+.2f} points lost"
        lost, ends_of_it = entry.loss.loss_points, entry.loss.interval_points
        marked(drawing, x.at(entry.cost), y, lost, ends_of_it, look, hint)
    if accuracy is not None:
        reported(drawing, x.at(planned), y, accuracy)
    budget_line(drawing, x, y, budget)
    return drawing


def cost_axis(costs: Sequence[float], width: float) -> Axis:
    """Across, a little longer than the costs."""
    low, high = min(costs), max(costs)
    margin = (high - low) * 0.06 or high * 0.1 or 1.0
    return axis_over(max(0.0, low - margin), high + margin, LEFT, width - MARGIN, n_ticks(width))


def n_ticks(width: float) -> int:
    """About so many labels have room below an axis."""
    return 8 if width == WIDE else 4


def loss_axis(ends: Sequence[float], budget: float) -> Axis:
    """Upwards, with 0, the ends of all intervals and the budget on it."""
    return axis_over(min([0.0, *ends]), max([budget * 1.1, 0.1, *ends]), BOTTOM, TOP, 6)


def frame(drawing: Drawing, x: Scale, y: Scale, across: str, up: str) -> None:
    """Ticks and names of both axes."""
    for tick in y.ticks(6):
        drawing.line(x.start, y.at(tick), x.end, y.at(tick), "axis" if tick == 0 else "grid")
        drawing.text(x.start - 8, y.at(tick) + 4, label(tick), "figure", "end")
    for tick in x.ticks(n_ticks(drawing.width)):
        drawing.line(x.at(tick), y.start, x.at(tick), y.start + 4, "axis")
        drawing.text(x.at(tick), y.start + 18, label(tick), "figure", "middle")
    drawing.text((x.start + x.end) / 2, y.start + 40, across, "label", "middle")
    drawing.text(0, 13, up, "label")


def budget_line(drawing: Drawing, x: Axis, y: Axis, points: float) -> None:
    """Over what is drawn before, to be read there; nothing where there is no budget."""
    if not points:
        return
    drawing.line(x.start, y.at(points), x.end, y.at(points), "budget")
    drawing.text(x.end, y.at(points) - 6, f"budget {points:g}", "label haloed", "end")


def _stairs(tried: Sequence[TriedPlan], exact: float, x: Axis, y: Axis) -> list[Point]:
    """The plans that no other beats in both, as a line from exact sharing downwards."""
    places = sorted([(exact, 0.0), *((e.cost, e.loss.loss_points) for e in tried)])
    least, kept = float("inf"), list[Point]()
    for cost, loss in places:
        if loss < least:
            least = loss
            kept.append((x.at(cost), y.at(loss)))
    return corners(kept)


def corners(points: list[Point]) -> list[Point]:
    """A line from point to point in steps, first across, then up or down."""
    found = [
        corner
        for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False)
        for corner in ((x1, y1), (x2, y1), (x2, y2))
    ]
    return found or points


def marked(
    drawing: Drawing, x: float, y: Axis, points: float, ends: Point, look: str, hint: str
) -> None:
    """A plan: the points it loses, and the ends of their interval."""
    low, high = ends
    drawing.line(x, y.at(low), x, y.at(high), "whisker")
    drawing.circle(x, y.at(points), 5, look, hint)


def reported(drawing: Drawing, x: float, y: Axis, accuracy: MeasuredAccuracy) -> None:
    """The plan that was kept, on the images that no plan was chosen on: a square, and an interval
    with ends."""
    low, high = accuracy.interval_95_points
    place = y.at(accuracy.loss_points)
    drawing.line(x, y.at(low), x, y.at(high), "whisker strong")
    for end in (low, high):
        drawing.line(x - 5, y.at(end), x + 5, y.at(end), "whisker strong")
    hint = f"reported: {accuracy.loss_points:.2f} points lost ({low:.2f} to {high:.2f})"
    drawing.rect(x - 5, place - 5, 10, 10, "reported", hint)


def _said(report: PlanReport, planned: int) -> str:
    entries = [
        f"{entry.cost:,} {report.objective.unit} lose {entry.loss.loss_points:.2f} points"
        for entry in report.search.tried
    ]
    if report.accuracy is not None:
        loss = report.accuracy.loss_points
        entries.append(f"the plan kept, {planned:,}, loses {loss:.2f} on the test images")
    return "; ".join(entries) + "."


def distance_panel(statistics: LayerStatistics, *, planned: bool) -> Drawing:
    """Shares of a layer's classes and slices by Hamming distance."""
    series = [("before", _shares(statistics.nearest))]
    if planned:
        series.append(("after", _shares(statistics.taken)))
    n_bins = max(2, *(_last(shares) + 1 for _, shares in series))
    said = "; ".join(
        f"distance {d}: " + ", ".join(f"{_at(shares, d):.2f}" for _, shares in series)
        for d in range(n_bins)
    )
    title = f"Hamming distances in {statistics.layer}"
    drawing = Drawing(f"distance-{statistics.layer}", 240, 158, title, said + ".")
    drawing.text(0, 12, statistics.layer, "heading")
    y = Axis(0, 1, 118, 26)
    for tick in (0.0, 0.5, 1.0):
        drawing.line(40, y.at(tick), 240, y.at(tick), "grid" if tick else "axis")
        drawing.text(34, y.at(tick) + 4, f"{100 * tick:.0f} %", "figure", "end")
    drawing.text(140, 152, "weights that differ", "label", "middle")
    slot = 200 / n_bins
    width = min(22.0, 0.8 * slot / len(series))
    for d in range(n_bins):
        middle = 40 + slot * (d + 0.5)
        drawing.text(middle, 134, str(d), "figure", "middle")
        for number, (look, shares) in enumerate(series):
            left = middle + width * (number - len(series) / 2)
            top, value = y.at(_at(shares, d)), _at(shares, d)
            drawing.rect(left, top, width - 1, 118 - top, look, f"{d}: {100 * value:.1f} %")
    return drawing


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _at(shares: Sequence[float], index: int) -> float:
    return shares[index] if index < len(shares) else 0.0


def _last(shares: Sequence[float]) -> int:
    return max((index for index, share in enumerate(shares) if share), default=0)


def threshold_panel(statistics: ThresholdStatistics) -> Drawing:
    """Each channel's threshold before (across), and by how much the plan moves it (up)."""
    moves = [after - old for after, old in zip(statistics.after, statistics.before, strict=True)]
    x = _snug(statistics.before, 46, 236)
    y = _snug((0, *moves), 196, 26)
    said = f"{len(moves)} channels; the farthest moves by {max(map(abs, moves), default=0)}."
    drawing = Drawing(
        f"threshold-{statistics.layer}", 240, 234, f"Thresholds of {statistics.layer}", said
    )
    drawing.text(0, 12, statistics.layer, "heading")
    for tick in filter(float.is_integer, y.ticks(4)):
        drawing.line(46, y.at(tick), 236, y.at(tick), "grid" if tick else "axis")
        drawing.text(40, y.at(tick) + 4, label(tick), "figure", "end")
    for tick in filter(float.is_integer, x.ticks(3)):
        drawing.line(x.at(tick), 196, x.at(tick), 200, "axis")
        drawing.text(x.at(tick), 212, label(tick), "figure", "middle")
    for before, move in zip(statistics.before, moves, strict=True):
        drawing.circle(x.at(before), y.at(move), 2.4, "dot")
    drawing.text(141, 230, "threshold before", "label", "middle")
    return drawing


def _snug(values: Sequence[int], start: float, end: float) -> Axis:
    """An axis a little longer than its values, so that no tick's label leaves the drawing."""
    low, high = min(values, default=0), max(values, default=1)
    margin = max(1.0, 0.12 * (high - low))
    return Axis(low - margin, high + margin, start, end)
