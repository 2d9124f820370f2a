import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from solver import BACKENDS, BackendUnavailableError, Status, dense, solve, verify
from solver.engines import cbc as cbc_module
from solver.engines.backends import ENGINES
from solver.engines.boundary import whole_bound
from tests.solver.solver_instances import best_cost, hamming_problem, random_problem, spread_problem

EXACT = set(ENGINES)
SIZE_LIMIT = (
    r"^gurobi: \d+ variables and \d+ rows exceed the size limit of this Gurobi licence "
    r"\(2,000 of each for the one in the gurobipy wheel\); "
    r"get a full licence or name another backend$"
)


def skip_if_missing(backend: str) -> None:
    if backend == "gurobi":
        pytest.importorskip("gurobipy")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("backend", BACKENDS)
def test_answers_are_valid_and_enclose_the_optimum(backend: str, seed: int) -> None:
    skip_if_missing(backend)
    problem = random_problem(seed)
    selection = solve(problem, backend, time_limit_s=20)
    verify(problem, selection)
    best = best_cost(problem)
    assert selection.bound <= best <= selection.cost
    assert selection.backend == backend
    if backend in EXACT:
        assert selection.status is Status.OPTIMAL


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_single_item_takes_its_cheapest_candidate(backend: str) -> None:
    skip_if_missing(backend)
    selection = solve(dense([7, 5, 5], np.array([[1, 3, 4]])), backend)
    assert (selection.opened, selection.cost) == ((0,), 8) or selection.cost == 8


@pytest.mark.parametrize("backend", BACKENDS)
def test_ties_and_free_openings(backend: str) -> None:
    skip_if_missing(backend)
    selection = solve(dense([0, 0, 0, 0], np.ones((3, 4), np.int64)), backend)
    assert selection.cost == 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_same_problem_same_answer(backend: str) -> None:
    skip_if_missing(backend)
    problem = hamming_problem(24, opening=9)
    assert solve(problem, backend) == solve(problem, backend)


@pytest.mark.parametrize("backend", sorted(EXACT | {"lagrangian"}))
def test_a_tiny_time_limit_leaves_a_valid_selection_and_says_so(backend: str) -> None:
    skip_if_missing(backend)
    problem = hamming_problem(40, opening=40)
    selection = solve(problem, backend, time_limit_s=1e-6)
    verify(problem, selection)
    assert selection.status is Status.FEASIBLE
    assert 0 < selection.gap < 1
    assert f"{backend} was stopped by its time limit of 1e-06 s" in selection.remarks[0]


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "work"), [("gurobi", 0.005), ("highs", 0.2), ("cbc", 0.3)])
def test_a_limit_of_work_leaves_a_valid_selection_and_says_so(backend: str, work: float) -> None:
    skip_if_missing(backend)
    problem = hamming_problem(40 if backend == "gurobi" else 60, opening=40)
    selection = solve(problem, backend, work=work)
    assert selection.status is Status.FEASIBLE
    assert f"{backend} was stopped by its limit of {work:g} units of work" in selection.remarks[0]
    assert 0 < selection.work < 2 * work
    assert solve(problem, backend, work=work) == selection


@pytest.mark.slow
def test_work_is_counted_the_same_however_slow_the_machine_is() -> None:
    """Others keep all cores busy meanwhile; stopped in the middle, and solved to the end."""
    problem = hamming_problem(40, opening=40)
    works = (0.1, 3.0)
    alone = [solve(problem, "highs", work=work) for work in works]
    assert [found.status for found in alone] == [Status.FEASIBLE, Status.OPTIMAL]
    with busy(2 * (os.cpu_count() or 1)):
        assert [solve(problem, "highs", work=work) for work in works] == alone


@contextmanager
def busy(n: int) -> Iterator[None]:
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def test_a_program_beyond_cbcs_limit_of_work_is_refused() -> None:
    problem = hamming_problem(60, opening=40)
    with pytest.raises(BackendUnavailableError) as refusal:
        solve(problem, "cbc", work=0.01)
    assert re.fullmatch(
        r"cbc: a program of [\d,]+ entries is more than its limit of 0.01 units of work allows; "
        "name another backend",
        str(refusal.value),
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_start_is_never_made_worse(backend: str) -> None:
    skip_if_missing(backend)
    problem = hamming_problem(40, opening=12)
    start = solve(problem, "lagrangian")
    again = solve(problem, backend, start=start, time_limit_s=0.5)
    assert backend == "greedy" or again.cost <= start.cost


@pytest.mark.parametrize("backend", sorted(EXACT))
def test_engines_agree_on_a_middle_sized_problem(backend: str) -> None:
    skip_if_missing(backend)
    problem = spread_problem(60, opening=1500)
    selection = solve(problem, backend)
    assert selection.status is Status.OPTIMAL
    assert selection.cost == solve(problem, "highs").cost


def test_gurobis_size_limit_is_told_and_auto_goes_on() -> None:
    pytest.importorskip("gurobipy")
    problem = hamming_problem(60, opening=40)
    with pytest.raises(BackendUnavailableError, match=SIZE_LIMIT):
        solve(problem, "gurobi")
    selection = solve(problem, time_limit_s=0.2)
    assert selection.backend == "highs"
    assert len(selection.refusals) == 1
    assert re.search(SIZE_LIMIT, selection.refusals[0])


MISSING = {
    "gurobi": ("gurobipy", 'gurobi: gurobipy is not installed; try pip install "crshare[gurobi]"'),
    "highs": ("highspy", "highs: highspy is not installed; try pip install highspy"),
    "cbc": ("pulp", "cbc: pulp is not installed; try pip install pulp"),
}


@pytest.mark.parametrize("backend", MISSING)
def test_a_missing_package_is_told_and_auto_goes_on(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = random_problem(3)
    names = list(BACKENDS)
    for name in names[: names.index(backend) + 1]:
        monkeypatch.setitem(sys.modules, MISSING[name][0], None)
    with pytest.raises(BackendUnavailableError) as refusal:
        solve(problem, backend)
    assert str(refusal.value) == MISSING[backend][1]
    selection = solve(problem)
    assert selection.backend == names[names.index(backend) + 1]
    assert selection.refusals[-1] == MISSING[backend][1]


def test_a_missing_cbc_is_told_and_auto_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(3)
    monkeypatch.setattr(shutil, "which", lambda path: None)
    with pytest.raises(BackendUnavailableError) as refusal:
        solve(problem, "cbc")
    assert str(refusal.value) == (
        'cbc: there is no CBC to run; try pip install "crshare[cbc]", or put a cbc on the PATH'
    )
    for package in ("gurobipy", "highspy"):
        monkeypatch.setitem(sys.modules, package, None)
    selection = solve(problem)
    assert selection.backend == "lagrangian"
    assert str(refusal.value) in selection.refusals


def test_without_numba_greedy_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("numba", "solver.facility.lagrange", "solver.facility.kernels"):
        monkeypatch.setitem(sys.modules, module, None)
    selection = solve(random_problem(3))
    assert selection.backend == "greedy"
    assert len(selection.refusals) == 4


def test_a_cbc_on_the_path_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pulp = pytest.importorskip("pulp")
    monkeypatch.setitem(sys.modules, "cbcbox", None)
    monkeypatch.setattr(shutil, "which", lambda path: path)
    assert cbc_module.find_cbc(pulp) == "cbc"


@pytest.mark.parametrize(
    ("log", "bound"),
    [
        ("Lower bound:                    59.500\n", 59.499),
        ("Objective value: 7\nLower bound:  -6.23795e+08\nGap: 0.1\n", -623796000.0),
        ("Result - Optimal solution found\n", float("-inf")),
    ],
)
def test_cbcs_bound_is_taken_for_no_more_than_its_digits_tell(log: str, bound: float) -> None:
    assert cbc_module.logged_bound(log) == pytest.approx(bound)


def test_auto_is_content_with_bounds_that_are_near_enough() -> None:
    problem = hamming_problem(40, opening=40)
    selection = solve(problem, max_gap=0.5)
    assert selection.backend == "lagrangian"
    assert 0 < selection.gap <= 0.5
    assert solve(problem, max_gap=0.001, time_limit_s=0.3).backend != "lagrangian"


@pytest.mark.parametrize("backend", sorted(EXACT))
def test_engines_stop_at_the_gap_asked_for(backend: str) -> None:
    skip_if_missing(backend)
    selection = solve(hamming_problem(24, opening=9), backend, max_gap=0.08)
    assert selection.gap <= 0.08
    assert not selection.remarks


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(BackendUnavailableError, match="there is no backend 'simplex'; choose auto"):
        solve(random_problem(0), "simplex")


@pytest.mark.parametrize(
    ("bound", "expected"), [(2.5, 3), (3.0, 3), (3.0000001, 3), (-2.5, -2), (2.9999999, 3)]
)
def test_bounds_of_engines_are_rounded_to_whole_costs(bound: float, expected: int) -> None:
    assert whole_bound(bound) == expected


def test_importing_solver_loads_no_solver_library() -> None:
    heavy = ["gurobipy", "pulp", "highspy", "numba", "scipy", "cbcbox"]
    code = f"import sys; from solver import solve; print(set({heavy}) & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_solving_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    problem = random_problem(5)
    for backend in BACKENDS:
        if backend != "gurobi":
            solve(problem, backend)
    assert capfd.readouterr() == ("", "")
