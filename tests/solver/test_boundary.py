"""What engines do wrong becomes one error that names them, and the next backend is asked."""

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from solver import BACKENDS, EngineFaultError, knapsack, solve
from solver.arrays import Floats
from solver.engines import cbc
from solver.engines.backends import ENGINES, fill_by_engine, solve_by_engine
from solver.engines.boundary import ask, proven_by, readable
from solver.engines.ilp import Ending, Ilp, IlpAnswer, Stop, formulate
from solver.facility.selection import Limits
from tests.solver.solver_instances import hamming_problem

PROBLEM = hamming_problem(12, opening=9)


@dataclass
class Fake:
    """An engine that does what it is told with the program and the start it is given."""

    answer: Callable[[Ilp, Floats], IlpAnswer]
    name: str = "fake"

    def optimise(self, ilp: Ilp, start: Floats | None, stop: Stop) -> IlpAnswer:
        assert start is not None
        return self.answer(ilp, start)


def raising(error: Exception) -> Fake:
    def fail(ilp: Ilp, start: Floats) -> IlpAnswer:
        raise error

    return Fake(fail)


def answering(
    bound: float, values: Callable[[Floats], Floats | None] = lambda start: start
) -> Fake:
    return Fake(lambda ilp, start: IlpAnswer(values(start), bound, Ending.DONE))


FAULTS = {
    "it failed with RuntimeError: broken": raising(RuntimeError("first\nbroken\n")),
    "it failed with OSError: [Errno 28] No space left on device": raising(
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    ),
    "it failed with MemoryError: (no words)": raising(MemoryError()),
    "it failed with UnicodeDecodeError: 'utf-8' codec can't decode": raising(
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    ),
    "it failed with ValueError: ?[2Jbad": raising(ValueError("\x1b[2Jbad")),
    "its bound is not a number": answering(float("nan")),
    "it says that it is done, and gives no solution": answering(1.0, lambda start: None),
    "it gives 3 values for ": answering(1.0, lambda start: start[:3]),
    "its solution holds what is no number": answering(1.0, lambda start: start * np.inf),
    "it says that nothing costs less than 1000000000": answering(1e9),
    "it says that nothing costs less than inf": answering(float("inf")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_an_engine_is_one_error_that_names_it(fault: str) -> None:
    with pytest.raises(EngineFaultError) as told:
        solve_by_engine(FAULTS[fault], PROBLEM, Limits(), None)
    assert str(told.value).startswith(f"fake: {fault}")
    assert "\n" not in str(told.value)
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_the_next_backend_is_asked_and_the_fault_told(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = partial(solve_by_engine, FAULTS[fault])
    monkeypatch.setattr("solver.engines.backends.BACKENDS", {"fake": wrong, **BACKENDS})
    selection = solve(PROBLEM, time_limit_s=20)
    assert selection == replace(solve(PROBLEM, time_limit_s=20), refusals=selection.refusals)
    assert selection.backend != "fake"
    assert selection.refusals[0].startswith(f"fake: {fault}")
    with pytest.raises(EngineFaultError, match=r"^fake: it"):
        solve(PROBLEM, "fake")


@pytest.mark.parametrize("above", [1, 2, 1000])
def test_a_bound_above_a_known_cost_proves_the_solver_wrong(above: int) -> None:
    cost = solve(PROBLEM, "lagrangian").cost
    with pytest.raises(EngineFaultError) as told:
        solve_by_engine(answering(cost + above), PROBLEM, Limits(), None)
    assert str(told.value) == (
        f"fake: it says that nothing costs less than {cost + above}, but an answer of cost {cost} "
        "is known; its answers are wrong here"
    )


def test_rounding_errors_of_a_bound_are_borne() -> None:
    engine = answering(0.0)
    assert proven_by(engine, 100.005, 100) == 100
    assert proven_by(engine, 99.0001, 100) == 100
    assert proven_by(engine, 1e7 + 5, 10**7) == 10**7
    with pytest.raises(EngineFaultError):
        proven_by(engine, 100.02, 100)


def test_a_bound_above_a_known_filling_of_a_knapsack_proves_the_solver_wrong() -> None:
    weights, costs = np.random.default_rng(0).integers(1, 60, (2, 10, 4)).tolist()
    problem = knapsack(weights, costs, sum(map(max, weights)) - 40)
    with pytest.raises(EngineFaultError, match="it says that nothing costs less than 1"):
        fill_by_engine(answering(1e9), problem, Limits())


@pytest.mark.parametrize("name", ENGINES)
def test_an_ending_that_cannot_be_is_a_fault(name: str) -> None:
    """Every program has an answer, so an engine that finds none there to be is wrong."""
    if name == "gurobi":
        pytest.importorskip("gurobipy")
    program = formulate(PROBLEM)
    hopeless = replace(program, upper=np.where(program.lower == 1, 0.25, program.upper))
    hopeless = replace(hopeless, lower=np.where(program.lower == 1, 0.25, -1.0))
    hopeless = replace(hopeless, integer=np.ones_like(program.integer))
    with pytest.raises(EngineFaultError, match=f"^{name}: it ended with"):
        ask(ENGINES[name], hopeless, np.zeros(program.n_columns), Stop())


def test_a_gurobi_error_of_any_kind_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    gurobipy = pytest.importorskip("gurobipy")

    def fail(*_: object) -> IlpAnswer:
        raise gurobipy.GurobiError(gurobipy.GRB.Error.NETWORK, "no server\nanswers")

    monkeypatch.setattr("solver.engines.gurobi._optimise", fail)
    with pytest.raises(EngineFaultError) as told:
        solve(PROBLEM, "gurobi")
    assert str(told.value) == "gurobi: it failed with GurobiError: answers"


PROGRAMS = {
    "it ended with status 3; its last words: no library": "echo no library; exit 3",
    "it was ended by signal 11; its last words: (no words)": "kill -SEGV $$",
    "it wrote no solution; its last words: \ufffd\ufffd": r"printf '\377\376\n'",
    "it failed with UnicodeDecodeError": r'for last; do :; done; printf "\377" > "$last"',
    "it failed with IndexError": 'for last; do :; done; : > "$last"',
    "it failed with ValueError": (
        r'for last; do :; done; printf "Optimal - x 1\n 0 C0000000 x 1\n" > "$last"'
    ),
    "it says that nothing costs less than": 'for last; do :; done; echo "Lower bound: 123456789"; '
    'printf "Stopped on time - objective value 1\n" > "$last"',
}


def cbc_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "cbc"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o700)
    monkeypatch.setattr(cbc, "find_cbc", lambda pulp: str(program))


@pytest.mark.parametrize("fault", PROGRAMS)
def test_a_faulty_cbc_is_told(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cbc_that(PROGRAMS[fault], tmp_path, monkeypatch)
    with pytest.raises(EngineFaultError) as told:
        solve(PROBLEM, "cbc")
    assert str(told.value).startswith(f"cbc: {fault}")


def test_a_cbc_that_is_no_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cbc_that("", tmp_path, monkeypatch)
    (tmp_path / "cbc").write_bytes(b"\x7fELF of nothing")
    with pytest.raises(EngineFaultError, match="^cbc: it failed with OSError: "):
        solve(PROBLEM, "cbc")


def test_a_hanging_cbc_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cbc, "GRACE_S", 0.3)
    cbc_that(f"sleep 300 & echo $! > {tmp_path}/child; wait", tmp_path, monkeypatch)
    began = time.monotonic()
    with pytest.raises(EngineFaultError, match="^cbc: it was killed, since it did not end within"):
        solve(PROBLEM, "cbc", time_limit_s=1)
    assert time.monotonic() - began < 30
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while Path("/proc", str(child)).exists() and not is_zombie(child):
        assert time.monotonic() < until
        time.sleep(0.05)


def is_zombie(pid: int) -> bool:
    return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_temporary_folder_that_takes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(EngineFaultError, match="^cbc: it failed with FileNotFoundError: "):
        solve(PROBLEM, "cbc")


def test_cbc_works_in_a_folder_with_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert solve(PROBLEM, "cbc").cost == solve(PROBLEM, "highs").cost
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["", "\n\n", "\x1b]0;title\x07", "a\u202eb", "x" * 10_000])
def test_last_words_obey_nothing_and_are_short(text: str) -> None:
    assert readable(text).isprintable()
    assert 0 < len(readable(text)) <= 200
