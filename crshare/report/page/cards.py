"""The figures at the head of the page: what was saved, and what it cost."""

from html import escape

from crshare.report.page.document import Document
from crshare.report.terminal import MEASURES, less, parts, short, totals


def cards(document: Document) -> str:
    """A list of cards: the measures of the first counted part, LUTs, accuracy."""
    found = [*_measures(document), *_luts(document), *_accuracy(document)]
    items = "".join(
        f'<li><span class="what">{escape(what)}</span><strong>{escape(figure)}</strong>'
        f"<span>{escape(more)}</span></li>"
        for what, figure, more in found
    )
    return f'<ul class="cards">{items}</ul>'


def _measures(document: Document) -> list[tuple[str, str, str]]:
    if not document.layers:
        return []
    title, layers = parts(document.layers)[0]
    before, after, graph = totals(layers)
    found = []
    for name, key in MEASURES:
        was, now, best = (getattr(total, key) for total in (before, after, graph))
        more = f"{short(was)} → {short(now)}"
        if key != "slice_operations":
            more += f"; adder graph −{less(best, was)}"
        found.append((f"{name}, {title}", f"−{less(now, was)}", more))
    return found


def _luts(document: Document) -> list[tuple[str, str, str]]:
    if not document.luts:
        return []
    before = sum(luts.before for luts in document.luts.values())
    after = sum(luts.after for luts in document.luts.values())
    layers = "1 layer" if len(document.luts) == 1 else f"{len(document.luts)} layers"
    return [(f"LUT6, {layers}", f"−{less(after, before)}", f"{before:,} → {after:,}")]


def _accuracy(document: Document) -> list[tuple[str, str, str]]:
    accuracy = document.accuracy
    if accuracy is None:
        return []
    low, high = accuracy.interval
    return [
        (
            f"Points lost on {accuracy.n_images:,} images",
            f"{accuracy.loss_points:.2f}".replace("-", "−"),
            f"{accuracy.before:.2f} % → {accuracy.after:.2f} %; 95 % interval "
            f"{low:.2f} to {high:.2f}".replace("-", "−"),
        )
    ]
