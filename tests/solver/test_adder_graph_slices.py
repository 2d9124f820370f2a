"""Adder graphs that follow a sharing plan: repeated, inverse, similar and corrected slices."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.adder_graph import AdderGraphError, Slices, build, effective_matrix, interpret, measure
from solver.arrays import Ints


@st.composite
def plans(draw: st.DrawFn) -> tuple[Ints, Slices]:
    """A matrix and a plan for it: uneven groups, any representative for any output."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    n_outputs = draw(st.integers(1, 7))
    starts = np.cumsum([0, *sizes])
    numbers = [draw(st.integers(1, 5)) for _ in sizes]
    representatives = tuple(
        rng.choice([-1, 1], (number, size)) for number, size in zip(numbers, sizes, strict=True)
    )
    use = np.array([rng.integers(1, number + 1, n_outputs) for number in numbers])
    use *= rng.choice([-1, 1], use.shape)
    matrix = rng.choice([-1, 1], (n_outputs, starts[-1]))
    return matrix, Slices(starts, representatives, use, rng.random(use.shape) < 0.5)


def applied_by_hand(matrix: Ints, plan: Slices) -> Ints:
    result = matrix.copy()
    for group, patterns in enumerate(plan.representatives):
        begin, end = plan.starts[group], plan.starts[group + 1]
        for output, use in enumerate(plan.use[group]):
            if not plan.corrected[group, output]:
                result[output, begin:end] = patterns[abs(use) - 1] * (1 if use > 0 else -1)
    return result


@settings(max_examples=60, deadline=None)
@given(plans(), st.sampled_from([(0, 1), (-7, 12)]))
def test_the_graph_computes_the_effective_weights(
    planned: tuple[Ints, Slices], input_range: tuple[int, int]
) -> None:
    matrix, plan = planned
    wanted = applied_by_hand(matrix, plan)
    assert np.array_equal(effective_matrix(matrix, plan), wanted)
    graph = build(matrix, method="slices", slices=plan, input_range=input_range)
    inputs = np.random.default_rng(0).integers(
        *input_range, size=(12, matrix.shape[1]), endpoint=True
    )
    assert np.array_equal(interpret(graph, inputs), inputs @ wanted.T)


def test_a_correction_costs_one_addition_for_each_position() -> None:
    first = np.ones((1, 9), dtype=int)
    second = first.copy()
    second[0, [2, 5]] = -1
    plan = Slices(
        np.array([0, 9]), (first,), np.array([[1, 1, -1]]), np.array([[False, True, True]])
    )
    matrix = np.vstack([first, second, -second])
    cost = measure(build(matrix, method="slices", slices=plan))
    assert cost.additions == 8 + 2  # the slice, and two corrections that both others share


def test_shared_slices_are_added_up_once() -> None:
    slice_ = np.array([[1, -1, 1, 1, -1, 1, -1, -1, 1]])
    plan = Slices(
        np.array([0, 9, 18]), (slice_, slice_), np.array([[1, -1], [1, 1]]), np.zeros((2, 2), bool)
    )
    cost = measure(build(np.ones((2, 18), dtype=int), method="slices", slices=plan))
    assert cost.additions == 2 * 8 + 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"starts": np.array([0, 3, 3])}, "starts must rise from 0 over 1 groups"),
        ({"use": np.array([[2]])}, "group 0: use names a representative beyond 1 to 1"),
        ({"use": np.array([[0]])}, "group 0: use names a representative beyond 1 to 1"),
        ({"use": np.array([[1, 1]])}, "must both be"),
        ({"representatives": (np.array([[1, 0]]),)}, r"group 0: representatives must be rows of 2"),
    ],
)
def test_plans_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "starts": np.array([0, 2]),
        "representatives": (np.array([[1, -1]]),),
        "use": np.array([[1]]),
        "corrected": np.array([[False]]),
    }
    with pytest.raises(AdderGraphError, match=message):
        Slices(**(good | changes))


def test_a_plan_for_another_matrix_is_refused() -> None:
    plan = Slices(np.array([0, 2]), (np.array([[1, -1]]),), np.array([[1]]), np.array([[False]]))
    with pytest.raises(AdderGraphError, match="the slices cover"):
        build(np.ones((1, 3), dtype=int), method="slices", slices=plan)
