"""A table of plain values: short in a terminal and in a notebook, whole as CSV and for pandas."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import Any

from crshare.errors import CrshareError
from crshare.printable import NAME, printable

Cell = str | int | float | bool | None
SHOWN = 40  # rows of a short table
FORMULA = ("=", "+", "-", "@")  # what makes a spreadsheet compute a text


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows of one value for each column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: a row has not {len(self.columns)} cells")

    @classmethod
    def of(cls, title: str, records: Sequence[Mapping[str, Cell]]) -> "Frame":
        """Each record as a row; all have the keys of the first."""
        columns = tuple(records[0]) if records else ()
        return cls(title, columns, tuple(tuple(one[name] for name in columns) for one in records))

    def __repr__(self) -> str:
        """At most SHOWN rows, in columns."""
        lines = [self.columns, *(tuple(map(_shown, row)) for row in self.rows[:SHOWN])]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        left = self._are_texts()
        placed = ("  ".join(map(_placed, line, widths, left)).rstrip() for line in lines)
        return "\n".join([printable(self.title), *placed, *self._rest()])

    def _repr_html_(self) -> str:
        """The same for a notebook."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        align = ["left" if text else "right" for text in self._are_texts()]
        body = "".join(f"<tr>{_html_cells(row, align)}</tr>" for row in self.rows[:SHOWN])
        title = f"<caption>{escape(printable(self.title))}</caption>"
        rest = "".join(f"<p>{line}</p>" for line in self._rest())
        return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    def _are_texts(self) -> list[bool]:
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        return [any(isinstance(cell, str) for cell in column) for column in columns]

    def _rest(self) -> list[str]:
        more = len(self.rows) - SHOWN
        return [f"... {more:,} more rows"] if more > 0 else []

    def csv(self) -> str:
        """Comma-separated values with a line of names; a text never begins a formula."""
        written = StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_inert(cell) for cell in row] for row in self.rows)
        return written.getvalue()

    def to_dataframe(self) -> Any:
        """As a pandas.DataFrame; CrshareError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise CrshareError(
                "a data frame needs pandas, which is not installed; try pip install "
                '"crshare[report]"'
            ) from error
        return pandas.DataFrame(list(self.rows), columns=list(self.columns))


def _shown(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case float():
            return f"{cell:.4g}"
        case int():
            return f"{cell:,}"
        case text:
            return printable(text, NAME)


def _placed(text: str, width: int, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _html_cells(row: Sequence[Cell], align: Sequence[str]) -> str:
    return "".join(
        f'<td style="text-align: {side}">{escape(_shown(cell))}</td>'
        for cell, side in zip(row, align, strict=True)
    )


def _inert(cell: Cell) -> Cell:
    if isinstance(cell, str):
        text = printable(cell)
        return f"'{text}" if text.startswith(FORMULA) else text
    return cell


class Tabled(ABC):
    """A value that shows itself as a short table; `table` has all of its figures."""

    @abstractmethod
    def summary(self) -> Frame:
        """The short table."""

    def table(self) -> Frame:
        """All figures, a row for each layer."""
        return self.summary()

    def to_dataframe(self) -> Any:
        """The table as a pandas.DataFrame."""
        return self.table().to_dataframe()

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()
