"""Who solves a plan's problems where the solver asked for does not."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf

import numpy as np
import pytest

from crshare.network.slices import SliceTable
from crshare.plan.plan import SharingPlan
from crshare.planning import layerwise
from crshare.planning.layerwise import (
    OUT_OF_TIME,
    OUT_OF_WORK,
    Method,
    PlanGivenUpError,
    SolverTally,
    Solving,
)
from crshare.planning.search import LOST, Found
from crshare.planning.solver_asked import Replaced, replaced
from solver import BackendUnavailableError, EngineFaultError, Problem, Selection, dense, solve

PROBLEM = dense([3, 3], np.array([[0, 2], [2, 0], [1, 1]]))
TABLE = SliceTable("conv", np.ones((9, 1), np.int8), (0, 9), 2, False)


@pytest.mark.parametrize(
    ("refusal", "n_asked"),
    [(BackendUnavailableError("highs: too large"), 3), (EngineFaultError("highs: it crashed"), 1)],
)
def test_a_solver_that_failed_is_not_asked_again_one_that_refused_is(
    refusal: Exception, n_asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(problem: Problem, backend: str, **_: float) -> Selection:
        asked.append(backend)
        if backend == "highs":
            raise refusal
        return solve(problem, backend)

    monkeypatch.setattr(layerwise, "solve", answer)
    solving = Solving(Method("highs"), inf)
    answers = [solving.of(TABLE)(PROBLEM) for _ in range(3)]
    assert asked.count("highs") == n_asked
    assert [answer.cost for answer in answers] == [6] * 3
    assert solving.tally.backends == {"lagrangian": 3}
    assert solving.tally.refusals == {str(refusal): 3}


def working(work: float, seconds: float, clock: list[float]) -> Callable[..., Selection]:
    def answer(problem: Problem, backend: str, **_: float) -> Selection:
        clock[0] += seconds
        return replace(solve(problem, backend), work=work)

    return answer


def test_a_plan_is_given_up_by_its_work_wherever_it_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seconds in (0.001, 1e6):
        clock = [0.0]
        monkeypatch.setattr(layerwise, "solve", working(4.0, seconds, clock))
        monkeypatch.setattr("crshare.planning.layerwise.time.monotonic", partial(max, clock))
        run = Solving(Method("highs", plan_work=10.0), inf).of(TABLE)
        run(PROBLEM)
        run(PROBLEM)
        with pytest.raises(PlanGivenUpError, match=f"^{OUT_OF_WORK}$"):
            run(PROBLEM)


def test_what_the_clock_stopped_is_part_of_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(layerwise, "solve", working(1.0, 3.0, clock))
    monkeypatch.setattr("crshare.planning.layerwise.time.monotonic", partial(max, clock))
    run = Solving(Method("highs"), 3.0).of(TABLE)
    with pytest.raises(PlanGivenUpError, match=f"^{OUT_OF_TIME}$"):
        run(PROBLEM)


EXACT = SharingPlan("exact", ())


def found(backends: dict[str, int], stopped: str = "finished", *refusals: str) -> Found:
    tally = SolverTally(Counter(backends), Counter(refusals))
    return Found(EXACT, 1e-3, tally, stopped=stopped)


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (found({"lagrangian": 7}, OUT_OF_TIME), "its plan was not ready at the time limit"),
        (found({"lagrangian": 7}, OUT_OF_WORK), "its plan took more work than a plan may"),
        (found({"lagrangian": 7}, LOST), "the search lost its workers first"),
        (found({"lagrangian": 7}), "its plan at this multiplier lost too much"),
        (found({"lagrangian": 7}, "finished", "cbc: it crashed"), "it crashed"),
    ],
)
def test_a_named_solver_that_solved_nothing_is_told_with_the_reason(kept: Found, why: str) -> None:
    told = replaced(kept, "cbc")
    assert told == Replaced("cbc", 0, {"lagrangian": 7}, why)
    assert told.sentence == (
        "The solver that was named, cbc, solved 0 of the 7 problems of this plan (lagrangian 7): "
        f"{why}."
    )


def test_a_named_solver_that_solved_some_or_all() -> None:
    some = found({"gurobi": 5, "lagrangian": 2}, "finished", "gurobi: too large")
    assert replaced(some, "gurobi") == Replaced("gurobi", 5, {"lagrangian": 2}, "too large")
    assert replaced(some, "auto") is None
    assert replaced(found({"cbc": 7}), "cbc") is None
    assert replaced(Found(EXACT), "cbc") is None
