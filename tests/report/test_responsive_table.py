"""Tables in terminals of every width: nothing wider than the terminal, no cell lost or cut."""

from io import StringIO

import pytest
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from crshare.report.responsive_table import Fitting, width_of

FIGURES = [str(3 * 10**n) for n in range(1, 9)]


def table(n_columns: int) -> Table:
    made = Table(title="Figures", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    made.add_column("Layer", no_wrap=True)
    for n in range(n_columns):
        made.add_column(f"Column {n}", justify="right", no_wrap=True)
    for layer in ("conv1", "conv2"):
        made.add_row(layer, *FIGURES[:n_columns], end_section=layer == "conv1")
    return made


def printed(shown: Fitting | Table, width: int) -> list[str]:
    console = Console(width=width, file=StringIO(), record=True, no_color=True)
    console.print(shown)
    return console.export_text().splitlines()


def test_the_width_is_what_rich_draws() -> None:
    lines = printed(table(8), 200)
    assert max(map(len, lines)) == width_of(table(8).columns)


@pytest.mark.parametrize("width", [24, 30, 40, 60, 80, 140])
def test_every_cell_is_there_and_no_line_is_too_long(width: int) -> None:
    lines = printed(Fitting(table(8)), width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    words = text.split()
    assert text.count("Figures") == 1
    for figure in FIGURES:
        assert words.count(figure) == 2
    n_parts = words.count("conv1")
    assert n_parts == words.count("conv2") == words.count("Layer")
    assert (n_parts == 1) == (width >= width_of(table(8).columns))


def test_the_fullest_table_that_fits_is_shown() -> None:
    full, lean = table(8), table(3)
    exact = width_of(full.columns)
    assert "Column 7" in "\n".join(printed(Fitting(full, lean), exact))
    assert "Column 7" not in "\n".join(printed(Fitting(full, lean), exact - 1))


def test_parts_repeat_the_keys() -> None:
    text = "\n".join(printed(Fitting(table(8), n_keys=2), 40))
    assert text.count("Column 0") == text.count("Layer") > 1


def grouped(n_groups: int, *others: str) -> Table:
    made = Table(title="Figures", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("Layer", *(("Measure\nunshared", "\nexact", "\nplan") * n_groups), *others):
        made.add_column(heading, justify="right", no_wrap=True)
    made.add_row("conv1", *"123" * n_groups, *others)
    return made


@pytest.mark.parametrize("width", range(40, 90, 5))
def test_columns_under_one_heading_stay_together(width: int) -> None:
    text = "\n".join(printed(Fitting(grouped(4, "other")), width))
    heads = [
        row.rstrip().removesuffix("other").split() for row in text.splitlines() if "Layer" in row
    ]
    whole = ["unshared", "exact", "plan"]
    assert all(head == ["Layer", *whole * (len(head) // 3)] for head in heads)
    assert sum(head.count("plan") for head in heads) == 4
    assert "other" in text


def test_columns_under_one_heading_part_where_there_is_no_room() -> None:
    text = "\n".join(printed(Fitting(grouped(1)), 20))
    assert max(map(len, text.splitlines())) <= 20
    assert all(text.split().count(figure) == 1 for figure in "123")
