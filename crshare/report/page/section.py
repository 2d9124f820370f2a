"""A section of the page as a value, and what sections are made of: notes, legends, figures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from crshare.report.page.markup import Markup, element, joined
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
    """Of text, what stands between two ` is code."""
    parts = (coded(one) if isinstance(one, str) else one for one in words)
    return element("p", *parts, class_="note")


def coded(words: str) -> Markup:
    """A last ` alone stays as it is."""
    parts = words.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return joined(element("code", one) if at % 2 else one for at, one in enumerate(parts))


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
