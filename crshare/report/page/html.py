"""The page itself: sections in order, each present only where the report has something to show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from crshare.report.page import tables
from crshare.report.page.bars import chance_plot, measure_panels
from crshare.report.page.cards import cards
from crshare.report.page.document import Document
from crshare.report.page.glyphs import groups_by_size, stars, twin_glyph
from crshare.report.page.plots import distance_panel, threshold_panel, tradeoff
from crshare.report.page.svg import Drawing
from crshare.report.slice_statistics import LayerPortrait


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. note: HTML that says how to read it."""

    name: str
    title: str
    note: str
    body: str


def render(document: Document) -> str:
    """The whole page; it needs no network and no other file."""
    sections = _sections(document)
    links = "".join(f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in sections)
    title = f"{escape(document.model)}: {'sharing plan' if document.is_plan else 'analysis'}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>\n{style()}</style>\n</head>\n<body>\n"
        f'<header><p class="kind">crshare {escape(document.version)}</p><h1>{title}</h1>'
        f'{_lead(document)}<button id="theme" type="button" hidden>dark or light</button>'
        "</header>\n"
        f"<main>\n{cards(document)}\n<nav><ul>{links}</ul></nav>\n"
        f"{''.join(map(_section, sections))}</main>\n<script>\n{_file('script.js')}</script>\n"
        "</body>\n</html>\n"
    )


def _sections(document: Document) -> list[Section]:
    return [section for draw in SECTIONS if (section := draw(document)) is not None]


def section_titles(document: Document) -> list[str]:
    return [section.title for section in _sections(document)]


def style() -> str:
    return _file("colours.css") + _file("drawing.css") + _file("page.css")


def drawing_style() -> str:
    """The part of the style that a drawing in a file of its own needs."""
    return _file("colours.css") + _file("drawing.css")


def _file(name: str) -> str:
    return files("crshare.report.page").joinpath(name).read_text("utf-8")


def _lead(document: Document) -> str:
    n_layers = len(document.layers)
    words = f"{escape(document.library)}, {n_layers} layers with binary weights."
    if document.lossless:
        words += " Lossless: repeated and inverse slices only; no output can differ."
    if document.stopped != "finished":
        words += f" The search ended early ({escape(document.stopped)})."
    return f'<p class="lead">{words}</p>'


def _section(section: Section) -> str:
    note = f'<p class="note">{section.note}</p>' if section.note else ""
    return (
        f'<section id="{section.name}"><h2>{escape(section.title)}</h2>{note}'
        f"{section.body}</section>\n"
    )


def _figures(drawings: Iterable[Drawing], kind: str = "panels") -> str:
    inner = "".join(f"<figure>{drawing}</figure>" for drawing in drawings)
    return f'<div class="{kind}">{inner}</div>'


def _legend(*entries: tuple[str, str]) -> str:
    items = "".join(f'<li><i class="{look}"></i>{escape(words)}</li>' for look, words in entries)
    return f'<ul class="legend">{items}</ul>'


def measures(document: Document) -> Section:
    legend = _legend(
        ("before", "unshared"),
        ("after", "slices shared"),
        ("graph", "the same weights in an exact adder graph, which shares beyond slices"),
    )
    note = (
        "For one image. Slice operations leave out accumulation and corrections; additions leave "
        "out widths; full adders weigh each addition by its width. The first layer sees integers."
    )
    body = legend + _figures(measure_panels(document)) + tables.measures_table(document)
    return Section("measures", "Measures by layer", note, body)


def distinct(document: Document) -> Section:
    entries = [("chance", "random weights would leave"), ("exact", "repeated and inverse shared")]
    if document.is_plan and not document.lossless:
        entries.append(("planned", "this plan"))
    note = (
        "Random weights repeat too, the more so the more filters there are. A saving means "
        "something only to the left of its bar."
    )
    body = _legend(*entries) + _figures([chance_plot(document)], "scroll")
    return Section(
        "chance", "Distinct slices against chance", note, body + tables.slices_table(document)
    )


def patterns(document: Document) -> Section:
    note = (
        "Cells in the colour of the text are +1. Each pattern stands beside its inverse twin; the "
        "figures are slices with the one and with the other, over all channels of the layer"
        + ("." if document.lossless else "; a second line counts them under the plan.")
    )
    rows = "".join(map(_pattern_row, document.portraits))
    return Section("patterns", "Most used patterns", note, rows)


def _pattern_row(portrait: LayerPortrait) -> str:
    items = []
    changed = any((p.n, p.n_inverse) != (p.n_after, p.n_inverse_after) for p in portrait.patterns)
    for number, pattern in enumerate(portrait.patterns):
        glyph = twin_glyph(f"p-{portrait.layer}-{number}", pattern, portrait.shape)
        words = f"<b>{pattern.n:,}</b> · {pattern.n_inverse:,}"
        if changed:
            words += f"<br><small>{pattern.n_after:,} · {pattern.n_inverse_after:,}</small>"
        items.append(f"<li>{glyph}<span>{words}</span></li>")
    possible = 2 ** (portrait.shape[0] * portrait.shape[1] - 1)
    return (
        f'<h3>{escape(portrait.layer)}</h3><p class="note">{portrait.n_patterns:,} of '
        f"{possible:,} possible pairs occur; {portrait.n_slices / possible:,.1f} slices to a pair "
        f'on average.</p><ul class="glyphs">{"".join(items)}</ul>'
    )


def distances(document: Document) -> Section:
    planned = document.is_plan and not document.lossless
    entries = [("before", "classes by distance to the nearest other class of their channel")]
    if planned:
        entries.append(("after", "slices by distance to what they take under the plan"))
    panels = [distance_panel(portrait, planned=planned) for portrait in document.portraits]
    note = "Weights in which two slices differ, the better of a slice and its inverse."
    return Section("distances", "Hamming distances", note, _legend(*entries) + _figures(panels))


def groups(document: Document) -> Section | None:
    both = ((portrait, stars(portrait)) for portrait in document.portraits)
    drawn = [(p, drawings) for p, drawings in both if drawings or p.layer == document.opened]
    if not drawn:
        return None
    entries = [("copied", "filter takes the result"), ("negated", "takes its negation")]
    body = _legend(*entries, ("edge similar", "only resembles it"))
    first = document.opened or _most_shared([portrait for portrait, _ in drawn])
    for portrait, drawings in drawn:
        opened = " open" if portrait.layer == first else ""
        body += (
            f"<details{opened}><summary>{_channel_title(portrait)}</summary>"
            f'<p class="note">{_channel_note(portrait, len(drawings))}</p>'
            f"{_figures(drawings, 'stars')}</details>"
        )
    note = (
        "One channel of each layer, chosen by <code>--channel</code> or else that whose number of "
        "computed slices is the median. In the middle the slice that is computed, around it the "
        "filters that use its result."
    )
    return Section("groups", "Sharing groups of a channel", note, body)


def _most_shared(portraits: list[LayerPortrait]) -> str:
    """The layer whose groups are open at first: where a computed slice serves most filters."""
    return min(portraits, key=lambda portrait: portrait.n_computed / portrait.n_slices).layer


def _channel_title(portrait: LayerPortrait) -> str:
    channel = portrait.channel
    what = "channel" if portrait.shape[0] > 1 else "group of inputs"
    return (
        f"{escape(portrait.layer)}, {what} {channel.channel}: {len(channel.uses)} filters, "
        f"{len(channel.representatives)} slices computed"
    )


def _channel_note(portrait: LayerPortrait, n_drawn: int) -> str:
    sizes = [len(uses) for _, uses in groups_by_size(portrait.channel)]
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
    if not document.tried:
        return None
    entries = [("planned", "plan within the budget"), ("refused", "lost too much")]
    entries.append(("exact", "exact sharing"))
    if document.accuracy is not None:
        entries.append(("reported", "the plan kept, on the reporting images"))
    n_views = max(entry.loss.n_views for entry in document.tried)
    shifts = f" and {n_views - 1} shifts of them" if n_views > 1 else ""
    chosen = escape(document.chosen_on or "") + shifts
    note = f"Chosen on {chosen}. Bars are 95 % intervals of the paired loss."
    body = _legend(*entries) + _figures([tradeoff(document)], "scroll")
    body += tables.tried_table(document)
    return Section("search", "Accuracy against operations", note, body)


def thresholds(document: Document) -> Section | None:
    if not document.thresholds:
        return None
    left_out = sum(t.n_constant + t.n_turned for t in document.thresholds)
    note = (
        "Each dot is an output channel: its integer threshold before (across), and by how much the "
        "plan moves it (up), so that the channel fires as often as it did."
    )
    if left_out:
        note += f" {left_out} channels that never change or turned are left out."
    panels = _figures(map(threshold_panel, document.thresholds))
    return Section("thresholds", "Thresholds before and after", note, panels)


def solver(document: Document) -> Section | None:
    solved = document.solved
    if solved is None and not document.spent:
        return None
    body = ""
    if solved is not None:
        who = ", ".join(f"{escape(name)} {n:,}" for name, n in solved.problems.items())
        total = sum(solved.problems.values())
        body += (
            f"<dl><dt>Problems solved</dt><dd>{total:,} ({who})</dd>"
            f"<dt>Proven optimal</dt><dd>{solved.n_optimal:,} of {total:,}</dd>"
            f"<dt>Gap of all together</dt><dd>{100 * solved.gap:.3f} %</dd>"
            f"<dt>Worst gap</dt><dd>{100 * solved.worst_gap:.2f} %</dd>"
            "<dt>Gap in slice operations, at this disturbance</dt>"
            f"<dd>{100 * solved.operations_gap:.3f} %</dd></dl>"
        )
        body += "".join(
            f'<p class="note">Refused {n:,} times: {escape(reason)}</p>'
            for reason, n in solved.refusals.items()
        )
    if document.spent:
        body += tables.times_table(document)
    return Section("solver", "Solver gaps and times", "", body)


def reproduce(document: Document) -> Section:
    rows = [("Command", f"<code>{escape(document.command)}</code>")] if document.command else []
    if document.seed is not None:
        rows.append(("Seed", str(document.seed)))
    rows.append(("Fingerprint", f"<code>{escape(document.fingerprint)}</code>"))
    versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in document.versions.items())
    rows.append(("Versions", f"crshare {escape(document.version)}, {versions}"))
    body = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    note = "The fingerprint is a hash of the model's binary weights and thresholds."
    return Section("reproduce", "How to reproduce", note, f"<dl>{body}</dl>")


SECTIONS: tuple[Callable[[Document], Section | None], ...] = (
    measures,
    search,
    distinct,
    patterns,
    distances,
    groups,
    thresholds,
    solver,
    reproduce,
)
