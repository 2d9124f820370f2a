"""A kind of node is one row: a trial kind that is not exact, through all that asks the table."""

from dataclasses import replace
from importlib import import_module
from itertools import product

import numpy as np
import pytest

from solver.adder_graph import (
    AdderGraph,
    AdderGraphError,
    Cost,
    check,
    from_text,
    interpret,
    measure,
    to_text,
)
from solver.adder_graph.kinds import COUNT, KINDS, SUM

EVEN = len(KINDS)
TABLE = (
    *KINDS,
    replace(KINDS[SUM], name="even", after=lambda sums: sums >> 1 << 1, lut6=lambda w: w.made - 1),
)
READERS = ("graph", "forms", "interpret", "kinds", "measures", "text")
TEXT = """adder graph 1
inputs 3 in [0, 1]
inputs 1 in [-5, 6]
e4 = count e0 ~e1 e2
e5 = even e3 e4<<2
e6 = e5 - e3
y0 = e6 + 7
y1 = -e5
y2 = e4 - 1
"""


@pytest.fixture
def with_even(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in READERS:
        monkeypatch.setattr(import_module(f"solver.adder_graph.{module}"), "KINDS", TABLE)


def graph() -> AdderGraph:
    return from_text(TEXT)


@pytest.mark.usefixtures("with_even")
def test_its_text_is_read_and_written() -> None:
    assert graph().kind.tolist() == [COUNT, EVEN, SUM]
    assert to_text(graph()) == TEXT


@pytest.mark.usefixtures("with_even")
def test_it_is_evaluated_and_its_range_holds_all_its_values() -> None:
    made = graph()
    inputs = np.array([*product((0, 1), (0, 1), (0, 1), range(-5, 7))])
    a, b, c, x = inputs.T
    count = a + (1 - b) + c
    even = (x + 4 * count) // 2 * 2
    assert np.array_equal(interpret(made, inputs), np.stack([even - x + 7, -even, count - 1], -1))
    for edge, values in ((4, count), (5, even), (6, even - x)):
        assert made.low[edge] <= values.min() <= values.max() <= made.high[edge]
    assert (made.low[5], made.high[5]) == (even.min(), even.max())


@pytest.mark.usefixtures("with_even")
def test_it_is_priced_by_its_row() -> None:
    plain = from_text(TEXT.replace("even e3 e4<<2", "e3 + e4<<2"))
    difference = measure(plain).lut6 - measure(graph()).lut6
    assert isinstance(measure(graph()), Cost)
    assert difference == 1 - 2 + _width_changes(plain, graph())
    assert measure(graph()).depth == measure(plain).depth


def _width_changes(one: AdderGraph, other: AdderGraph) -> int:
    """Bits by which e6 is narrower in the graph whose ranges are all exact."""
    return _bits(one, 6) - _bits(other, 6) + _bits(one, 5) - _bits(other, 5)


def _bits(made: AdderGraph, edge: int) -> int:
    low, high = int(made.low[edge]), int(made.high[edge])
    return max(high, -low - 1).bit_length() + (low < 0)


@pytest.mark.usefixtures("with_even")
def test_no_matrix_is_proved_of_what_is_not_exact() -> None:
    with pytest.raises(AdderGraphError) as refusal:
        check(graph(), np.zeros((3, 4)))
    assert str(refusal.value) == (
        "edge 5 is of kind 'even', which is not exact; no matrix tells what the graph computes"
    )


def test_without_its_row_there_is_no_such_kind() -> None:
    with pytest.raises(AdderGraphError, match="line 5 of the adder graph cannot stand there"):
        graph()
    made = from_text(TEXT.replace("even e3 e4<<2", "e3 + e4<<2"))
    with pytest.raises(AdderGraphError, match=f"^there is no kind {EVEN} of node$"):
        replace(made, kind=np.array([1, EVEN, 0]))


def test_marks_of_another_kind_are_refused() -> None:
    with pytest.raises(AdderGraphError, match="line 4 of the adder graph cannot stand there"):
        from_text(TEXT.replace("~e1", "-e1"))
