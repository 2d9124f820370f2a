import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solver import (
    KNAPSACK_BACKENDS,
    AnswerError,
    BackendUnavailableError,
    Choice,
    Knapsack,
    ProblemError,
    Status,
    knapsack,
    solve_knapsack,
    verify_choice,
)
from solver.facility.hull import core_of, fill, hull_places
from tests.solver.solver_instances import best_filling, curves, random_knapsack


def test_the_example_of_the_docs_says_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "docs" / "solvers.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    exec(example, {})
    assert capsys.readouterr().out == re.findall("  # (.*)\n", example)[0] + "\n"


def skip_if_missing(backend: str) -> None:
    if backend == "gurobi":
        pytest.importorskip("gurobipy")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("backend", KNAPSACK_BACKENDS)
def test_choices_are_valid_and_enclose_the_optimum(backend: str, seed: int) -> None:
    skip_if_missing(backend)
    problem = random_knapsack(seed)
    choice = solve_knapsack(problem, backend, time_limit_s=20)
    verify_choice(problem, choice)
    assert choice.bound <= best_filling(problem) <= choice.cost
    if backend != "hull":
        assert choice.status is Status.OPTIMAL


@pytest.mark.parametrize("seed", range(100))
def test_no_choice_with_an_option_costs_less_than_its_least(seed: int) -> None:
    problem = random_knapsack(seed)
    least = fill(problem).least
    for place in range(problem.n_options):
        group = problem.group[place]
        others = (problem.group != group) | (np.arange(problem.n_options) == place)
        starts = np.searchsorted(np.flatnonzero(others), problem.starts)
        weight, cost = problem.weight[others], problem.cost[others]
        forced_weight = np.minimum.reduceat(weight, starts[:-1]).sum()
        if forced_weight <= problem.budget:
            assert least[place] <= best_filling(Knapsack(starts, weight, cost, problem.budget))


def test_the_hull_leaves_out_what_no_relaxation_takes() -> None:
    problem = knapsack([[0, 1, 2, 3, 4, 4]], [[10, 9, 3, 4, 1, 0]], budget=4)
    assert hull_places(problem).tolist() == [0, 2, 5]


def test_thousands_of_groups_are_filled_to_a_ten_thousandth() -> None:
    choice = solve_knapsack(curves(3000), "hull")
    assert choice.gap < 1e-4


@pytest.mark.parametrize("backend", ["highs", "auto"])
def test_the_engines_close_the_gap(backend: str) -> None:
    problem = curves(200)
    choice = solve_knapsack(problem, backend, time_limit_s=20)
    hull = solve_knapsack(problem, "hull")
    assert choice.status is Status.OPTIMAL
    assert hull.bound <= choice.cost <= hull.cost


def test_the_core_leaves_out_groups_that_are_settled() -> None:
    problem = curves(400)
    known = fill(problem)
    core = core_of(problem, known)
    assert core.problem.n_options < problem.n_options / 4
    assert np.all(np.diff(core.problem.starts) > 1)
    assert np.all(np.isin(known.places[core.live], core.kept))


def test_a_budget_that_admits_the_cheapest_of_all_is_solved_by_hull() -> None:
    problem = knapsack([[5, 0], [1, 9]], [[1, 2], [8, 3]], budget=100)
    choice = solve_knapsack(problem, "hull")
    assert choice.options == (0, 1)
    assert choice.status is Status.OPTIMAL


@pytest.mark.parametrize("backend", KNAPSACK_BACKENDS)
def test_same_knapsack_same_choice(backend: str) -> None:
    skip_if_missing(backend)
    problem = curves(40)
    assert solve_knapsack(problem, backend) == solve_knapsack(problem, backend)


@pytest.mark.parametrize("backend", [name for name in KNAPSACK_BACKENDS if name != "hull"])
def test_a_tiny_time_limit_leaves_a_valid_choice(backend: str) -> None:
    skip_if_missing(backend)
    problem = curves(150)
    choice = solve_knapsack(problem, backend, time_limit_s=1e-6)
    verify_choice(problem, choice)
    assert choice.cost <= solve_knapsack(problem, "hull").cost


def test_auto_ends_with_hull_when_nothing_else_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for package in ("gurobipy", "highspy", "pulp"):
        monkeypatch.setitem(sys.modules, package, None)
    choice = solve_knapsack(random_knapsack(1))
    assert choice.backend == "hull"
    assert len(choice.refusals) == 3


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BackendUnavailableError, match="choose auto or one of gurobi, highs, cbc"):
        solve_knapsack(random_knapsack(1), "lagrangian")


@pytest.mark.parametrize(
    ("weights", "costs", "budget", "sentence"),
    [
        ([[1]], [[1, 2]], 9, "group 0 has 1 weights and 2 costs"),
        ([[1], [2]], [[1]], 9, "2 groups of weights, 1 groups of costs"),
        ([[1], []], [[1], []], 9, "group 1 has no option"),
        ([], [], 9, "starts must run from 0 to 0, the number of options"),
        (
            [[3, 4], [5]],
            [[0, 0], [0]],
            7,
            "the budget is 7, but one option of each group weighs at least 8",
        ),
        ([[0.5]], [[1]], 9, "weight holds float64 values; integers are needed"),
    ],
)
def test_a_broken_knapsack_is_refused(
    weights: list[list[int]], costs: list[list[int]], budget: int, sentence: str
) -> None:
    with pytest.raises(ProblemError) as refusal:
        knapsack(weights, costs, budget)
    assert str(refusal.value) == sentence


PROBLEM = knapsack([[0, 2], [3, 1]], [[9, 4], [1, 5]], budget=3)
BEST = Choice(options=(1, 1), weight=3, cost=9, bound=9, backend="hand")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"options": (1,)}, "1 options chosen for 2 groups"),
        ({"options": (1, 2)}, "group 1 has no option 2"),
        ({"cost": 10}, "cost and weight are 9 and 3, not 10 and 3"),
        (
            {"options": (1, 0), "cost": 5, "bound": 5, "weight": 5},
            "the weight is 5, above its budget 3",
        ),
    ],
)
def test_a_wrong_choice_is_refused(changes: dict[str, object], fault: str) -> None:
    verify_choice(PROBLEM, BEST)
    with pytest.raises(AnswerError, match=f"^hand: {fault}"):
        verify_choice(PROBLEM, replace(BEST, **changes))  # type: ignore[arg-type]
