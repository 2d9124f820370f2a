"""Tables that fit the terminal: the fullest that does, or else one cut into several side parts."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Column, Table

from crshare.screen import PlainTable, line


def table_of(title: str, *keys: str) -> Table:
    """An empty table in the style of all tables, with its columns of keys."""
    table = PlainTable(
        title=line(title, "table.title"), title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0)
    )
    for key in keys:
        table.add_column(key, no_wrap=True)
    return table


class Fitting:
    """Shows the first of its tables that fits, the fullest first; the last one is cut to fit.

    n_keys: leading columns that every part repeats. Cells are plain text. A heading whose first
    line is empty goes on with that of the column before, and is cut off it only where there is no
    room for both.
    """

    def __init__(self, *tables: Table, n_keys: int = 1) -> None:
        self.tables, self.n_keys = tables, n_keys

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        for table in self.tables:
            if width_of(table.columns) <= options.max_width:
                yield table
                return
        yield from parts_of(self.tables[-1], self.n_keys, options.max_width)


def width_of(columns: Sequence[Column]) -> int:
    """Cells, one space behind each, one between two columns, and the box's sides."""
    return sum(_width(column) + 1 for column in columns) + len(columns) - 1 + 2


def _width(column: Column) -> int:
    """The widest line, or word where the column may wrap."""
    texts = [str(column.header), *(str(cell) for cell in column.cells)]
    pieces = [piece for text in texts for piece in _pieces(text, wraps=not column.no_wrap)]
    return max([column.min_width or 0, *map(cell_len, pieces)])


def _pieces(text: str, *, wraps: bool) -> list[str]:
    return text.split() if wraps else text.split("\n")


def parts_of(table: Table, n_keys: int, width: int) -> Iterator[Table]:
    """The table as tables of as many columns as fit, each behind the keys; at least one each."""
    keys, rest = table.columns[:n_keys], list(table.columns[n_keys:])
    first = True
    while rest:
        n = 1
        while n < len(rest) and width_of([*keys, *rest[: n + 1]]) <= width:
            n += 1
        n = _whole_groups(rest, n)
        yield _part(table, [*keys, *rest[:n]], titled=first)
        rest, first = rest[n:], False


def _whole_groups(columns: Sequence[Column], n: int) -> int:
    """The most of the first n columns that part none from those that its heading goes on over."""
    begins = [at for at in range(1, n + 1) if at == len(columns) or not _goes_on(columns[at])]
    return max(begins, default=n)


def _goes_on(column: Column) -> bool:
    return str(column.header).startswith("\n")


def _part(table: Table, columns: Sequence[Column], *, titled: bool) -> Table:
    part = PlainTable(
        title=table.title if titled else None,
        title_justify=table.title_justify,
        box=table.box,
        padding=table.padding,
    )
    for column in columns:
        part.add_column(
            column.header,
            justify=column.justify,
            no_wrap=column.no_wrap,
            min_width=column.min_width,
        )
    cells = zip(*(list(column.cells) for column in columns), strict=True)
    for row, values in zip(table.rows, cells, strict=True):
        part.add_row(*values, end_section=row.end_section)
    return part
