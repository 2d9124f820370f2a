"""A section of the page as a value, and what sections are made of: notes, legends, figures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from crshare.report.page.markup import Markup, element
from crshare.report.page.plots import NARROW, WIDE
from crshare.report.page.svg import Drawing


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. note: how to read it."""

    name: str
    title: str
    note: Markup | str
    body: Markup


def noted(*words: Markup | str) -> Markup:
    return element("p", *words, class_="note")


def panels(drawings: Iterable[Drawing], kind: str = "panels") -> Markup:
    figures = (element("figure", drawing.markup()) for drawing in drawings)
    return element("div", *figures, class_=kind)


def plot(draw: Callable[[float], Drawing]) -> Markup:
    """A figure for the page's column and one for a telephone's; the style shows one of them."""
    both = ((WIDE, "wide"), (NARROW, "narrow"))
    figures = (element("figure", draw(width).markup(), class_=kind) for width, kind in both)
    return element("div", *figures)


def legend(*entries: tuple[str, str]) -> Markup:
    items = (element("li", element("i", class_=look), words) for look, words in entries)
    return element("ul", *items, class_="legend")


def definitions(*rows: tuple[str, Markup | str]) -> Markup:
    terms = (part for name, value in rows for part in (element("dt", name), element("dd", value)))
    return element("dl", *terms)
