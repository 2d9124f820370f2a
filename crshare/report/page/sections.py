"""The sections of the page in order, each present only where the report has something to show."""

from collections.abc import Callable
from functools import partial

from crshare.report.lut_figures import SUMS_NOTE, every_stage
from crshare.report.page import tables
from crshare.report.page.bars import chance_plot, measure_panels
from crshare.report.page.curve_section import curve_section
from crshare.report.page.document import Document
from crshare.report.page.explorer import explorer
from crshare.report.page.glyphs import groups_by_size, stars, twin_glyphs
from crshare.report.page.markup import Markup, element, joined
from crshare.report.page.network_section import network_section
from crshare.report.page.plots import distance_panel, threshold_panel, tradeoff
from crshare.report.page.rate_plot import limit_in_sight, rate_plot
from crshare.report.page.section import Section, definitions, legend, noted, panels, plot
from crshare.report.page.svg import Drawing
from crshare.report.promised import promise_lines
from crshare.report.refusals import refusal_sentences
from crshare.report.schema import PlanReport, Solved
from crshare.report.slice_statistics import LayerStatistics, Pattern


def measures(document: Document) -> Section:
    entries = [("before", "unshared"), ("exact", "repeated and inverse slices shared")]
    if document.plan:
        entries.append(("after", "the plan's slices"))
    entries.append(("graphexact", "an exact adder graph, which shares beyond slices"))
    if document.plan:
        entries.append(("graph", "an adder graph of the plan's weights"))
    note = (
        "For one image. Slice operations leave out accumulation and corrections; additions leave "
        "out widths; full adders weigh each addition by its width. The first layer sees integers. "
        "What exact sharing saves costs no accuracy, with or without a plan."
    )
    figures = panels(measure_panels(document))
    body = [legend(*entries), figures, tables.measures_table(document), *_luts(document)]
    return Section("measures", "Measures by layer", note, joined(body))


def _luts(document: Document) -> list[Markup]:
    """As synthesised, and as estimated with the plan."""
    found = []
    if document.luts:
        found.append(tables.luts_table(SYNTHESISED, document.luts))
    if document.plan is not None and document.plan.luts:
        found += [tables.luts_table(ESTIMATED, every_stage(document.plan)), noted(SUMS_NOTE)]
    return found


SYNTHESISED = "LUT sites of every stage, as synthesised"
ESTIMATED = "LUTs, by estimate"


def distinct(document: Document) -> Section:
    entries = [("chance", "random weights would leave"), ("exact", "repeated and inverse shared")]
    if document.changes:
        entries.append(("planned", "this plan"))
    note = (
        "Random weights repeat too, the more so the more filters there are. A saving means "
        "something only to the left of its bar."
    )
    figure = plot(partial(chance_plot, document))
    body = joined([legend(*entries), figure, tables.slices_table(document)])
    return Section("chance", "Distinct slices against chance", note, body)


def patterns(document: Document) -> Section:
    note = (
        "Cells in the colour of the text are +1. Each pattern stands beside its inverse twin; the "
        "figures are slices with the one and with the other, over all channels of the layer"
        + ("." if document.report.lossless else "; a second line counts them under the plan.")
    )
    rows = joined(map(_pattern_row, document.portraits))
    return Section("patterns", "Most used patterns", note, rows)


def _pattern_row(statistics: LayerStatistics) -> Markup:
    changed = any((p.n, p.n_inverse) != (p.n_after, p.n_inverse_after) for p in statistics.patterns)
    items = (
        element("li", glyph.markup(), _pattern_counts(pattern, changed=changed))
        for pattern, glyph in zip(statistics.patterns, twin_glyphs(statistics), strict=True)
    )
    free = statistics.shape[0] * statistics.shape[1] - 1
    possible = f"{2**free:,}" if free < 64 else f"2^{free}"
    each = statistics.n_slices / 2 ** min(free, 1000)
    note = (
        f"{statistics.n_patterns:,} of {possible} possible pairs occur; {each:,.1f} slices "
        "to a pair on average."
    )
    glyphs = element("ul", *items, class_="glyphs")
    return joined([element("h3", statistics.layer), noted(note), glyphs])


def _pattern_counts(pattern: Pattern, *, changed: bool) -> Markup:
    words: list[Markup | str] = [element("b", f"{pattern.n:,}"), f" · {pattern.n_inverse:,}"]
    if changed:
        after = f"{pattern.n_after:,} · {pattern.n_inverse_after:,}"
        words += [element("br"), element("small", after)]
    return element("span", *words)


def distances(document: Document) -> Section:
    planned = document.changes
    entries = [("before", "classes by distance to the nearest other class of their channel")]
    if planned:
        entries.append(("after", "slices by distance to what they take under the plan"))
    drawn = [distance_panel(statistics, planned=planned) for statistics in document.portraits]
    note = "Weights in which two slices differ, the better of a slice and its inverse."
    body = joined([legend(*entries), panels(drawn)])
    return Section("distances", "Hamming distances", note, body)


def groups(document: Document) -> Section | None:
    both = ((statistics, stars(statistics)) for statistics in document.portraits)
    drawn = [(p, drawings) for p, drawings in both if drawings or p.layer == document.opened]
    if not drawn:
        return None
    entries = [("copied", "filter takes the result"), ("negated", "takes its negation")]
    entries.append(("edge similar", "only resembles it"))
    first = document.opened or _most_shared([statistics for statistics, _ in drawn])
    details = (_channel(*one, opened=one[0].layer == first) for one in drawn)
    body = joined([legend(*entries), *details])
    note = joined(
        [
            "One channel of each layer, chosen by ",
            element("code", "--channel"),
            " or else that whose number of computed slices is the median. In the middle the slice "
            "that is computed, around it the filters that use its result.",
        ]
    )
    return Section("groups", "Sharing groups of a channel", note, body)


def _channel(statistics: LayerStatistics, drawings: list[Drawing], *, opened: bool) -> Markup:
    summary = element("summary", _channel_title(statistics))
    note = noted(_channel_note(statistics, len(drawings)))
    return element("details", summary, note, panels(drawings, "stars"), open=opened)


def _most_shared(portraits: list[LayerStatistics]) -> str:
    """The layer whose groups are open at first: where a computed slice serves most filters."""
    return min(portraits, key=lambda statistics: statistics.n_computed / statistics.n_slices).layer


def _channel_title(statistics: LayerStatistics) -> str:
    channel = statistics.channel
    what = "channel" if statistics.shape[0] > 1 else "group of inputs"
    return (
        f"{statistics.layer}, {what} {channel.channel}: {len(channel.uses)} filters, "
        f"{len(channel.representatives)} slices computed"
    )


def _channel_note(statistics: LayerStatistics, n_drawn: int) -> str:
    if not statistics.channel.uses:
        return "This layer shares patterns of groups of filters, and no slices."
    sizes = [len(uses) for _, uses in groups_by_size(statistics.channel)]
    alone = sum(size == 1 for size in sizes)
    smaller = len(sizes) - n_drawn - alone
    if not n_drawn:
        return "Every computed slice serves one filter."
    words = [f"{n_drawn} computed slices serve several filters, the most {sizes[0]}."]
    if alone:
        words.append(f"{alone} more serve one filter each and are not drawn.")
    if smaller:
        words.append(f"{smaller} smaller groups are not drawn.")
    return " ".join(words)


def search(document: Document) -> Section | None:
    plan = document.plan
    if plan is None or not plan.search.tried:
        return None
    entries = [("planned", "plan within the budget"), ("refused", "lost too much, or not sure")]
    entries.append(("exact", "exact sharing"))
    if plan.accuracy is not None:
        entries.append(("reported", "the plan kept, on the test images"))
    n_views = max(entry.loss.n_views for entry in plan.search.tried)
    shifts = f" and {n_views - 1} shifts of them" if n_views > 1 else ""
    chosen = (plan.chosen_on or "") + shifts
    note = f"Calibration images: {chosen}. Bars are 95 % intervals of the paired loss. "
    note += " ".join(promise_lines(plan))
    figure = plot(partial(tradeoff, plan))
    body = joined([legend(*entries), figure, tables.tried_table(plan)])
    return Section("search", "Accuracy against operations", note, body)


def thresholds(document: Document) -> Section | None:
    if not document.report.thresholds:
        return None
    left_out = sum(t.n_constant + t.n_turned for t in document.report.thresholds)
    note = (
        "Each dot is an output channel: its integer threshold before (across), and by how much the "
        "plan moves it (up), so that the channel fires as often as it did."
    )
    if left_out:
        note += f" {left_out} channels that never change or turned are left out."
    drawn = panels(map(threshold_panel, document.report.thresholds))
    return Section("thresholds", "Thresholds before and after", note, drawn)


def rates(document: Document) -> Section | None:
    if document.rates is None:
        return None
    note = (
        "Of the whole network, with an architecture chosen for each layer: graphs are built and "
        "counted, units with weights in memory are estimated by formula."
    )
    if limit_in_sight(document.rates):
        note += " Below the line the device holds the LUTs."
    if document.chosen:
        note += " What each layer is at one of the rates, and its DSP blocks, stands below."
    figure = plot(partial(rate_plot, document.rates))
    parts = [figure, tables.rates_table(document.rates)]
    if document.chosen:
        parts.append(tables.chosen_table(document.chosen, document.chosen_clocks))
    return Section("rates", "LUTs against clocks", note, joined(parts))


def solver(document: Document) -> Section | None:
    solved = document.search.solver if document.search else None
    if solved is None and not document.spent:
        return None
    body = [] if solved is None else _solved(solved)
    if document.spent:
        body.append(tables.times_table(document))
    return Section("solver", "Solver gaps and times", "", joined(body))


def _solved(solved: Solved) -> list[Markup]:
    who = ", ".join(f"{name} {n:,}" for name, n in solved.problems.items())
    total = sum(solved.problems.values())
    figures = definitions(
        ("Problems solved", f"{total:,} ({who})"),
        ("Proven optimal", f"{solved.proven_optimal:,} of {total:,}"),
        ("Gap of all together", f"{100 * solved.gap:.3f} %"),
        ("Worst gap", f"{100 * solved.worst_gap:.2f} %"),
        (
            "Gap in slice operations, at this disturbance",
            f"{100 * solved.operations_gap:.3f} %",
        ),
    )
    return [figures, *map(noted, refusal_sentences(solved))]


def reproduce(document: Document) -> Section:
    report = document.report
    command = ("Command", element("code", report.command))
    rows: list[tuple[str, Markup | str]] = [command] if report.command else []
    if document.plan is not None:
        rows += _of_plan(document.plan)
    rows.append(("Fingerprint", element("code", report.fingerprint)))
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    rows.append(("Versions", f"crshare {report.crshare}, {versions}"))
    note = (
        "The fingerprint is a hash of the model's binary weights and thresholds; a set of images "
        "is told by a hash of its pixels and labels."
    )
    return Section("reproduce", "How to reproduce", note, definitions(*rows))


def _of_plan(report: PlanReport) -> list[tuple[str, Markup | str]]:
    rows: list[tuple[str, Markup | str]] = [("Seed", str(report.request.method.seed))]
    for role, digest in report.images.items():
        rows.append((f"{role.capitalize()} images", element("code", digest)))
    stopped = report.search.stopped
    if report.search.tried:
        ended = "by itself; any machine finds this plan" if stopped == "finished" else stopped
        rows.append(("The search ended", ended))
    return rows


SECTIONS: tuple[Callable[[Document], Section | None], ...] = (
    network_section,
    measures,
    rates,
    search,
    curve_section,
    distinct,
    patterns,
    distances,
    groups,
    explorer,
    thresholds,
    solver,
    reproduce,
)
