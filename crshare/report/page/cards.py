"""The figures at the head of the page: what was saved, and what it cost."""

from crshare.report.figures import MEASURES, less, parts, short
from crshare.report.page.document import Document
from crshare.report.page.markup import Markup, element
from crshare.report.schema import Realisations


def cards(document: Document) -> Markup:
    """A list of cards: the measures of the first counted part, LUTs, accuracy."""
    found = [*_measures(document), *_luts(document), *_accuracy(document)]
    return element("ul", *(_card(*card) for card in found), class_="cards")


def _card(what: str, figure: str, more: str) -> Markup:
    named = element("span", what, class_="what")
    return element("li", named, element("strong", figure), element("span", more))


def _measures(document: Document) -> list[tuple[str, str, str]]:
    if not document.layers:
        return []
    title, layers = parts(document.layers)[0]
    whole, found = Realisations.of(layers), []
    for name, key in MEASURES:
        was, now, best = whole.all_of(key)
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
    accuracy = document.plan.accuracy if document.plan else None
    if accuracy is None:
        return []
    low, high = accuracy.interval_95_points
    return [
        (
            f"Points lost on {accuracy.n_images:,} images",
            f"{accuracy.loss_points:.2f}".replace("-", "−"),
            f"{accuracy.before_percent:.2f} % → {accuracy.after_percent:.2f} %; 95 % interval "
            f"{low:.2f} to {high:.2f}".replace("-", "−"),
        )
    ]
