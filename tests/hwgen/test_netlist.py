"""Netlists: their law, their meaning, their text, and the Verilog of single expressions."""

from itertools import product

import numpy as np
import pytest

from crshare.hardware.layer_stage import netlist_of
from hwgen import (
    Add,
    Bit,
    Compare,
    Fixed,
    Linear,
    Netlist,
    NetlistError,
    Operand,
    Popcount,
    Range,
    Tally,
    combinational,
    interpret,
    tally,
    to_text,
)
from hwgen.cells import extended
from hwgen.datapath import Schedule, compared
from solver.adder_graph import build
from solver.adder_graph import interpret as interpret_graph
from solver.choices import MEASURES

BIT = Range(0, 1)
SMALL = Netlist(
    3,
    (BIT, BIT, BIT, Range(0, 2), Range(-1, 4)),
    (Popcount((Bit(0, False), Bit(1, True))), Add(Operand(3, 1), Operand(2), subtract=True)),
    (Compare(4, True, (2,)), Fixed((True,)), Linear(4, -2, 3)),
)


@pytest.mark.parametrize(
    ("low", "high", "width", "signed"),
    [(0, 0, 1, False), (0, 1, 1, False), (0, 7, 3, False), (0, 8, 4, False), (-1, 0, 1, True),
     (-1, 1, 2, True), (-8, 7, 4, True), (-9, 7, 5, True), (3, 5, 3, False)],
)  # fmt: skip
def test_a_range_takes_the_bits_it_needs(low: int, high: int, width: int, signed: bool) -> None:
    assert (Range(low, high).width, Range(low, high).signed) == (width, signed)


def test_cells_mean_what_they_say() -> None:
    for bits in np.ndindex(2, 2, 2):
        a, b, c = (int(bit) for bit in bits)
        value = 2 * (a + (1 - b)) - c
        assert interpret(SMALL, [a, b, c]) == [int(value >= 2), 1, 3 - 2 * value]


def test_the_text_has_a_line_for_each_cell_and_head() -> None:
    assert to_text(SMALL) == (
        "inputs 3 classes 1\n"
        "n3 [0, 2] = count n0 ~n1\n"
        "n4 [-1, 4] = n3 << 1 - n2\n"
        "bit n4 >= 2\n"
        "bit 1\n"
        "score -2 * n4 + 3\n"
    )


def test_cells_are_counted_by_kind() -> None:
    assert tally(SMALL) == Tally(
        popcounts=1, adders=1, additions=2, adder_bits=4, comparisons=1, scores=1
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_lowered_graph_means_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.choice([-1, 0, 1], (int(rng.integers(1, 9)), int(rng.integers(1, 20))))
    span = (0, 1) if seed % 2 else (-5, 9)
    graph = build(matrix, measure=MEASURES[seed % len(MEASURES)], input_range=span)
    heads = tuple(
        Linear(output.edge, -1 if output.negative else 1, output.offset)
        for output in graph.outputs()
    )
    netlist = netlist_of(graph, heads, 1)
    for _ in range(20):
        inputs = rng.integers(span[0], span[1] + 1, matrix.shape[1])
        assert interpret(netlist, inputs.tolist()) == interpret_graph(graph, inputs).tolist()


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda: Netlist(1, (BIT,), (Add(Operand(0), Operand(1)),), ()), "1 ranges for 1 inputs"),
        (
            lambda: Netlist(1, (BIT, BIT), (Add(Operand(0), Operand(1)),), ()),
            "net 1 reads (0, 1); it may read earlier nets",
        ),
        (lambda: Netlist(1, (BIT,), (), (Compare(1, True, (0,)),)), "a head reads net 1"),
        (lambda: Netlist(1, (BIT,), (), (Fixed((True,)),), 2), "a head has 1 limits for 2 classes"),
        (lambda: Range(2, 1), "a range runs from 2 to 1"),
    ],
)
def test_a_netlist_that_breaks_the_law_is_refused(broken: object, sentence: str) -> None:
    with pytest.raises(NetlistError) as error:
        broken()  # type: ignore[operator]
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("span", "shift", "width", "text"),
    [
        (Range(0, 3), 0, 2, "n"),
        (Range(0, 3), 0, 4, "{{2{1'b0}}, n}"),
        (Range(-2, 1), 0, 4, "{{2{n[1]}}, n}"),
        (Range(-2, 1), 1, 4, "{{1{n[1]}}, n, 1'd0}"),
        (Range(0, 15), 0, 2, "n[1:0]"),
        (Range(0, 15), 2, 4, "{n[1:0], 2'd0}"),
    ],
)
def test_operands_are_brought_to_the_width_of_the_sum(
    span: Range, shift: int, width: int, text: str
) -> None:
    assert extended("n", span, shift, width) == text


@pytest.mark.parametrize(
    ("span", "limit", "at_least", "text"),
    [
        (Range(0, 7), 0, True, "1'b1"),
        (Range(0, 7), 8, True, "1'b0"),
        (Range(0, 7), 7, False, "1'b1"),
        (Range(0, 7), -1, False, "1'b0"),
        (Range(0, 7), 3, True, "(n[2] | (n[1] & n[0]))"),
        (Range(-4, 3), -2, False, "~(~n[2] | (n[1] & n[0]))"),
        (Range(0, 2**17 - 1), 3, True, "(n >= 17'd3)"),
        (Range(-(2**16), 2**16 - 1), -2, False, "($signed(n) <= $signed(17'd131070))"),
        (Range(0, 1), 1, True, "n"),
        (Range(0, 1), 0, False, "~n"),
        (Range(-1, 0), 0, True, "~n"),
        (Range(-1, 0), -1, False, "n"),
        (Range(-4, 3), -1, False, "n[2]"),
    ],
)
def test_comparisons_are_decided_where_the_range_decides(
    span: Range, limit: int, at_least: bool, text: str
) -> None:
    assert compared("n", span, limit, at_least) == text


@pytest.mark.parametrize("span", [Range(0, 1), Range(0, 5), Range(-3, 6), Range(-8, 7)])
@pytest.mark.parametrize("at_least", [True, False])
def test_a_comparison_bit_by_bit_is_one(span: Range, at_least: bool) -> None:
    """Every limit and every value; Python reads the text with the bits in the place of names."""
    for limit, value in product(range(span.low - 1, span.high + 2), range(span.low, span.high + 1)):
        text = compared("n", span, limit, at_least).replace("1'b", "")
        bits = [value >> place & 1 for place in range(span.width)]
        found = eval(text, {"n": bits if span.width > 1 else bits[0]}) & 1
        assert found == (value >= limit if at_least else value <= limit)


def test_no_stage_holds_more_cells_in_a_row_than_asked_for() -> None:
    graph = build(np.random.default_rng(1).choice([-1, 1], (6, 30)), measure="lut6")
    heads = tuple(Linear(output.edge, 1, 0) for output in graph.outputs())
    netlist = netlist_of(graph, heads, 1)
    for per_stage in (1, 2, 3):
        schedule = Schedule(netlist, per_stage)
        for net, level in enumerate(netlist.levels):
            assert level - per_stage * schedule.made(net) <= per_stage
    assert Schedule(netlist, None).n_stages == 1


def test_the_same_netlist_gives_the_same_bytes() -> None:
    assert combinational("small", SMALL, 4) == combinational("small", SMALL, 4)
