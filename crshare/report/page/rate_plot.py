"""The figure of LUTs against clocks an image, both by ratio."""

from collections.abc import Sequence

from crshare.report.page.axis import LogAxis
from crshare.report.page.plots import (
    BOTTOM,
    LEFT,
    MARGIN,
    TOP,
    WIDE,
    Point,
    corners,
    frame,
    named,
)
from crshare.report.page.svg import Drawing
from crshare.report.rates import RateLimit, RatePoint, Rates

FAR = 3  # a limit so many times above or below all points is left out


def rate_plot(rates: Rates, width: float = WIDE) -> Drawing:
    """Each curve in steps, since a choice holds until the next needs fewer LUTs."""
    points = [*rates.exact, *rates.planned]
    shown = limit_in_sight(rates)
    luts = [point.luts for point in points] + ([shown.luts] if shown else [])
    x = LogAxis(min(rates.clocks) / 1.2, max(rates.clocks) * 1.2, LEFT, width - MARGIN)
    y = LogAxis(max(1, min(luts)) / 1.15, max(luts) * 1.15, BOTTOM, TOP)
    drawing = Drawing(
        named("rates", width), width, 372, "LUTs against clocks an image", _said(rates)
    )
    frame(drawing, x, y, "clocks an image", "LUTs")
    for look, curve in (("exact", rates.exact), ("planned", rates.planned)):
        _curve(drawing, curve, look, x, y)
    if shown:
        height = y.at(shown.luts)
        drawing.line(x.start, height, x.end, height, "budget")
        drawing.text(x.end, height - 6, limit_words(shown), "label", "end")
    _key(drawing, planned=bool(rates.planned))
    return drawing


def limit_in_sight(rates: Rates) -> RateLimit | None:
    """The limit, where it is near enough to the points to be drawn."""
    luts = [point.luts for point in (*rates.exact, *rates.planned)]
    limit = rates.limit
    return limit if limit and min(luts) / FAR <= limit.luts <= max(luts) * FAR else None


def limit_words(limit: RateLimit) -> str:
    return f"{100 * limit.utilisation:.0f} % of {limit.device}: {limit.luts:,} LUTs"


def _curve(drawing: Drawing, curve: Sequence[RatePoint], look: str, x: LogAxis, y: LogAxis) -> None:
    places: list[Point] = [(x.at(point.clocks), y.at(max(1, point.luts))) for point in curve]
    drawing.path(corners(places), f"stairs {look}")
    for point, (across, up) in zip(curve, places, strict=True):
        drawing.circle(across, up, 4, look, _hint(point))


def _hint(point: RatePoint) -> str:
    blocks = f", {point.block_rams_18k:,} block RAMs" if point.block_rams_18k else ""
    return f"{point.clocks:,} clocks: {point.luts:,} LUTs{blocks}"


def _key(drawing: Drawing, *, planned: bool) -> None:
    entries = [("exact", "exact sharing"), *([("planned", "this plan")] if planned else [])]
    for place, (look, words) in enumerate(entries):
        left = LEFT + 44 + 110.0 * place
        drawing.circle(left, 9, 4, look)
        drawing.text(left + 9, 13, words)


def _said(rates: Rates) -> str:
    named = (("exact sharing", rates.exact), ("this plan", rates.planned))
    said = [
        f"{name}: {', '.join(f'{one.clocks:,} clocks {one.luts:,} LUTs' for one in curve)}"
        for name, curve in named
        if curve
    ]
    said += [limit_words(rates.limit)] if rates.limit else []
    return "; ".join(said) + "."
