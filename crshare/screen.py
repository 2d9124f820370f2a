"""The only way to a terminal: text goes through `printable`, and never counts as markup."""

from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from crshare.printable import NAME, printable


def line(words: str, style: str = "") -> Text:
    """One line, or paragraph, of plain text."""
    return Text(printable(words), style=style)


class PlainTable(Table):
    """A table of plain text: cells and titles are no markup, whatever they hold."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(as_text(cell) for cell in cells), **options)


def as_text(cell: RenderableType | None) -> RenderableType | None:
    return Text(printable(cell, NAME)) if isinstance(cell, str) else cell


class Screen(Console):
    """A console that prints strings as plain text, each in lines of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(line(o) if isinstance(o, str) else o for o in objects), **options)
