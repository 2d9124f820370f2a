"""HTML and SVG as a type of its own: text gets into it escaped, or not at all.

A str is text and is escaped wherever it enters; only the functions
here make Markup, and Markup is no str, so that none can be made of text by mistake.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from crshare.printable import visible

Attribute = str | bool | None

# Elements without content, and how they end.
EMPTY = (
    {"meta": ">", "link": ">", "br": ">"}
    | dict.fromkeys(("rect", "line", "circle", "polyline"), "/>")
    | {"input": ">"}
)


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of a page, ready to stand in it."""

    html: str


def element(tag: str, /, *inner: Markup | str, **attributes: Attribute) -> Markup:
    """An element with its content; of attributes `class_` is class, `aria_label` aria-label.

    An attribute that is True has no value; one that is False or None is left out.
    """
    words = "".join(_written(key, value) for key, value in attributes.items())
    content = joined(inner).html
    if tag in EMPTY and not content:
        return Markup(f"<{tag}{words}{EMPTY[tag]}")
    return Markup(f"<{tag}{words}>{content}</{tag}>")


def joined(parts: Iterable[Markup | str]) -> Markup:
    return Markup("".join(part.html if isinstance(part, Markup) else _text(part) for part in parts))


def in_lines(*parts: Markup) -> Markup:
    """Each on a line of its own."""
    return Markup("".join(f"\n{part.html}" for part in parts) + "\n")


def own_files(*names: str) -> Markup:
    """Files of this package, for an element that holds raw text: a style or a script."""
    folder = files("crshare.report.page")
    return Markup("".join(folder.joinpath(name).read_text("utf-8") for name in names))


def _written(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_text(value)}"'


def _text(text: str) -> str:
    return escape(visible(text))
