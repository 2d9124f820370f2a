from dataclasses import replace

import numpy as np
import pytest

from solver import AnswerError, Selection, Status, dense, verify
from solver.facility.selection import cheapest_pairs, transfer

PROBLEM = dense(
    [10, 10, 10],
    np.array([[0, 4, 9], [4, 0, 9], [5, 5, 0]]),
    allowed=np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1]]),
)
BEST = Selection(opened=(0,), assignment=(0, 0, 0), cost=19, bound=19, backend="hand")


def test_a_right_selection_passes() -> None:
    verify(PROBLEM, BEST)
    assert BEST.status is Status.OPTIMAL
    assert BEST.gap == 0


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"assignment": (0, 0)}, "2 assignments for 3 items"),
        ({"assignment": (0, 1, 0)}, "item 1 is served by candidate 1, which is closed"),
        (
            {"opened": (2,), "assignment": (2, 2, 2), "cost": 19},
            "item 0 may not be served by candidate 2",
        ),
        ({"cost": 20}, "the cost is 19, not 20"),
        ({"opened": (0, 1), "cost": 29, "bound": 0, "assignment": (1, 0, 0)}, "the cost is 33"),
        ({"opened": (0, 0)}, "the open candidates are not sorted, not distinct or out of range"),
        ({"opened": (0, 7)}, "the open candidates are not sorted, not distinct or out of range"),
    ],
)
def test_a_wrong_selection_is_refused(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(AnswerError, match=f"^hand: {fault}"):
        verify(PROBLEM, replace(BEST, **changes))  # type: ignore[arg-type]


def test_a_bound_above_the_cost_is_refused() -> None:
    with pytest.raises(AnswerError, match="hand: bound 20 is above the cost 19"):
        replace(BEST, bound=20)


def test_gap_is_a_share_of_the_cost() -> None:
    selection = replace(BEST, cost=200, bound=190)
    assert selection.status is Status.FEASIBLE
    assert selection.gap == pytest.approx(0.05)
    assert replace(BEST, cost=-200, bound=-210).gap == pytest.approx(0.05)


def test_seconds_do_not_make_answers_differ() -> None:
    assert replace(BEST, seconds=1.0) == replace(BEST, seconds=2.0)


def test_ties_go_to_the_lowest_candidate() -> None:
    everything = np.ones(3, dtype=bool)
    pairs = cheapest_pairs(PROBLEM, everything, np.zeros(PROBLEM.n_pairs))
    assert PROBLEM.candidate[pairs].tolist() == [0, 0, 0]


def test_an_item_without_an_open_candidate_has_no_pair() -> None:
    pairs = cheapest_pairs(PROBLEM, np.array([False, False, True]), PROBLEM.cost)
    assert (pairs >= 0).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("opened", "assignment", "expected"),
    [
        ((0,), (0, 0, 0), [0, 0, 0]),  # the open candidates serve all
        ((0, 1), (1, 1, 1), [0, 1, 0]),  # assigned anew, for these costs
        ((2,), (2, 2, 2), None),  # item 0 has no pair with candidate 2
        ((0, 99), (0, 0, 0, 0), [0, 0, 0]),  # made for a larger problem
    ],
)
def test_a_start_is_carried_over_as_far_as_it_fits(
    opened: tuple[int, ...], assignment: tuple[int, ...], expected: list[int] | None
) -> None:
    start = Selection(opened=opened, assignment=assignment, cost=0, bound=0, backend="hand")
    pairs = transfer(PROBLEM, start)
    assert (None if pairs is None else PROBLEM.candidate[pairs].tolist()) == expected
