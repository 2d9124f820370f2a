"""Adder graphs against matrix @ x, the slow obvious reference, on every odd shape."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from solver.adder_graph import (
    MEASURES,
    AdderGraph,
    AdderGraphError,
    Cost,
    Count,
    Sum,
    Term,
    build,
    check,
    from_text,
    interpret,
    measure,
    to_text,
)
from solver.adder_graph.kinds import SUM
from solver.arrays import Ints

SHARING_METHODS = ("auto", "buckets", "subexpressions", "combined")
MODEL = Path(__file__).resolve().parents[3] / "shared/models/cnv_w1a1_cifar10.h5"


def signs(rows: int, columns: int, seed: int = 0) -> Ints:
    return np.random.default_rng(seed).choice([-1, 1], (rows, columns))


@st.composite
def matrices(draw: st.DrawFn) -> Ints:
    """Small matrices with zeros, repeated and opposite rows and columns."""
    shape = (draw(st.integers(0, 9)), draw(st.integers(0, 14)))
    matrix = draw(hnp.arrays(np.int64, shape, elements=st.sampled_from([-1, 0, 1, 1, -1])))
    for axis in (0, 1):
        if matrix.shape[axis]:
            picks = st.integers(0, matrix.shape[axis] - 1)
            copies = draw(st.lists(picks, max_size=3))
            copied = np.take(matrix, copies, axis=axis) * draw(st.sampled_from([-1, 0, 1]))
            matrix = np.concatenate([matrix, copied], axis=axis)
    return matrix


@st.composite
def ranges(draw: st.DrawFn, n_inputs: int) -> Ints:
    """Bits, small signed numbers, constants, or all of them mixed."""
    kinds = draw(st.lists(st.sampled_from(["bit", "wide"]), min_size=n_inputs, max_size=n_inputs))
    pairs = []
    for kind in kinds:
        low = 0 if kind == "bit" else draw(st.integers(-255, 255))
        pairs.append((low, 1 if kind == "bit" else low + draw(st.integers(0, 300))))
    return np.array(pairs, dtype=np.int64).reshape(n_inputs, 2)


def random_inputs(graph: AdderGraph, number: int = 16) -> Ints:
    rng = np.random.default_rng(1)
    size = (number, graph.n_inputs)
    drawn: Ints = rng.integers(graph.input_low, graph.input_high, size, np.int64, endpoint=True)
    return drawn


def assert_multiplies(graph: AdderGraph, matrix: Ints) -> None:
    inputs = random_inputs(graph)
    assert np.array_equal(interpret(graph, inputs), inputs @ np.asarray(matrix).T)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), method=st.sampled_from([*SHARING_METHODS, "separate"]))
def test_every_odd_shape_multiplies_back_out(data: st.DataObject, method: str) -> None:
    matrix = data.draw(matrices())
    input_range = data.draw(ranges(matrix.shape[1]))
    wanted = data.draw(st.sampled_from(MEASURES))
    graph = build(matrix, method=method, measure=wanted, input_range=input_range, search_rounds=4)
    assert_multiplies(graph, matrix)
    assert from_text(to_text(graph)) == graph


@pytest.mark.parametrize("method", [*SHARING_METHODS, "separate"])
@pytest.mark.parametrize("shape", [(1, 1), (0, 5), (5, 0), (0, 0), (1, 40), (40, 1), (16, 100)])
def test_shapes(method: str, shape: tuple[int, int]) -> None:
    matrix = signs(*shape)
    assert_multiplies(build(matrix, method=method, search_rounds=4), matrix)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_ranges_are_exact(data: st.DataObject) -> None:
    matrix = data.draw(matrices())
    input_range = data.draw(ranges(matrix.shape[1]))
    graph = build(matrix, input_range=input_range, search_rounds=2)
    low, high = input_range.T
    ends = np.array([np.where(matrix > 0, low, high), np.where(matrix > 0, high, low)])
    extremes = (matrix * ends).sum(axis=2)
    for row, output in enumerate(graph.outputs()):
        if output.edge is not None:
            sign = -1 if output.negative else 1
            found = sorted(sign * bound[output.edge] for bound in (graph.low, graph.high))
            assert [bound + output.offset for bound in found] == extremes[:, row].tolist()


def test_separate_costs_what_the_design_says() -> None:
    matrix = signs(64, 576)
    cost = measure(build(matrix, method="separate"))
    # 576 bits: 96 counts of six (3 full adders each) and a tree of 95 adders of 3 to 9 bits
    tree = 48 * 3 + 24 * 4 + 12 * 5 + 6 * 6 + 3 * 7 + 8 + 9
    assert cost == Cost(64 * 575, 64 * (96 * 3 + tree), cost.lut6, depth=10)


def test_costs_worked_out_by_hand() -> None:
    # one count of three bits, 2 bits wide: 2 additions, 1 full adder, 2 LUTs, 2 deep
    assert measure(build([[1, 1, 1]])) == Cost(2, 1, 2, 2)
    # [0, 255] + [0, 255]: 8 full adders, 9 result bits
    wide = measure(build([[1, 1]], input_range=(0, 255)))
    assert wide == Cost(additions=1, full_adders=8, lut6=9, depth=1)


def test_wires_cost_nothing() -> None:
    # a + (b << 3), both of 4 bits: the low 3 bits of a are wires, 4 positions are left
    graph = AdderGraph(
        *(np.array(x) for x in ([0, 0], [15, 15], [0, 2], [0, 1], [0, 3])),
        *(np.array(x) for x in ([False, False], [0], [0], [2], [False], [0])),
    )
    assert graph.node(0) == Sum(2, Term(0), Term(1, shift=3))
    assert (graph.low[2], graph.high[2]) == (0, 135)
    assert measure(graph) == Cost(additions=1, full_adders=4, lut6=5, depth=1)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", MEASURES)
def test_auto_is_no_worse_than_any_method(wanted: str) -> None:
    matrix = signs(24, 160)
    costs = {
        method: measure(build(matrix, method=method, measure=wanted)).of(wanted)
        for method in (*SHARING_METHODS, "separate")
    }
    assert costs["auto"] == min(costs.values())
    assert costs["auto"] < 0.5 * costs["separate"]


def test_repeated_rows_and_columns_are_added_once() -> None:
    row = signs(1, 30)
    assert measure(build(np.vstack([row, -row, 0 * row, row]))).additions == 29
    assert measure(build(row.T @ signs(1, 20))).additions == 19


@pytest.mark.parametrize("method", SHARING_METHODS)
def test_equal_arguments_give_equal_graphs(method: str) -> None:
    matrix = signs(20, 90)
    first, second = (build(matrix, method=method, seed=7) for _ in range(2))
    assert to_text(first) == to_text(second)


def test_a_time_limit_only_ends_the_search() -> None:
    matrix = signs(20, 90)
    none = build(matrix, search_rounds=0)
    assert build(matrix, search_rounds=10**6, time_limit_s=0.0) == none
    assert measure(build(matrix, search_rounds=200)).additions < measure(none).additions


@pytest.mark.slow
@pytest.mark.parametrize("n_inputs", [1, 2, 7, 64, 65, 100])
@pytest.mark.parametrize("slack", [0, 1, 3])
@pytest.mark.parametrize("wanted", MEASURES)
def test_the_depth_limit_holds(n_inputs: int, slack: int, wanted: str) -> None:
    matrix = signs(12, n_inputs)
    limit = (n_inputs - 1).bit_length() + slack
    graph = build(matrix, max_depth=limit, measure=wanted)
    assert measure(graph).depth <= limit
    assert_multiplies(graph, matrix)


def test_an_impossible_depth_is_refused() -> None:
    with pytest.raises(AdderGraphError, match="max_depth 3 is too small"):
        build(signs(4, 9), max_depth=3)


def test_canonical_text() -> None:
    graph = build([[1, 1, 1, -1], [0, 0, 0, -1], [0, 0, 0, 0], [0, 0, 1, 0]], method="separate")
    assert to_text(graph) == (
        "adder graph 1\n"
        "inputs 4 in [0, 1]\n"
        "e4 = count e0 e1 e2 ~e3\n"
        "y0 = e4 - 1\n"
        "y1 = -e3\n"
        "y2 = 0\n"
        "y3 = e2\n"
    )
    assert next(graph.nodes()) == Count(4, (Term(0), Term(1), Term(2), Term(3, negative=True)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("graph", "begins with the line 'adder graph 1'"),
        ("adder graph 1\ninputs 2 in [0, 1]\ne3 = count e0 e1\n", "line 3"),
        ("adder graph 1\ninputs 2 in [0, 1]\ne2 = e0 + e2\n", "reads only earlier edges"),
        ("adder graph 1\ninputs 2 in [0, 2]\ne2 = count e0 e1\n", "only inputs within"),
        ("adder graph 1\ninputs 2 in [0, 1]\ne2 = count e0\n", "two or more a node"),
        ("adder graph 1\ninputs 2 in [0, 1]\ne2 = e0<<1 + e1<<1\n", "a sum shifts one"),
        ("adder graph 1\ninputs 2 in [0, 1]\ny0 = e2\n", "output 0 names edge 2"),
        ("adder graph 1\ninputs 1 in [1, 0]\n", "low must not exceed high"),
        ("adder graph 1\ninputs 1 in [0, 1]\ny0 = e0\ne1 = e0 + e0\n", "line 4"),
        ("adder graph 1\ninputs 7 in [0, 1]\ne7 = count e0 e1 e2 e3 e4 e5 e6\n", "more than 6"),
    ],
)
def test_texts_that_break_the_law(text: str, message: str) -> None:
    with pytest.raises(AdderGraphError, match=message):
        from_text(text)


def test_check_catches_a_corrupted_graph() -> None:
    matrix = signs(8, 40)
    graph = build(matrix)
    check(graph, matrix)
    for place in range(0, len(graph.term_edge), 7):
        flipped = graph.term_negative.copy()
        flipped[place] = ~flipped[place]
        if place not in graph.start[:-1][graph.kind == SUM]:
            with pytest.raises(AdderGraphError, match="output"):
                check(replace(graph, term_negative=flipped), matrix)


def test_check_names_the_first_wrong_output() -> None:
    graph = build([[1, -1, 1], [1, 1, 1]])
    with pytest.raises(AdderGraphError, match="output 1 has the wrong coefficient for input 2"):
        check(graph, [[1, -1, 1], [1, 1, -1]])
    off = replace(graph, output_offset=graph.output_offset + np.array([0, 3]))
    with pytest.raises(AdderGraphError, match="output 1 is off by the constant 3"):
        check(off, [[1, -1, 1], [1, 1, 1]])
    with pytest.raises(AdderGraphError, match="matrix has shape"):
        check(graph, [[1, -1], [1, 1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"matrix": [1, 1]}, "matrix has 1 axes"),
        ({"matrix": [[1, 2]]}, r"matrix\[0, 1\] is 2; entries are -1, 0 or \+1"),
        ({"matrix": [[1]], "method": "magic"}, "method 'magic' is none of auto, separate"),
        ({"matrix": [[1]], "measure": "weight"}, "measure 'weight' is none of lut6, adder_luts"),
        ({"matrix": [[1]], "input_range": (0, 1, 2)}, "input_range has shape"),
        ({"matrix": [[1]], "input_range": (1, 0)}, "low must not exceed high"),
        ({"matrix": [[1]], "method": "slices"}, "go together"),
    ],
)
def test_arguments_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(AdderGraphError, match=message):
        build(**arguments)


def test_interpret_refuses_inputs_out_of_range() -> None:
    graph = build([[1, 1]])
    with pytest.raises(AdderGraphError, match=r"input 1 is 2; its range is \[0, 1\]"):
        interpret(graph, [[0, 1], [0, 2]])
    with pytest.raises(AdderGraphError, match="the last axis must be 2"):
        interpret(graph, [0, 1, 0])
    assert interpret(graph, [[[0, 1]], [[1, 1]]]).tolist() == [[[1]], [[2]]]


def real_layer(name: str, n_channels: int) -> Ints:
    h5py = pytest.importorskip("h5py")
    if not MODEL.exists():
        pytest.skip(f"needs {MODEL.name} in ../shared/models")
    with h5py.File(MODEL) as file:
        kernel = file[f"model_weights/{name}/{name}/kernel:0"][()] >= 0
    rows = kernel.transpose(3, 2, 0, 1).reshape(kernel.shape[3], -1)
    return np.where(rows[:, : 9 * n_channels], 1, -1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_channels", "additions", "full_adders"), [(8, 790, 2000), (32, 2800, 5650)]
)
def test_real_layers_stay_small(n_channels: int, additions: int, full_adders: int) -> None:
    matrix = real_layer("conv2", n_channels)
    assert measure(build(matrix, search_rounds=200)).additions <= additions
    narrow = build(matrix, measure="full_adders", method="buckets", search_rounds=0)
    assert measure(narrow).full_adders <= full_adders
