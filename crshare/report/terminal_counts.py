"""Operations by layer and in total as terminal tables: unshared, exact sharing, plan."""

from collections.abc import Sequence

from rich.table import Table

from crshare.plan.cost import LayerCounts
from crshare.report.figures import MEASURES, ROWS, less, parts, share, short
from crshare.report.responsive_table import Fitting, table_of
from crshare.report.schema import Realisations

HEADINGS = ("Slice\nops", "Addi-\ntions", "Full\nadders")
LEFT, GRAPH, EXACT, PLAN = "\nleft", "\ngraph", "\nexact", "\nplan"
ANALYSIS_NOTE = (
    "For one image. Left: after sharing slices, over unshared. Graph: the same weights in an exact "
    "adder graph that shares beyond slices, over unshared."
)
PLAN_NOTE = (
    "For one image. Exact: repeated and inverse slices shared, or the network's own weights in an "
    "adder graph that shares beyond slices; no output changes. Plan: the same of this plan."
)


def analysed_counts_table(counts: Sequence[LayerCounts]) -> Fitting:
    """Unshared, and what is left after sharing, layer by layer; a first layer last."""
    tables = []
    for wide in (True, False):
        table = table_of("Operations of each layer", "Layer")
        ends = ("\nafter", LEFT) if wide else (LEFT,)
        graph = ("\ngraph", LEFT) if wide else (GRAPH,)
        first, second, third = HEADINGS
        for name in (first, *ends, second, *ends, *graph, third, *ends, *graph):
            table.add_column(name, justify="right", no_wrap=True, min_width=5)
        for layer in _first_last(counts):
            table.add_row(_name(layer), *_analysed_cells(layer, wide=wide))
        tables.append(table)
    return Fitting(*tables)


def _first_last(counts: Sequence[LayerCounts]) -> list[LayerCounts]:
    return sorted(counts, key=lambda layer: layer.integer_input)


def _name(layer: LayerCounts) -> str:
    return f"{layer.layer} (first)" if layer.integer_input else layer.layer


def _analysed_cells(layer: LayerCounts, *, wide: bool) -> list[str]:
    cells = []
    for _, name in MEASURES:
        before = getattr(layer.before, name)
        cells.append(short(before))
        ends = (layer.after,) if name == "slice_operations" else (layer.after, layer.graph)
        for end in ends:
            after = getattr(end, name)
            cells += [short(after)] if wide else []
            cells.append(share(after, before))
    return cells


def planned_counts_tables(counts: Sequence[LayerCounts]) -> tuple[Fitting, Fitting]:
    """Shares left by exact sharing and by the plan: of slices, and in adder graphs."""
    slices = table_of("Operations left of each layer, slices shared", "Layer")
    graphs = table_of("The same weights in adder graphs", "Layer")
    for heading in HEADINGS:
        _three_columns(slices, heading)
    for heading in HEADINGS[1:]:
        _three_columns(graphs, heading)
    for layer in _first_last(counts):
        of_slices = (_three(layer, name, "exact", "after") for _, name in MEASURES)
        of_graphs = (_three(layer, name, "exact_graph", "graph") for _, name in MEASURES[1:])
        slices.add_row(_name(layer), *(cell for three in of_slices for cell in three))
        graphs.add_row(_name(layer), *(cell for three in of_graphs for cell in three))
    return Fitting(slices), Fitting(graphs)


def _three_columns(table: Table, heading: str) -> None:
    for name in (heading, EXACT, PLAN):
        table.add_column(name, justify="right", no_wrap=True, min_width=5)


def _three(layer: LayerCounts, measure: str, exact: str, planned: str) -> list[str]:
    """Unshared, and the shares that exact sharing and the plan leave of it."""
    before = int(getattr(layer.before, measure))
    left = (share(getattr(getattr(layer, end), measure), before) for end in (exact, planned))
    return [short(before), *left]


def totals_table(counts: Sequence[LayerCounts], *, planned: bool = True) -> Fitting:
    """Every measure (docs/measures.md) in total; the first layer has rows of its own."""
    return Fitting(*(_totals(counts, planned, wide) for wide in (True, False)), n_keys=2)


def _totals(counts: Sequence[LayerCounts], planned: bool, wide: bool) -> Table:
    table = table_of("Totals for one image", "Layers", "Measure")
    saves = ("Saves",) if wide or not planned else ()
    plan = ("Plan", *saves, "Beyond exact") if planned else ()
    for name in ("Unshared", "Exact", *saves, *plan):
        table.add_column(name, justify="right", no_wrap=True)
    for title, part in parts(counts):
        whole = Realisations.of(part)
        for row in ROWS:
            was, exact, now = row.of(whole)
            ends = (exact, now) if planned else (exact,)
            cells = [word for end in ends for word in (short(end), *(less(end, was),) * len(saves))]
            beyond = (less(now, exact),) if planned else ()
            table.add_row(title, row.name, short(was), *cells, *beyond)
            title = ""
        table.add_section()
    return table


def counts_note(counts: Sequence[LayerCounts]) -> str:
    """What the columns mean, and what slice operations leave out where slices are corrected."""
    n_corrected = sum(layer.origins.corrected for layer in counts)
    if not n_corrected:
        return PLAN_NOTE
    return (
        f"{PLAN_NOTE} What mends the {n_corrected:,} corrected slices counts as additions, not as "
        "slice operations."
    )
