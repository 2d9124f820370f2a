"""Tables of the page: cells with the value they sort by, right-aligned where they are figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crshare.plan.cost import LayerCounts
from crshare.plan.luts import LayerLuts, luts_together
from crshare.plan.origins import ORIGINS
from crshare.report.figures import ROWS, Row, begun, change, share, short
from crshare.report.page.document import ChosenLayer, Document
from crshare.report.page.markup import Markup, element
from crshare.report.promised import last_of_each
from crshare.report.rates import RatePoint, Rates, at
from crshare.report.schema import PlanReport, Realisations


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows, and the number it sorts by (None: it sorts as text)."""

    text: str
    value: float | None = None


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    """An HTML table that the page's script can sort by each column."""
    figures = [bool(rows) and rows[0][i].value is not None for i in range(len(headings))]
    head = element("tr", *map(_heading, headings, figures))
    body = (element("tr", *map(_cell, row)) for row in rows)
    whole = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="sortable",
    )
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _heading(words: str, figure: bool) -> Markup:
    button = element("button", words, type="button")
    return element("th", button, scope="col", class_="n" if figure else None)


def _cell(cell: Cell) -> Markup:
    if cell.value is None:
        return element("td", cell.text)
    return element("td", cell.text, class_="n", data_v=f"{cell.value:.12g}")


def count(number: int) -> Cell:
    return Cell(f"{number:,}", number)


def amount(number: int) -> Cell:
    return Cell(short(number), number)


def part(number: int, whole: int) -> Cell:
    return Cell(share(number, whole), number / whole if whole else 0.0)


def saved(after: int, before: int) -> Cell:
    """A change in per cent."""
    return Cell(change(after, before), 1 - after / before if before else 0.0)


def signed(points: float) -> str:
    return f"{points:+.2f}".replace("-", "−")


def slices_table(document: Document) -> Markup:
    """Where every slice comes from, and how few of them are different."""
    names = (*ORIGINS, *(("left_out",) if any(la.patterns for la in document.layers) else ()))
    headings = ("Layer", "Slices", "Distinct", "Up to inverse", "Chance", "Exact", "Left")
    rows = []
    for layer in document.layers:
        seen = document.statistics(layer.layer)
        rows.append(
            [
                Cell(f"{layer.layer} (patterns)" if layer.patterns else layer.layer),
                count(layer.n_slices),
                count(seen.n_distinct),
                count(seen.n_up_to_inverse),
                Cell(f"{seen.chance_inverse:.3f}", seen.chance_inverse),
                part(seen.n_up_to_inverse, layer.n_slices),
                part(layer.origins.computed, layer.n_slices),
                *(count(getattr(layer.origins, name)) for name in names),
            ]
        )
    columns = (*headings, *(name.capitalize().replace("_", " ") for name in names))
    return table("Slices by layer, and where they come from", columns, rows)


def measures_table(document: Document) -> Markup:
    """Every measure of every layer: unshared, exact and, where there is one, the plan."""
    plan = ["plan", "beyond exact"] if document.plan else []
    headings = ["Layer"]
    for row in ROWS:
        measure = row.name.partition(",")[0]
        headings += ["graph exact"] if row.is_graph else [measure, "exact"]
        headings += plan
    rows = [
        [
            Cell(f"{layer.layer} (first)" if layer.integer_input else layer.layer),
            *(cell for row in ROWS for cell in _measured(row, layer, document)),
        ]
        for layer in document.layers
    ]
    return table("Measures by layer, for one image", headings, rows)


def _measured(row: Row, layer: LayerCounts, document: Document) -> list[Cell]:
    was, exact, now = row.of(Realisations.of([layer]))
    unshared = [] if row.is_graph else [amount(was)]
    plan = [amount(now), saved(now, exact)] if document.plan else []
    return [*unshared, amount(exact), *plan]


def luts_table(caption: str, luts: Sequence[LayerLuts]) -> Markup:
    """LUTs unshared, exact and of the plan, and all together."""
    rows = [
        [
            Cell(row.layer),
            count(row.unshared),
            count(row.exact),
            count(row.planned),
            saved(row.planned, row.exact),
        ]
        for row in (*luts, luts_together(luts))
    ]
    return table(caption, ("Stage", "Unshared", "Exact", "Plan", "Beyond exact"), rows)


def rates_table(rates: Rates) -> Markup:
    """LUTs and block RAMs at each number of clocks, of exact sharing and of the plan."""
    headings = ["Clocks", "Exact", "block RAMs"]
    headings += ["Plan", "block RAMs", "Beyond exact"] if rates.planned else []
    rows = []
    for clocks in rates.clocks:
        exact, planned = at(rates.exact, clocks), at(rates.planned, clocks)
        row = [count(clocks), *_taken(exact)]
        if rates.planned:
            both = (planned.luts, exact.luts) if planned and exact else (0, 0)
            row += [*_taken(planned), saved(*both)]
        rows.append(row)
    return table("The least LUTs at each rate", headings, rows)


def chosen_table(layers: Mapping[str, ChosenLayer], clocks: int) -> Markup:
    """What each layer is at a rate, and takes; DSP blocks where any layer multiplies."""
    multiplied = any(layer.dsps for layer in layers.values())
    headings = ["Layer", "Architecture", "Clocks", "LUTs", "Block RAMs"]
    headings += ["DSPs"] if multiplied else []
    rows = []
    for name, layer in layers.items():
        figures = [layer.clocks, layer.luts, layer.block_rams_18k]
        figures += [layer.dsps] if multiplied else []
        rows.append([Cell(name), Cell(layer.architecture), *map(count, figures)])
    return table(f"Layers at {clocks:,} clocks an image", headings, rows)


def _taken(point: RatePoint | None) -> list[Cell]:
    return [count(point.luts), count(point.block_rams_18k)] if point else [Cell("-", -1.0)] * 2


def tried_table(report: PlanReport) -> Markup:
    """The plans that the search measured, of each multiplier the last."""
    rows = []
    for number, entry in enumerate(last_of_each(report.search.tried), start=1):
        low, high = entry.loss.interval_points
        rows.append(
            [
                count(number),
                Cell(f"{entry.price:.1e}", entry.price),
                count(entry.cost),
                Cell(signed(entry.loss.loss_points), entry.loss.loss_points),
                Cell(f"{signed(low)} to {signed(high)}", high),
                Cell(entry.verdict),
            ]
        )
    headings = (
        "Plan",
        "Multiplier",
        begun(report.objective.unit),
        "Points lost",
        "95 % interval",
        "Verdict",
    )
    return table("Plans tried, on the validation images", headings, rows)


def times_table(document: Document) -> Markup:
    """Seconds by stage of the run."""
    rows = [[Cell(s.stage), Cell(f"{s.seconds:.1f}", s.seconds)] for s in document.spent]
    return table("Time by stage", ("Stage", "Seconds"), rows)
