"""The page of a LUT network: its tables by layer, and what fewer of them lose."""

from functools import partial
from pathlib import Path

from crshare.errors import CrshareError
from crshare.files import read_file_bytes
from crshare.report.figures import in_points, less
from crshare.report.lut_report import LutReport, kept_line, note
from crshare.report.page.bars import Row, bar_panel
from crshare.report.page.document import GIVE, MAX_BYTES
from crshare.report.page.html import framed
from crshare.report.page.markup import Markup, element, in_lines, joined
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
from crshare.report.page.section import definitions, legend, panels, plot
from crshare.report.page.svg import Drawing
from crshare.strict_json import JsonError
from crshare.typed_json import read_json

TABLES, TRADEOFF = "Tables by layer", "Accuracy against tables"
REPRODUCE = "How to reproduce"


def lut_page(report: LutReport) -> str:
    """The whole page; it needs no network and no other file."""
    title = f"{report.model}: {'plan' if report.changed_nodes else 'analysis'} of a LUT network"
    parts = [_section("tables", TABLES, note(report), _bars(report))]
    parts += [_tried(report)] if report.tried else []
    parts.append(_reproduce(report))
    lead = f"{report.library}, {len(report.layers)} layers of tables."
    return framed(title, f"crshare {report.crshare}", lead, _cards(report), *parts)


def lut_section_titles(report: LutReport) -> list[str]:
    return [TABLES, *([TRADEOFF] if report.tried else []), REPRODUCE]


def read_lut_report(folder: Path) -> LutReport | None:
    """What `crshare optimize` wrote of a LUT network into a folder; None where it is not that."""
    try:
        content = read_file_bytes(folder / "report.json", CrshareError, GIVE, MAX_BYTES)
        return read_json(content, LutReport)
    except JsonError:
        return None


def _section(name: str, title: str, note: str, body: Markup) -> Markup:
    return element(
        "section", element("h2", title), element("p", note, class_="note"), body, id=name
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


def _bars(report: LutReport) -> Markup:
    looks = [("before", "as trained"), ("exact", "by exact sharing"), ("after", "by the plan")]
    return joined([legend(*looks[: 2 + report.plans]), panels([_panel(report)])])


def _panel(report: LutReport) -> Drawing:
    planned = [("after", "planned")] if report.plans else []
    bars = [("before", "n_nodes"), ("exact", "left"), *planned]
    rows = [
        Row(layer.layer, tuple((look, getattr(layer, what)) for look, what in bars))
        for layer in report.layers
    ]
    return bar_panel("Tables", rows)


def _tradeoff(report: LutReport, width: float = WIDE) -> Drawing:
    """Every network tried: its tables, and the points lost with their 95 % interval."""
    accuracy, planned = report.accuracy, report.total("planned")
    ends = [end for one in report.tried for end in one.loss.interval_points]
    ends += accuracy.interval_95_points if accuracy else ()
    counts = [report.total("left"), planned, *(one.tables for one in report.tried)]
    x, y = cost_axis(counts, width), loss_axis(ends, report.max_loss_points)
    said = "; ".join(
        f"{one.tables:,} tables lose {one.loss.loss_points:.2f} points" for one in report.tried
    )
    name, title = named("lut-tradeoff", width), "Accuracy lost against tables"
    drawing = Drawing(name, width, 372, title, f"{said}.")
    frame(drawing, x, y, "tables (LUT6)", "points lost")
    for one in report.tried:
        lost, ends_of_it = one.loss.loss_points, one.loss.interval_points
        within = (ends_of_it[1] if report.confident else lost) <= report.max_loss_points
        look = "planned" if within or one.kept else "refused"
        hint = f"{one.tables:,} tables, {lost:+.2f} points lost"
        marked(drawing, x.at(one.tables), y, lost, ends_of_it, look, hint)
    if accuracy is not None:
        reported(drawing, x.at(planned), y, accuracy)
    budget_line(drawing, x, y, report.max_loss_points)
    return drawing


def _tried(report: LutReport) -> Markup:
    note = (
        f"Of the networks tried, on the validation images, with 95 % intervals; the budget is "
        f"{in_points(report.max_loss_points)}. Chosen on {report.chosen_on}. {kept_line(report)}"
    ).rstrip()
    entries = [("planned", "within the budget"), ("refused", "lost too much, or not sure")]
    if report.accuracy is not None:
        entries.append(("reported", "the plan kept, on the test images"))
    body = joined([legend(*entries), plot(partial(_tradeoff, report))])
    return _section("tradeoff", TRADEOFF, note, body)


def _reproduce(report: LutReport) -> Markup:
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    rows = definitions(
        ("Command", element("code", report.command)),
        ("Fingerprint", element("code", report.fingerprint)),
        ("Versions", f"crshare {report.crshare}, {versions}"),
    )
    note = "The fingerprint is a hash of the network's tables and weights."
    return _section("reproduce", REPRODUCE, note, rows)
