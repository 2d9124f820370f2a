"""Adder graphs of heaps: exact, never negative, every tree of sums used once in one heap."""

import numpy as np
import pytest

from solver.adder_graph import (
    AdderGraphError,
    Heap,
    Term,
    build,
    check,
    from_text,
    interpret,
    measure,
    to_text,
)
from solver.adder_graph.columns import bias
from solver.adder_graph.kinds import HEAP
from solver.adder_graph.measures import heap_columns, widths
from solver.arrays import Ints

SPANS = [(0, 1), (-1, 1), (0, 255), (-8, 247)]


def matrix_of(seed: int) -> Ints:
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(1, 12)), int(rng.integers(1, 70))
    return rng.choice([-1, 0, 1], shape, p=[0.45, 0.1, 0.45])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("method", ["auto", "separate", "subexpressions"])
def test_a_graph_of_heaps_is_the_matrix(seed: int, method: str) -> None:
    matrix, span = matrix_of(seed), SPANS[seed % 4]
    graph = build(matrix, method=method, measure="lut6", input_range=span, search_rounds=0)
    check(graph, matrix)
    assert (graph.kind == HEAP).all()
    assert (graph.low[graph.n_inputs :] >= 0).all()
    inputs = np.random.default_rng(seed).integers(span[0], span[1] + 1, (20, matrix.shape[1]))
    assert np.array_equal(interpret(graph, inputs), inputs @ matrix.T)
    assert from_text(to_text(graph)) == graph


@pytest.mark.parametrize("seed", range(12))
def test_columns_hold_what_the_terms_add_up_to(seed: int) -> None:
    """Bits as hardware reads them and the constant ones make the value of the heap."""
    span = SPANS[seed % 4]
    graph = build(matrix_of(seed), measure="lut6", input_range=span, search_rounds=0)
    width = widths(graph.low, graph.high)
    heights, ones = heap_columns(graph, width)
    for node in graph.nodes():
        assert isinstance(node, Heap)
        columns = int(width[node.edge])
        bits = [0] * columns
        left = node.constant
        for term in node.terms:
            w = int(width[term.edge])
            left -= bias(int(graph.low[term.edge]), w, term.negative) << term.shift
            for place in range(term.shift, min(term.shift + w, columns)):
                bits[place] += 1
        assert left == 0  # no constant is left to be added
        place = node.edge - graph.n_inputs
        assert heights[place, :columns].tolist() == bits
        assert not ones[place].any()


def test_a_sum_used_once_is_no_node_of_its_own() -> None:
    graph = build(matrix_of(5), measure="lut6", search_rounds=0)
    reads = np.bincount(graph.term_edge, minlength=graph.n_edges)
    ends = np.bincount(graph.output_edge[graph.output_edge >= 0], minlength=graph.n_edges)
    inner = np.arange(graph.n_edges) >= graph.n_inputs
    assert not ((reads == 1) & (ends == 0) & inner).any()


def test_no_more_terms_are_subtracted_than_added() -> None:
    graph = build(-np.ones((1, 9), np.int64), measure="lut6")
    assert not graph.term_negative.any()
    assert graph.output_negative.all()


def test_heaps_take_fewer_luts_than_adders() -> None:
    matrix = np.random.default_rng(3).choice([-1, 1], (16, 144))
    heaps, adders = (build(matrix, measure=goal) for goal in ("lut6", "adder_luts"))
    assert measure(heaps).lut6 < 0.6 * measure(adders).lut6


TEXT = """adder graph 1
inputs 3 in [0, 1]
inputs 1 in [-5, 6]
e4 = heap e0 -e1 e3<<1 + 3
e5 = e4 - e2
y0 = e5 - 3
"""


def test_a_heap_may_stand_beside_other_nodes_and_has_any_constant() -> None:
    graph = from_text(TEXT)
    assert graph.node(0) == Heap(4, (Term(0), Term(1, negative=True), Term(3, shift=1)), 3)
    assert (graph.low[4], graph.high[4]) == (-8, 16)
    assert interpret(graph, [1, 0, 1, -5]).tolist() == [1 - 10 - 1]
    assert to_text(graph) == TEXT
    assert measure(graph).additions == 3


def test_only_heaps_have_constants() -> None:
    with pytest.raises(AdderGraphError, match="a node of kind 'count' has a constant"):
        from_text("adder graph 1\ninputs 2 in [0, 1]\ne2 = count e0 e1 + 1\ny0 = e2\n")
