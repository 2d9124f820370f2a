"""The figures at the head of the page: what was saved, and what it cost."""

from crshare.plan.luts import luts_together
from crshare.report.figures import ROWS, change, parts, short
from crshare.report.page.document import Document
from crshare.report.page.markup import Markup, element
from crshare.report.schema import Realisations

Card = tuple[str, str, str]
"""What it is of, the figure, and what stands below it."""


def cards(document: Document) -> Markup:
    """A list of cards: the measures of the first counted part, LUTs, accuracy."""
    found = [*_measures(document), *_luts(document), *_promise(document), *_accuracy(document)]
    return element("ul", *(_card(*card) for card in found), class_="cards")


def _card(what: str, figure: str, more: str) -> Markup:
    named = element("span", what, class_="what")
    return element("li", named, element("strong", figure), element("span", more))


def _measures(document: Document) -> list[Card]:
    """Of slices, and of adder graphs where adders are counted: what the plan saves beyond exact
    sharing, or where there is no plan what exact sharing saves."""
    if not document.layers:
        return []
    title, layers = parts(document.layers)[0]
    whole = Realisations.of(layers)
    shown = (row for row in ROWS if row.is_graph or row.measure == "slice_operations")
    return [_compared(f"{row.name}, {title}", row.of(whole), document) for row in shown]


def _compared(what: str, three: tuple[int, int, int], document: Document) -> Card:
    was, exact, now = three
    if document.plan is None:
        return what, change(exact, was), f"{short(was)} unshared → {short(exact)} exact"
    more = f"{short(was)} unshared → {short(exact)} exact → {short(now)} plan"
    return what, f"{change(now, exact)}", f"of exact sharing; {more}"


def _luts(document: Document) -> list[Card]:
    if not document.luts:
        return []
    whole = luts_together(document.luts)
    stages = "1 stage" if len(document.luts) == 1 else f"{len(document.luts)} stages"
    three = whole.unshared, whole.exact, whole.planned
    return [_compared(f"LUT sites, {stages}", three, document)]


def _accuracy(document: Document) -> list[Card]:
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


def _promise(document: Document) -> list[tuple[str, str, str]]:
    promise = document.search.promise if document.search else None
    if promise is None or not promise.at_most_points:
        return []
    return [
        (
            f"Points lost at most, {promise.level_percent:g} % confidence",
            f"{promise.at_most_points:.2f}",
            f"{promise.loss_points:.2f} on images that did not choose".replace("-", "−"),
        )
    ]
