"""Results as tables for a terminal. No arithmetic beyond sums and shares of what is given."""

from collections.abc import Iterable, Sequence
from math import floor

from rich.console import Group, RenderableType
from rich.text import Text

from crshare.accuracy import Accuracy
from crshare.evaluation.outcome import Analysis, Evaluation, LayerAnalysis, Outcome, Request
from crshare.plan.cost import LayerCounts, Totals
from crshare.plan.plan import OriginCounts
from crshare.planning.search import Found, curve, verdicts
from crshare.report.responsive_table import Fitting, table_of
from crshare.screen import line

MEASURES = (
    ("Slice operations", "slice_operations"),
    ("Additions", "additions"),
    ("Full adders", "full_adders"),
)
FIRST = "first layer (integers)"


def analysis_tables(analysis: Analysis) -> RenderableType:
    """What `crshare analyze` prints."""
    model = analysis.model
    counts = [layer.counts for layer in analysis.layers]
    title = line(f"{model.path.name}: {model.library}, {len(analysis.layers)} binary layers")
    return Group(
        title,
        slices_table(analysis.layers),
        line(NEAREST_NOTE, style="dim"),
        counts_table(counts),
        totals_table(counts, "exact sharing"),
        line(COUNTS_NOTE, style="dim"),
    )


NEAREST_NOTE = (
    "Inverse: distinct up to inverse. Left: share of slices to compute when repeated and inverse "
    "slices are shared; chance: the same for random weights. Memory: of representatives and "
    "indices, over that of the weights. Nearest: share of classes by Hamming distance to the "
    "closest other class."
)
LEFT, GRAPH = "\nleft", "\ngraph"
COUNTS_NOTE = (
    "For one image. Left: after sharing slices, over unshared. Graph: the same weights in an exact "
    "adder graph that shares beyond slices, over unshared."
)


def slices_table(layers: Sequence[LayerAnalysis]) -> Fitting:
    wide = ("Positions", "Groups", "Filters", "Repeated", "Chance rep.")
    columns = ("Taps", "Slices", "Distinct", "Inverse", "Left", "Chance", "Memory")
    tables = []
    for more in (wide, ()):
        table = table_of("Slices", "Layer")
        for name in (*more, *columns):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("Nearest", min_width=13)
        for layer in layers:
            table.add_row(layer.layer, *(_shape_cells(layer) if more else ()), *_slice_cells(layer))
        tables.append(table)
    return Fitting(*tables)


def _shape_cells(layer: LayerAnalysis) -> list[str]:
    return [
        f"{layer.positions:,}",
        f"{layer.n_groups:,}",
        f"{layer.n_filters:,}",
        share(layer.n_distinct, layer.counts.n_slices),
        f"{layer.chance_repeated:.3f}",
    ]


def _slice_cells(layer: LayerAnalysis) -> list[str]:
    return [
        str(layer.taps),
        f"{layer.counts.n_slices:,}",
        f"{layer.n_distinct:,}",
        f"{layer.n_up_to_inverse:,}",
        share(layer.n_up_to_inverse, layer.counts.n_slices),
        f"{layer.chance_inverse:.3f}",
        share(layer.memory_after, layer.memory_before),
        nearest(layer),
    ]


def nearest(layer: LayerAnalysis) -> str:
    """Shares of the classes by the distance to the closest other one."""
    total = sum(layer.nearest)
    return " ".join(f"{d}:{n / total:.2f}" for d, n in enumerate(layer.nearest) if n)


def counts_table(counts: Sequence[LayerCounts]) -> Fitting:
    """Unshared, and what is left after sharing, layer by layer; a first layer last."""
    headings = ("Slice\nops", "Addi-\ntions", "Full\nadders")
    tables = []
    for wide in (True, False):
        table = table_of("Operations of each layer", "Layer")
        ends = ("\nafter", LEFT) if wide else (LEFT,)
        graph = ("\ngraph", LEFT) if wide else (GRAPH,)
        for name in (headings[0], *ends, headings[1], *ends, *graph, headings[2], *ends, *graph):
            table.add_column(name, justify="right", no_wrap=True, min_width=5)
        for layer in sorted(counts, key=lambda layer: layer.integer_input):
            table.add_row(_name(layer), *_cells(layer, wide=wide))
        tables.append(table)
    return Fitting(*tables)


def _name(layer: LayerCounts) -> str:
    return f"{layer.layer} (first)" if layer.integer_input else layer.layer


def _cells(layer: LayerCounts, *, wide: bool) -> list[str]:
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


def totals_table(counts: Sequence[LayerCounts], how: str) -> Fitting:
    """Every measure of DESIGN 3 in total, before and after; the first layer in rows of its own."""
    table = table_of(f"Totals for one image, {how}", "Layers")
    for name in ("Measure", "Before", "After", "Reduction", "Graph", "Reduction"):
        table.add_column(name, justify="left" if name == "Measure" else "right", no_wrap=True)
    for title, part in parts(counts):
        before, after, graph = totals(part)
        for measure, name in MEASURES:
            was, now, best = (getattr(total, name) for total in (before, after, graph))
            beyond = ("", "") if name == "slice_operations" else (short(best), less(best, was))
            table.add_row(title, measure, short(was), short(now), less(now, was), *beyond)
            title = ""
        table.add_section()
    return Fitting(table, n_keys=2)


def parts(counts: Sequence[LayerCounts]) -> list[tuple[str, list[LayerCounts]]]:
    """The layers that are counted together, those with something in them."""
    binary = [layer for layer in counts if not layer.integer_input]
    named = [
        ("convolutions", [layer for layer in binary if not layer.is_dense]),
        ("dense layers", [layer for layer in binary if layer.is_dense]),
        ("first layer", [layer for layer in counts if layer.integer_input]),
    ]
    return [(title, part) for title, part in named if part]


def totals(counts: Iterable[LayerCounts]) -> tuple[Totals, Totals, Totals]:
    """Before, after, graph."""
    before = after = graph = Totals()
    for layer in counts:
        before, after, graph = before + layer.before, after + layer.after, graph + layer.graph
    return before, after, graph


def outcome_tables(outcome: Outcome, request: Request) -> RenderableType:
    """What `crshare optimize` prints at its end."""
    return Group(
        origins_table(outcome.counts),
        counts_table(outcome.counts),
        totals_table(outcome.counts, "exact sharing" if outcome.exact else "this plan"),
        line(counts_note(outcome.counts), style="dim"),
        *search_lines(outcome.found, outcome.choosing),
        *accuracy_lines(outcome.accuracy, outcome.n_equal, exact=outcome.exact),
        *excess_lines(outcome, request),
    )


def evaluation_tables(evaluation: Evaluation) -> RenderableType:
    """What `crshare evaluate` prints."""
    planned = sum(layer.after.slice_operations for layer in evaluation.counts)
    followed = sum(layer.slice_operations for layer in evaluation.followed.values())
    return Group(
        totals_table(evaluation.counts, "exact sharing" if evaluation.exact else "this plan"),
        line(counts_note(evaluation.counts), style="dim"),
        line(
            f"Followed slice by slice on {evaluation.n_followed} images: sums equal to those of "
            f"the effective weights; {followed:,} slice operations an image counted, "
            f"{planned:,} planned (all layers)."
        ),
        *accuracy_lines(evaluation.accuracy, evaluation.n_equal, exact=evaluation.exact),
    )


def counts_note(counts: Sequence[LayerCounts]) -> str:
    """What the columns mean, and what slice operations leave out where slices are corrected."""
    n_corrected = sum(layer.origins.corrected for layer in counts)
    if not n_corrected:
        return COUNTS_NOTE
    return (
        f"{COUNTS_NOTE} What mends the {n_corrected:,} corrected slices counts as additions, not "
        "as slice operations."
    )


def origins_table(counts: Sequence[LayerCounts]) -> Fitting:
    table = table_of("Where the slices come from", "Layer")
    names = ("computed", "copied", "negated", "similar", "corrected")
    for name in ("Slices", *(name.capitalize() for name in names), "Left"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [(layer.layer, layer.n_slices, layer.origins) for layer in counts]
    whole = sum((origins for _, _, origins in rows), OriginCounts())
    for layer, n_slices, origins in (*rows, ("all", sum(n for _, n, _ in rows), whole)):
        figures = (f"{getattr(origins, name):,}" for name in names)
        table.add_row(layer, f"{n_slices:,}", *figures, share(origins.computed, n_slices))
    return Fitting(table)


def search_lines(found: Found, choosing: str | None) -> list[Text]:
    if choosing is None:
        return []
    lines = [f"Chosen on {choosing}: {len(found.tried)} plans tried."]
    for entry, verdict in verdicts(found):
        lines.append(
            f"  price {entry.price:.1e}: {short(entry.slice_operations)} slice operations, "
            f"{entry.accuracy.loss_points:+.2f} points lost, {verdict}"
        )
    if found.stopped != "finished":
        lines.append(f"The search ended early ({found.stopped}); this is the best plan until then.")
    if found.tally is not None:
        lines += tally_lines(found)
    return [line(words) for words in lines]


def curve_table(outcome: Outcome) -> Fitting:
    """Loss against slice operations for every price tried, as the choosing images tell it."""
    before = sum(layer.before.slice_operations for layer in outcome.counts)
    table = table_of("Loss against slice operations (all layers)", "Layer")
    table.columns[0].header = "Price"
    for name in ("Slice ops", "Reduction", "Points lost", "95 % interval", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for entry, beaten in curve(outcome.found):
        low, high = entry.accuracy.interval
        table.add_row(
            f"{entry.price:.1e}",
            short(entry.slice_operations),
            less(entry.slice_operations, before),
            f"{entry.accuracy.loss_points:+.2f}",
            f"{low:+.2f} to {high:+.2f}",
            "beaten" if beaten else "",
        )
    return Fitting(table)


def tally_lines(found: Found) -> list[str]:
    tally = found.tally
    if tally is None:
        return []
    who = ", ".join(f"{name} {n}" for name, n in sorted(tally.backends.items()))
    total = sum(tally.backends.values())
    lines = [
        f"Facility location problems solved: {who}. Proven optimal {tally.n_optimal} of {total}; "
        f"gap of all together {100 * tally.gap:.3f} %, the worst {100 * tally.worst_gap:.2f} %."
    ]
    kinds: dict[str, list[int]] = {}
    for refusal, n in sorted(tally.refusals.items()):
        kinds.setdefault(refusal.split(":")[0], []).append(n)
        if len(kinds[refusal.split(":")[0]]) == 1:
            lines.append(f"  refused, so the next solver was asked: {refusal}")
    lines += [f"  {name} refused {sum(counts)} problems." for name, counts in kinds.items()]
    return [
        *lines,
        "Bound for them all together: other choices that disturb the sums no more save at most "
        f"{100 * tally.operations_gap:.3f} % of the slice operations.",
    ]


def accuracy_lines(accuracy: Accuracy | None, n_equal: int | None, *, exact: bool) -> list[Text]:
    if accuracy is None:
        nature = "the plan is lossless" if exact else "the loss is not known"
        return [line(f"No images were given, so no accuracy was measured; {nature}.")]
    low, high = accuracy.interval
    lines = [
        f"Accuracy on {accuracy.images} ({accuracy.n_images:,} images): "
        f"{accuracy.before:.2f} % before, {accuracy.after:.2f} % after, "
        f"loss {accuracy.loss_points:.2f} points (95 % interval {low:.2f} to {high:.2f})."
    ]
    if exact:
        lines.append(
            f"Lossless plan: scores bit for bit equal on {n_equal:,} of {accuracy.n_images:,} "
            "images."
        )
    return [line(words) for words in lines]


def excess_lines(outcome: Outcome, request: Request) -> list[Text]:
    """Why the loss on the reporting images may be above what was allowed."""
    accuracy, limit = outcome.accuracy, request.max_loss_points
    if accuracy is None or accuracy.loss_points <= limit or outcome.exact:
        return []
    advice = "" if request.confident else "; --confidence keeps it with the interval's upper end"
    return [
        line(
            f"That is above the {limit:g} points allowed, which the plan keeps on the images that "
            f"chose it: others lose more or less, by chance{advice}."
        )
    ]


def less(after: int, before: int) -> str:
    """Reduction in per cent, never rounded up."""
    return f"{floor(1000 * (1 - after / before)) / 10:.1f} %" if before else "-"


def share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def short(number: int) -> str:
    """Three or four figures and a unit: 28.9 M."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= 100 * size:
            return f"{number / size:.0f} {unit}"
        if number >= 10 * size or (unit != "k" and number >= size):
            return f"{number / size:.1f} {unit}"
    return f"{number:,}"
