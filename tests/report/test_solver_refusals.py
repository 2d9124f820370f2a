"""Why solvers refused: each reason once, whatever the number of problems."""

import pytest

from crshare.report.refusals import refusal_sentences
from crshare.report.schema import Solved


@pytest.mark.parametrize(
    ("refusals", "expected"),
    [
        ({}, []),
        (
            {"gurobi: gurobipy is not installed; try pip install it": 224},
            ["gurobi is not installed; highs solved the problems."],
        ),
        (
            {"gurobi: too large": 3, "gurobi: too large by far": 1},
            ["gurobi refused 4 problems, so the next solver was asked: gurobi: too large"],
        ),
    ],
)
def test_a_reason_is_told_once(refusals: dict[str, int], expected: list[str]) -> None:
    solved = Solved(
        problems={"highs": 224},
        refusals=refusals,
        proven_optimal=224,
        cost=1,
        bound=1,
        gap=0.0,
        worst_gap=0.0,
        operations_gap=0.0,
    )
    assert refusal_sentences(solved) == expected
