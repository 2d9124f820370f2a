"""Inline SVG as text: a drawing with a title and a description, and the few shapes that we use.

Colours are classes of drawing.css, never values, so that a drawing follows the page's theme.
"""

from collections.abc import Iterable
from html import escape
from typing import Literal

Anchor = Literal["start", "middle", "end"]


class Drawing:
    """Collects shapes; str() gives an <svg> that scales with its column.

    name: unique on the page; any text.
    """

    def __init__(self, name: str, width: float, height: float, title: str, desc: str) -> None:
        self.name, self.width, self.height = identifier(name), width, height
        self.title, self.desc = title, desc
        self._shapes: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, look: str, hint: str = ""
    ) -> None:
        box = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'
        self._add("rect", f'{box} class="{look}"', hint)

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
        ends = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
        self._add("line", f'{ends} class="{look}"')

    def circle(self, x: float, y: float, radius: float, look: str, hint: str = "") -> None:
        self._add("circle", f'cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" class="{look}"', hint)

    def path(self, points: Iterable[tuple[float, float]], look: str) -> None:
        steps = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._add("polyline", f'points="{steps}" class="{look}"')

    def text(
        self, x: float, y: float, words: str, look: str = "label", anchor: Anchor = "start"
    ) -> None:
        where = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" class="{look}"'
        self._shapes.append(f"<text {where}>{escape(words)}</text>")

    def _add(self, shape: str, attributes: str, hint: str = "") -> None:
        inner = f"<title>{escape(hint)}</title>" if hint else ""
        self._shapes.append(
            f"<{shape} {attributes}>{inner}</{shape}>" if inner else f"<{shape} {attributes}/>"
        )

    def __str__(self) -> str:
        return self._svg("")

    def standalone(self, style: str) -> str:
        """The drawing as a file of its own, with its style inside."""
        return self._svg(f"<style>{style}</style>", 'xmlns="http://www.w3.org/2000/svg" ') + "\n"

    def _svg(self, style: str, namespace: str = "") -> str:
        width, height = _n(self.width), _n(self.height)
        labels = f'aria-labelledby="{self.name}-t {self.name}-d"'
        return (
            f'<svg {namespace}viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" {labels}>'
            f'<title id="{self.name}-t">{escape(self.title)}</title>'
            f'<desc id="{self.name}-d">{escape(self.desc)}</desc>'
            f"{style}{''.join(self._shapes)}</svg>"
        )


def identifier(name: str) -> str:
    """The name as an id of HTML: letters, digits and -, others by their code between _."""
    return "".join(
        c if c == "-" or (c.isascii() and c.isalnum()) else f"_{ord(c):x}_" for c in name
    )


def _n(number: float) -> str:
    """At most two decimals, no trailing zeros."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
