"""Tables of plain values: short where people look, whole where programs read."""

import sys

import pytest

from crshare.errors import CrshareError
from crshare.frame import SHOWN, Frame, Tabled

FRAME = Frame(
    "title", ("layer", "n", "share", "kept"), (("a", 1234, 0.123456, True), ("b", 5, 2.0, None))
)


def test_a_short_table_has_aligned_columns() -> None:
    assert repr(FRAME).splitlines() == [
        "title",
        "layer      n   share  kept",
        "a      1,234  0.1235   yes",
        "b          5       2",
    ]


def test_a_long_table_says_what_it_leaves_out() -> None:
    long = Frame("t", ("n",), tuple((k,) for k in range(SHOWN + 3)))
    assert repr(long).splitlines()[-1] == "... 3 more rows"
    assert len(repr(long).splitlines()) == SHOWN + 3
    assert long._repr_html_().count("<tr>") == SHOWN + 1


def test_a_notebook_gets_escaped_html() -> None:
    page = Frame("<t>", ("<c>",), (("<b>\x1b",),))._repr_html_()
    assert "&lt;t&gt;" in page and "<th>&lt;c&gt;</th>" in page and "&lt;b&gt;\\x1b" in page


def test_csv_holds_every_figure_and_no_formula() -> None:
    frame = Frame("t", ("a", "b"), (("=1+1", -3), ("x,\n", None)))
    assert frame.csv() == 'a,b\n\'=1+1,-3\n"x,\\n",\n'


@pytest.mark.needs_package("pandas")
def test_pandas_gets_all_rows() -> None:
    found = FRAME.to_dataframe()
    assert list(found.columns) == list(FRAME.columns)
    assert found["n"].tolist() == [1234, 5]


def test_without_pandas_the_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CrshareError) as error:
        FRAME.to_dataframe()
    assert str(error.value) == (
        'a data frame needs pandas, which is not installed; try pip install "crshare[report]"'
    )


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="t: a row has not 2 cells"):
        Frame("t", ("a", "b"), ((1,),))


def test_what_shows_itself_as_a_table_gives_it() -> None:
    class One(Tabled):
        def summary(self) -> Frame:
            return FRAME

    assert repr(One()) == repr(FRAME)
    assert One()._repr_html_() == FRAME._repr_html_()
    assert One().table() is FRAME
