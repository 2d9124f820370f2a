"""Figures with one row for each layer: measures before and after, and slices against chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from crshare.plan.cost import LayerCounts
from crshare.plan.luts import LayerLuts
from crshare.report.figures import MEASURES, change, short
from crshare.report.page.axis import Axis
from crshare.report.page.document import Document
from crshare.report.page.plots import MARGIN, WIDE, named
from crshare.report.page.svg import Drawing

PANEL = 370.0
BAR, STEP, GAP = 9.0, 12.0, 10.0
ROOM = 92.0  # right of the longest bar, for its figures
LETTER = 7.4  # room for a character of a label
LONGEST = 16  # characters of a layer's name that are shown


Bars = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One layer in a panel of bars: each (look, value), the first being that before sharing."""

    name: str
    bars: Bars


def measure_panels(document: Document) -> list[Drawing]:
    """Slice operations, additions, full adders and, where they were synthesised, LUT sites."""
    panels = [
        bar_panel(
            name, [Row(_name(layer), _bars(layer, key, document)) for layer in _sorted(document)]
        )
        for name, key in MEASURES
    ]
    luts = [Row(one.layer, _of_luts(one, document)) for one in document.luts]
    return [*panels, *([bar_panel("LUT sites", luts)] if luts else [])]


def _sorted(document: Document) -> list[LayerCounts]:
    return sorted(document.layers, key=lambda layer: layer.integer_input)


def _name(layer: LayerCounts) -> str:
    return f"{layer.layer} (first)" if layer.integer_input else layer.layer


def _bars(layer: LayerCounts, measure: str, document: Document) -> Bars:
    """Of slices, then of graphs; those of a plan where there is one."""
    looks = [("exact", "exact"), ("after", "after")]
    if measure != "slice_operations":
        looks += [("graphexact", "exact_graph"), ("graph", "graph")]
    shown = [one for one in looks if document.plan or one[0] in ("exact", "graphexact")]
    ends = [("before", "before"), *shown]
    return tuple((look, getattr(getattr(layer, field), measure)) for look, field in ends)


def _of_luts(one: LayerLuts, document: Document) -> Bars:
    bars = (("before", one.unshared), ("graphexact", one.exact), ("graph", one.planned))
    return bars if document.plan else bars[:2]


def bar_panel(title: str, rows: Sequence[Row]) -> Drawing:
    """Bars side by side for each layer, each with its value and what it saves."""
    gutter = _gutter([row.name for row in rows])
    longest = max((value for row in rows for _, value in row.bars), default=1)
    axis = Axis(0, max(longest, 1), gutter, PANEL - ROOM)
    height = 26 + sum(len(row.bars) * STEP + GAP for row in rows)
    drawing = Drawing(_slug(title), PANEL, height, f"{title} by layer", _spoken(rows))
    drawing.text(0, 12, title, "heading")
    y = 26.0
    for row in rows:
        _draw_row(drawing, row, axis, y)
        y += len(row.bars) * STEP + GAP
    drawing.line(gutter, 22, gutter, y - GAP + 2, "axis")
    return drawing


def _draw_row(drawing: Drawing, row: Row, axis: Axis, y: float) -> None:
    middle = y + (len(row.bars) * STEP) / 2 + 2
    drawing.text(axis.start - 6, middle, shown(row.name), "label", "end")
    before = row.bars[0][1]
    for look, value in row.bars:
        drawing.rect(axis.start, y, axis.at(value) - axis.start, BAR, look)
        saved = "" if look == "before" else f"  {change(value, before)}"
        drawing.text(axis.at(value) + 4, y + 8.2, f"{short(value)}{saved}", "figure")
        y += STEP


def _spoken(rows: Sequence[Row]) -> str:
    parts = []
    for row in rows:
        values = ", ".join(f"{_SAID[look]} {value:,}" for look, value in row.bars)
        parts.append(f"{row.name}: {values}")
    return "; ".join(parts) + "."


_SAID = {
    "before": "unshared",
    "exact": "exact sharing",
    "after": "the plan",
    "graphexact": "an exact adder graph",
    "graph": "an adder graph of the plan's weights",
}


def chance_plot(document: Document, width: float = WIDE) -> Drawing:
    """For each layer the share of slices to compute: by chance, exactly shared, as planned."""
    portraits = document.portraits
    gutter = _gutter([p.layer for p in portraits])
    right = width - MARGIN
    axis = Axis(0, 1, gutter, right)
    height = 30 + 26 * len(portraits) + 34
    said = "; ".join(
        f"{p.layer}: chance {p.chance_inverse:.3f}, exact {p.n_up_to_inverse / p.n_slices:.3f}, "
        f"plan {p.n_computed / p.n_slices:.3f}"
        for p in portraits
    )
    drawing = Drawing(
        named("chance", width), width, height, "Share of slices to compute, by layer", said + "."
    )
    bottom = 14.0 + 26 * len(portraits)
    for tick in axis.ticks(5):
        drawing.line(axis.at(tick), 10, axis.at(tick), bottom, "grid")
        drawing.text(axis.at(tick), bottom + 16, f"{tick:.1f}", "figure", "middle")
    drawing.text((gutter + right) / 2, bottom + 36, "share of slices to compute", "label", "middle")
    for number, statistics in enumerate(portraits):
        y = 26.0 + 26 * number
        exact = statistics.n_up_to_inverse / statistics.n_slices
        planned = statistics.n_computed / statistics.n_slices
        drawing.text(gutter - 8, y + 4, shown(statistics.layer), "label", "end")
        drawing.line(axis.at(planned), y, axis.at(statistics.chance_inverse), y, "thread")
        x = axis.at(statistics.chance_inverse)
        drawing.line(x, y - 8, x, y + 8, "chance")
        drawing.circle(axis.at(exact), y, 5, "exact", f"exact sharing {exact:.3f}")
        if document.changes:
            drawing.circle(axis.at(planned), y, 5, "planned", f"this plan {planned:.3f}")
    return drawing


def shown(name: str) -> str:
    """A layer's name, cut where it is too long for a figure."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _gutter(names: Sequence[str]) -> float:
    return 12 + LETTER * max((len(shown(name)) for name in names), default=0)


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")
