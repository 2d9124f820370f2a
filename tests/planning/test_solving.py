"""Who solves a plan's problems where the solver asked for does not."""

from math import inf
from types import SimpleNamespace

import pytest

from crshare.planning import layerwise as trial
from crshare.planning.layerwise import Method, Solving
from solver import BackendUnavailableError, EngineFaultError, Problem, Selection, dense, solve

PROBLEM = dense([3, 3], [[0, 2], [2, 0], [1, 1]])
TABLE = SimpleNamespace(positions=2, starts=[0, 9])


@pytest.mark.parametrize(
    ("refusal", "n_asked"),
    [(BackendUnavailableError("highs: too large"), 3), (EngineFaultError("highs: it crashed"), 1)],
)
def test_a_solver_that_failed_is_not_asked_again_one_that_refused_is(
    refusal: Exception, n_asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(problem: Problem, backend: str, **limits: float) -> Selection:
        asked.append(backend)
        if backend == "highs":
            raise refusal
        return solve(problem, backend)

    monkeypatch.setattr(trial, "solve", answer)
    solving = Solving(Method("highs"), inf)
    answers = [solving.of(TABLE)(PROBLEM) for _ in range(3)]
    assert asked.count("highs") == n_asked
    assert [answer.cost for answer in answers] == [6] * 3
    assert solving.tally.backends == {"lagrangian": 3}
    assert solving.tally.refusals == {str(refusal): 3}
