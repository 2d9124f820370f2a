import numpy as np
import pytest

from solver import Problem, ProblemError, dense
from solver.facility.problem import restrict


def problem_of(**changes: object) -> Problem:
    parts = {"opening": [3, 4], "n_items": 2, "item": [0, 1], "candidate": [0, 1], "cost": [5, 6]}
    return Problem(**{**parts, **changes})  # type: ignore[arg-type]


def test_pairs_are_kept_by_item_then_candidate() -> None:
    problem = Problem([1, 1], 2, item=[1, 0, 1], candidate=[1, 0, 0], cost=[30, 10, 20])
    assert problem.item.tolist() == [0, 1, 1]
    assert problem.candidate.tolist() == [0, 0, 1]
    assert problem.cost.tolist() == [10, 20, 30]
    assert problem.starts.tolist() == [0, 1, 3]


def test_arrays_are_copies_that_nobody_can_change() -> None:
    cost = np.array([5, 6])
    problem = problem_of(cost=cost)
    cost[0] = 99
    assert problem.cost.tolist() == [5, 6]
    with pytest.raises(ValueError, match="read-only"):
        problem.cost[0] = 1


def test_dense_leaves_out_what_is_not_allowed() -> None:
    problem = dense([1, 2], np.array([[7, 8], [9, 10]]), allowed=np.array([[1, 0], [1, 1]]))
    assert problem.item.tolist() == [0, 1, 1]
    assert problem.cost.tolist() == [7, 9, 10]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"opening": []}, "0 candidates and 2 items; one of each is needed"),
        ({"opening": [-3, 4]}, "opening cost of candidate 0 is -3; it must not be negative"),
        ({"opening": [1.5, 2.0]}, "opening holds float64 values; integers are needed"),
        ({"opening": [[1]]}, "opening has 2 dimensions; one is needed"),
        ({"item": [0, 2]}, "pair 1 names item 2; items run from 0 to 1"),
        ({"candidate": [0, -1]}, "pair 1 names candidate -1; candidates run from 0 to 1"),
        ({"cost": [1]}, "cost has 1 values for 2 pairs"),
        ({"item": [0, 0]}, "item 1 has no candidate that may serve it"),
        (
            {"item": [0, 1, 0], "candidate": [1, 1, 1], "cost": [1, 2, 3]},
            "item 0 and candidate 1 are paired twice",
        ),
        (
            {"cost": [2**51, 0]},
            "costs may add up to 2.25e+15, more than 1.13e+15; scale them down",
        ),
    ],
)
def test_a_broken_problem_is_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        problem_of(**changes)
    assert str(refusal.value) == sentence


def test_tables_of_different_shapes_are_refused() -> None:
    with pytest.raises(ProblemError, match=r"^cost has shape .2, 2. and allowed has shape .2, 3.;"):
        dense([1, 1], np.ones((2, 2), int), allowed=np.ones((2, 3), bool))


def test_restrict_numbers_the_candidates_left_anew() -> None:
    problem = dense([5, 6, 7], np.array([[1, 2, 3], [4, 5, 6]]))
    small, kept = restrict(problem, np.array([False, True, True, False, False, True]))
    assert small.opening.tolist() == [6, 7]
    assert small.candidate.tolist() == [0, 1, 1]
    assert kept.tolist() == [1, 2, 5]
