"""Inline SVG as text: a drawing with a title and a description, and the few shapes that we use.

Colours are classes of drawing.css, never values, so that a drawing follows the page's theme.
"""

from collections.abc import Iterable
from typing import Literal

from crshare.report.page.markup import Markup, element

Anchor = Literal["start", "middle", "end"]


class Drawing:
    """Collects shapes for an <svg> that scales with its column.

    name: unique on the page; any text.
    """

    def __init__(self, name: str, width: float, height: float, title: str, desc: str) -> None:
        self.name, self.width, self.height = identifier(name), width, height
        self.title, self.desc = title, desc
        self._shapes: list[Markup] = []

    def rect(
        self, x: float, y: float, width: float, height: float, look: str, hint: str = ""
    ) -> None:
        box = {"x": x, "y": y, "width": width, "height": height}
        self._add("rect", box, look, hint)

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
        self._add("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2}, look)

    def circle(self, x: float, y: float, radius: float, look: str, hint: str = "") -> None:
        self._add("circle", {"cx": x, "cy": y, "r": radius}, look, hint)

    def path(self, points: Iterable[tuple[float, float]], look: str) -> None:
        steps = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._shapes.append(element("polyline", points=steps, class_=look))

    def text(
        self, x: float, y: float, words: str, look: str = "label", anchor: Anchor = "start"
    ) -> None:
        shown = element("text", words, x=_n(x), y=_n(y), text_anchor=anchor, class_=look)
        self._shapes.append(shown)

    def _add(self, shape: str, places: dict[str, float], look: str, hint: str = "") -> None:
        inner = [element("title", hint)] if hint else []
        numbers = {key: _n(value) for key, value in places.items()}
        self._shapes.append(element(shape, *inner, **numbers, class_=look))

    def markup(self) -> Markup:
        return self._svg()

    def standalone(self, style: Markup) -> str:
        """The drawing as a file of its own, with its style inside."""
        return self._svg(element("style", style), xmlns="http://www.w3.org/2000/svg").html + "\n"

    def _svg(self, *style: Markup, **namespace: str) -> Markup:
        width, height = _n(self.width), _n(self.height)
        return element(
            "svg",
            element("title", self.title, id=f"{self.name}-t"),
            element("desc", self.desc, id=f"{self.name}-d"),
            *style,
            *self._shapes,
            **namespace,
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            role="img",
            aria_labelledby=f"{self.name}-t {self.name}-d",
        )


def identifier(name: str) -> str:
    """The name as an id of HTML: letters, digits and -, others by their code between _."""
    return "".join(
        c if c == "-" or (c.isascii() and c.isalnum()) else f"_{ord(c):x}_" for c in name
    )


def _n(number: float) -> str:
    """At most two decimals, no trailing zeros."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
