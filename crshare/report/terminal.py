"""Results as tables for a terminal. No arithmetic beyond sums and shares of what is given."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from crshare.accuracy import Estimate
from crshare.plan.cost import LayerCounts
from crshare.plan.origins import ORIGINS, OriginCounts
from crshare.report.figures import begun, less, share, short
from crshare.report.promised import last_of_each, promise_lines
from crshare.report.refusals import refusal_sentences
from crshare.report.responsive_table import Fitting, table_of
from crshare.report.schema import (
    AnalysedLayer,
    AnalysisReport,
    CurveReport,
    EvaluationReport,
    PlanReport,
    Solved,
)
from crshare.report.terminal_accuracy import accuracy_lines, excess_lines
from crshare.report.terminal_counts import (
    ANALYSIS_NOTE,
    analysed_counts_table,
    counts_note,
    planned_counts_tables,
    totals_table,
)
from crshare.report.terminal_luts import luts_tables
from crshare.report.verdict import verdict
from crshare.screen import line


def analysis_tables(report: AnalysisReport) -> RenderableType:
    """What `crshare analyze` prints."""
    counts = [layer.counts for layer in report.layers]
    title = line(f"{report.model}: {report.library}, {len(report.layers)} binary layers")
    return Group(
        title,
        slices_table(report.layers),
        line(NEAREST_NOTE, style="dim"),
        analysed_counts_table(counts),
        totals_table(counts, planned=False),
        line(ANALYSIS_NOTE, style="dim"),
    )


NEAREST_NOTE = (
    "Inverse: distinct up to inverse. Left: share of slices to compute when repeated and inverse "
    "slices are shared; chance: the same for random weights. Memory: of representatives and "
    "indices, over that of the weights. Nearest: share of classes by Hamming distance to the "
    "closest other class."
)


def slices_table(layers: Sequence[AnalysedLayer]) -> Fitting:
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


def _shape_cells(layer: AnalysedLayer) -> list[str]:
    return [
        f"{layer.positions:,}",
        f"{layer.n_groups:,}",
        f"{layer.n_filters:,}",
        share(layer.n_distinct, layer.counts.n_slices),
        f"{layer.chance_repeated:.3f}",
    ]


def _slice_cells(layer: AnalysedLayer) -> list[str]:
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


def nearest(layer: AnalysedLayer) -> str:
    """Shares of the classes by the distance to the closest other one."""
    total = sum(layer.nearest.values())
    return " ".join(f"{d}:{n / total:.2f}" for d, n in layer.nearest.items())


def plan_tables(report: PlanReport) -> RenderableType:
    """What `crshare optimize` prints at its end."""
    other = report.search.solver_replaced
    return Group(
        *([line(other.sentence, style="bold")] if other else []),
        line(verdict(report), style="bold"),
        origins_table(report.layers),
        *planned_counts_tables(report.layers),
        totals_table(report.layers),
        line(counts_note(report.layers), style="dim"),
        *luts_tables(report),
        *search_lines(report),
        *accuracy_lines(report),
        *excess_lines(report),
    )


def evaluation_tables(report: EvaluationReport) -> RenderableType:
    """What `crshare evaluate` prints."""
    planned = sum(layer.after.slice_operations for layer in report.layers)
    followed = sum(layer.slice_operations for layer in report.followed.values())
    return Group(
        totals_table(report.layers),
        line(counts_note(report.layers), style="dim"),
        line(
            f"Followed slice by slice on {report.images_followed_slice_by_slice} images: sums "
            f"equal to those of the effective weights; {followed:,} slice operations an image "
            f"counted, {planned:,} planned (all layers)."
        ),
        *by_layer_tables(report),
        *accuracy_lines(report),
    )


def by_layer_tables(report: EvaluationReport) -> list[RenderableType]:
    """What each layer's sharing alone loses, where that was measured."""
    if not report.loss_by_layer:
        return []
    table = table_of("Points lost by each layer's sharing alone", "Layer")
    for name in ("Points lost", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for layer, lost in report.loss_by_layer.items():
        low, high = lost.interval_95_points
        table.add_row(layer, f"{lost.loss_points:+.2f}", f"{low:+.2f} to {high:+.2f}")
    return [Fitting(table)]


def origins_table(counts: Sequence[LayerCounts]) -> Fitting:
    table = table_of("Where the slices come from", "Layer")
    names = (*ORIGINS, *(("left_out",) if any(layer.patterns for layer in counts) else ()))
    headings = (name.capitalize().replace("_", " ") for name in names)
    for name in ("Slices", *headings, "Left"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [(la.layer + " (patterns)" * la.patterns, la.n_slices, la.origins) for la in counts]
    whole = sum((origins for _, _, origins in rows), OriginCounts())
    for layer, n_slices, origins in (*rows, ("all", sum(n for _, n, _ in rows), whole)):
        figures = (f"{getattr(origins, name):,}" for name in names)
        table.add_row(layer, f"{n_slices:,}", *figures, share(origins.computed, n_slices))
    return Fitting(table)


def search_lines(report: PlanReport) -> list[Text]:
    if report.chosen_on is None:
        return []
    search, unit = report.search, report.objective.unit
    n_plans, entries = len(search.tried), last_of_each(search.tried)
    at = "" if len(entries) == n_plans else f" at {len(entries)} multipliers"
    lines = [f"Calibration images: {report.chosen_on}. {n_plans} plans tried{at}."]
    for entry in entries:
        lines.append(
            f"  multiplier {entry.price:.1e}: {short(entry.cost)} {unit}, "
            f"{entry.loss.loss_points:+.2f} points lost ({interval(entry.loss)}), {entry.verdict}"
        )
    lines += promise_lines(report)
    if search.stopped != "finished":
        lines.append(
            f"The search ended early ({search.stopped}); this is the best plan until then."
        )
    if search.solver is not None:
        lines += solver_lines(search.solver, unit)
    return [line(words) for words in lines]


def interval(loss: Estimate) -> str:
    low, high = loss.interval_points
    return f"95 % interval {low:+.2f} to {high:+.2f}"


def curve_table(curve: CurveReport) -> Fitting:
    """Loss against the objective for every multiplier tried, on the validation images."""
    unit = curve.objective.unit
    table = table_of(f"Loss against {unit} (all layers)", "Multiplier")
    for name in (begun(unit), "Reduction", "Points lost", "95 % interval", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for point in curve.points:
        low, high = point.loss.interval_points
        table.add_row(
            f"{point.price:.1e}",
            short(point.cost),
            less(point.cost, curve.objective.unshared),
            f"{point.loss.loss_points:+.2f}",
            f"{low:+.2f} to {high:+.2f}",
            "beaten" if point.beaten else "",
        )
    return Fitting(table)


def measured_table(curve: CurveReport) -> Fitting:
    """The points that no other beats on the validation images, on the test images, with LUTs."""
    unit, exact = curve.objective.unit, curve.luts.exact if curve.luts else None
    table = table_of("The same on the test images", "Multiplier")
    for name in (begun(unit), "LUTs", "Points lost", "95 % interval", ""):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("exact", short(curve.objective.exact), _luts(exact), "+0.00", "", "")
    for point, test in curve.tested:
        low, high = test.interval_95_points
        table.add_row(
            f"{point.price:.1e}",
            short(point.cost),
            _luts(point.luts),
            f"{test.loss_points:+.2f}",
            f"{low:+.2f} to {high:+.2f}",
            "this plan" if point.price == curve.kept else "",
        )
    return Fitting(table)


def _luts(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def solver_lines(solver: Solved, unit: str) -> list[str]:
    who = ", ".join(f"{name} {n}" for name, n in solver.problems.items())
    total = sum(solver.problems.values())
    lines = [
        f"Facility location problems solved: {who}. Proven optimal {solver.proven_optimal} of "
        f"{total}; gap of all together {100 * solver.gap:.3f} %, the worst "
        f"{100 * solver.worst_gap:.2f} %."
    ]
    return [
        *lines,
        *(f"  {sentence}" for sentence in refusal_sentences(solver)),
        "Bound for them all together: other choices that disturb the sums no more save at most "
        f"{100 * solver.operations_gap:.3f} % of the {unit}.",
    ]
