"""The page of a LUT network: its tables by layer, and what fewer of them lose."""

from crshare.report.figures import less
from crshare.report.lut_report import LutReport, kept_line, note
from crshare.report.page.axis import axis_over, label
from crshare.report.page.bars import Row, bar_panel
from crshare.report.page.html import framed
from crshare.report.page.markup import Markup, element, in_lines
from crshare.report.page.svg import Drawing

LEFT, RIGHT, TOP, BOTTOM = 56.0, 700.0, 30.0, 320.0


def lut_page(report: LutReport) -> str:
    """The whole page; it needs no network and no other file."""
    title = f"{report.model}: {'plan' if report.changed_nodes else 'analysis'} of a LUT network"
    parts = [_section("tables", "Tables by layer", note(report), _panel(report))]
    if report.tried:
        said = (
            f"Loss on validation images, with its 95 % interval, of the networks tried; the budget "
            f"is {report.max_loss_points:g} points. Chosen on {report.chosen_on}. "
            f"{kept_line(report)}"
        ).rstrip()
        parts.append(_section("tradeoff", "Accuracy against tables", said, _tradeoff(report)))
    lead = f"{report.library}, {len(report.layers)} layers of tables."
    return framed(title, f"crshare {report.crshare}", lead, _cards(report), *parts)


def _section(name: str, title: str, note: str, drawing: Drawing) -> Markup:
    figure = element("div", element("figure", drawing.markup()), class_="panels")
    return element(
        "section", element("h2", title), element("p", note, class_="note"), figure, id=name
    )


def _cards(report: LutReport) -> Markup:
    nodes, left, planned = (report.total(key) for key in ("n_nodes", "left", "planned"))
    found = [("Tables, exact sharing", f"−{less(left, nodes)}", f"{nodes:,} → {left:,}")]
    if report.changed_nodes:
        found.append(("Tables, plan", f"−{less(planned, nodes)}", f"{nodes:,} → {planned:,}"))
    if report.accuracy is not None:
        one = report.accuracy
        found.append(
            (
                f"Points lost on {one.n_images:,} images",
                f"{one.loss_points:.2f}".replace("-", "−"),
                f"{one.before_percent:.2f} % → {one.after_percent:.2f} %",
            )
        )
    items = (
        element("li", element("span", what, class_="what"), element("strong", figure),
                element("span", more))
        for what, figure, more in found
    )  # fmt: skip
    return element("ul", in_lines(*items), class_="cards")


def _panel(report: LutReport) -> Drawing:
    planned = [("after", "planned")] if report.plans else []
    bars = [("before", "n_nodes"), ("exact", "left"), *planned]
    rows = [
        Row(layer.layer, tuple((look, getattr(layer, what)) for look, what in bars))
        for layer in report.layers
    ]
    by_plan = ", by the plan" if report.plans else ""
    return bar_panel(f"Tables: as trained, by exact sharing{by_plan}", rows)


def _tradeoff(report: LutReport) -> Drawing:
    ends = [end for one in report.tried for end in one.loss.interval_points]
    if report.accuracy is not None:
        ends += report.accuracy.interval_95_points
    counts = [report.total("left"), *(one.tables for one in report.tried)]
    x = axis_over(min(counts) * 0.95, max(counts) * 1.05, LEFT, RIGHT, 8)
    y = axis_over(min([0.0, *ends]), max([report.max_loss_points * 1.1, *ends]), BOTTOM, TOP, 6)
    said = "; ".join(
        f"{one.tables:,} tables lose {one.loss.loss_points:.2f} points" for one in report.tried
    )
    drawing = Drawing("lut-tradeoff", 720, 372, "Accuracy lost against tables", f"{said}.")
    for tick in y.ticks(6):
        drawing.line(x.start, y.at(tick), x.end, y.at(tick), "axis" if tick == 0 else "grid")
        drawing.text(x.start - 8, y.at(tick) + 4, label(tick), "figure", "end")
    for tick in x.ticks(8):
        drawing.text(x.at(tick), y.start + 18, label(tick), "figure", "middle")
    drawing.text((x.start + x.end) / 2, y.start + 40, "tables (LUT6)", "label", "middle")
    drawing.text(0, 13, "points lost", "label")
    budget = y.at(report.max_loss_points)
    drawing.line(x.start, budget, x.end, budget, "budget")
    for one in report.tried:
        at, (low, high) = x.at(one.tables), one.loss.interval_points
        drawing.line(at, y.at(low), at, y.at(high), "whisker")
        look = "planned" if one.kept else "refused"
        hint = f"{one.tables:,} tables, {one.loss.loss_points:+.2f} points lost"
        drawing.circle(at, y.at(one.loss.loss_points), 5, look, hint)
    if report.accuracy is not None:
        at, loss = x.at(report.total("planned")) + 11, report.accuracy.loss_points
        hint = f"test images: {loss:.2f} points lost"
        drawing.rect(at - 5, y.at(loss) - 5, 10, 10, "reported", hint)
    return drawing
