"""The search, with an evaluator whose losses are known beforehand, and with workers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count
from math import log2
from pathlib import Path

import pytest

from crshare.accuracy import Accuracy
from crshare.errors import CrshareError
from crshare.plan.file import dumps
from crshare.plan.plan import SharingPlan
from crshare.planning.candidates import Job, Workers, evaluator, prepared
from crshare.planning.layerwise import OUT_OF_TIME, Method, PlanGivenUpError, SolverTally
from crshare.planning.multipliers import FIRST, WHOLE_CURVE
from crshare.planning.search import Budget, Candidate, Found, Search, Tried, curve, verdicts
from tests.jobs import tiny_job

EXACT = SharingPlan("the exact one", ())
METHOD = Method("highs")


def accuracy(points: float) -> Accuracy:
    lost = round(100 * points)
    return Accuracy(10_000, 8_000, 8_000 - lost, max(lost, 0), max(-lost, 0))


class Known:
    """Evaluates by a rule, and notes what it was asked."""

    def __init__(self, at_budget: float = 3e-4, *, solves: bool = True) -> None:
        self.at_budget, self.solves = at_budget, solves
        self.asked: list[tuple[float, str]] = []

    def __call__(self, multipliers: Sequence[float], method: Method) -> list[Candidate]:
        self.asked += [(multiplier, method.solver) for multiplier in multipliers]
        return [self.candidate(multiplier) for multiplier in multipliers]

    def candidate(self, multiplier: float) -> Candidate:
        loss = 1 + log2(multiplier / self.at_budget)
        operations = round(1e6 - 1e5 * log2(multiplier))
        tally = SolverTally(Counter({"any": 1}) if self.solves else Counter())
        return Candidate(
            multiplier, SharingPlan(repr(multiplier), ()), operations, accuracy(loss), tally
        )


def found(
    evaluate: Known, *, at_once: int = 1, confident: bool = False, whole: bool = False
) -> Found:
    search = Search(EXACT, evaluate, Budget(1.0, 1000, confident), at_once=at_once)
    return search.run(METHOD, whole_curve=whole)


def test_plans_that_no_solver_made_are_not_made_again() -> None:
    evaluate = Known(solves=False)
    assert found(evaluate).multiplier <= 3e-4
    assert {solver for _, solver in evaluate.asked} == {"lagrangian"}


def test_the_best_price_is_found_and_solved_by_whom_was_asked() -> None:
    evaluate = Known()
    best = found(evaluate)
    assert 3e-4 / 1.2 <= best.multiplier <= 3e-4
    assert evaluate.asked[-1] == (best.multiplier, "highs")
    assert {solver for _, solver in evaluate.asked[:-1]} == {"lagrangian"}
    assert best.plan.fingerprint == repr(best.multiplier)
    assert best.stopped == "finished"


@pytest.mark.parametrize("at_once", [2, 3, 7])
def test_the_lots_of_a_round_change_nothing(at_once: int) -> None:
    one, other = Known(), Known()
    assert found(one).multiplier == found(other, at_once=at_once).multiplier
    assert one.asked == other.asked


def test_the_whole_curve_starts_wider_and_marks_what_is_beaten() -> None:
    evaluate = Known()
    best = found(evaluate, whole=True)
    assert {multiplier for multiplier, _ in evaluate.asked} >= set(WHOLE_CURVE)
    points = curve(best)
    assert [entry.multiplier for entry, _ in points] == sorted(
        {multiplier for multiplier, _ in evaluate.asked}
    )
    assert not any(beaten for _, beaten in points)
    worse = Tried(1.0, best.tried[0].cost, accuracy(99), within=False)
    extended = Found(best.plan, tried=(*best.tried, worse))
    assert [entry for entry, beaten in curve(extended) if beaten] == [worse]


def test_verdicts_tell_the_plan_kept_from_those_that_kept_the_budget_by_chance() -> None:
    def told(*entries: tuple[float, bool]) -> list[str]:
        tried = tuple(Tried(multiplier, 1, accuracy(0), within) for multiplier, within in entries)
        return [verdict for _, verdict in verdicts(Found(EXACT, 2.0, tried=tried))]

    first = [(1.0, True), (2.0, True), (3.0, False), (4.0, True)]
    assert told(*first, (2.0, True)) == [
        "kept the budget",
        "kept the budget, planned again below",
        "lost too much",
        "kept the budget, but lower multipliers did not: taken for chance",
        "this plan",
    ]
    assert told(*first, (2.0, False))[1::3] == ["this plan", "lost too much"]
    assert told((2.0, True), (3.0, True), (4.0, False), (5.0, True)) == [
        "this plan",
        "kept the budget, and saves no more",
        "lost too much",
        "kept the budget, but lower multipliers did not: taken for chance",
    ]


def test_no_price_within_the_budget_leaves_exact_sharing() -> None:
    best = found(Known(at_budget=1e-9))
    assert (best.plan, best.multiplier, best.tally) == (EXACT, 0.0, None)
    assert not any(entry.within for entry in best.tried)


def test_the_time_limit_ends_a_search_with_what_it_has() -> None:
    evaluate = Known()
    best = Search(EXACT, evaluate, Budget(1.0, 0.0)).run(METHOD)
    assert best.stopped == "time limit"
    assert [multiplier for multiplier, _ in evaluate.asked] == [FIRST[0]]
    assert best.multiplier == FIRST[0]


def test_a_first_plan_that_outlasts_the_time_limit_leaves_exact_sharing() -> None:
    class Slow(Known):
        def __call__(self, multipliers: Sequence[float], method: Method) -> list[Candidate]:
            assert method.plan_s <= 1000
            raise PlanGivenUpError(OUT_OF_TIME)

    best = found(Slow())
    assert (best.plan, best.multiplier, best.stopped) == (EXACT, 0.0, "time limit")


def test_without_a_time_limit_no_clock_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = found(Known())
    hours = count(step=10_000.0)
    monkeypatch.setattr("crshare.planning.search.time.monotonic", lambda: next(hours))
    slow = Search(EXACT, Known(), Budget(1.0)).run(METHOD)
    assert (slow.multiplier, slow.stopped, slow.tried) == (
        usual.multiplier,
        "finished",
        usual.tried,
    )


def test_a_last_plan_that_outlasts_the_time_limit_leaves_the_best_of_the_fast_ones() -> None:
    class Slow(Known):
        def __call__(self, multipliers: Sequence[float], method: Method) -> list[Candidate]:
            if method.solver == "highs":
                assert 0 < method.plan_s <= 1000
                raise PlanGivenUpError(OUT_OF_TIME)
            return super().__call__(multipliers, method)

    best = found(Slow())
    assert best.stopped == "time limit"
    assert best.multiplier == found(Known()).multiplier


@pytest.mark.slow
@pytest.mark.parametrize("workers", [Workers(), Workers(2)])
def test_a_plan_that_takes_too_long_is_given_up(job: Job, workers: Workers) -> None:
    hurried = Method("highs", plan_s=0.0)
    assert repr(hurried) == repr(METHOD)
    with evaluator(job, workers, silent) as evaluate, pytest.raises(PlanGivenUpError):
        list(evaluate([1e-4], hurried))


def silent(what: str, done: float) -> None:
    pass


@pytest.fixture(scope="module")
def job() -> Job:
    return tiny_job(0)


def in_order(found: Iterable[Candidate]) -> list[str]:
    """Their plans by rising multiplier: workers end when they end."""
    return [
        dumps(candidate.plan, "m")
        for candidate in sorted(found, key=lambda candidate: candidate.multiplier)
    ]


@pytest.mark.slow
def test_two_workers_make_the_plans_that_one_makes(job: Job) -> None:
    multipliers, method = (1e-4, 1.0), Method("lagrangian")
    plans = []
    for n_workers in (1, 2):
        with evaluator(job, Workers(n_workers), silent) as evaluate:
            plans.append(in_order(evaluate(multipliers, method)))
    assert plans[0] == plans[1]
    assert plans[0][0] != plans[0][1]


def die_with_workers() -> None:
    """In a process of its own: start workers, tell who they are, and be killed."""
    with evaluator(tiny_job(0), Workers(2), silent) as evaluate:
        list(evaluate((1e-4, 1.0), Method("lagrangian")))
        workers = (str(child.pid) for child in multiprocessing.active_children())
        sys.stdout.write(" ".join(workers))
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_workers_end_when_their_parent_is_killed() -> None:
    command = [sys.executable, "-m", "tests.planning.test_search"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL
    workers = done.stdout.split()
    assert len(workers) == 2
    until = time.monotonic() + 60
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.1)


def is_running(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.needs_package("distributed")
@pytest.mark.slow
def test_a_cluster_makes_the_plans_that_one_process_makes(job: Job) -> None:
    from distributed import LocalCluster

    multipliers, method = (1e-4, 1.0), Method("lagrangian")
    with evaluator(job, Workers(), silent) as evaluate:
        here = in_order(evaluate(multipliers, method))
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        evaluator(job, Workers(dask=cluster.scheduler_address), silent) as evaluate,
    ):
        there = in_order(evaluate(multipliers, method))
    assert there == here


@pytest.mark.needs_package("distributed")
def test_a_cluster_without_workers_is_refused(job: Job) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        with (
            pytest.raises(CrshareError, match=f"--dask {address}: the scheduler has no workers"),
            evaluator(job, Workers(dask=address), silent),
        ):
            pass


@pytest.mark.needs_package("distributed")
def test_no_cluster_is_refused(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crshare.planning.cluster.PATIENCE_S", 1.0)
    for address in ("tcp://127.0.0.1:9", "nowhere"):
        with (
            pytest.raises(CrshareError, match=f"--dask {address}: no scheduler answers there"),
            evaluator(job, Workers(dask=address), silent),
        ):
            pass


def test_the_gap_is_of_the_slice_operations_that_the_solver_chose(job: Job) -> None:
    ready = prepared(job)
    for multiplier in (1e-4, 1.0):
        candidate = ready.evaluate(multiplier, Method("greedy"))
        chosen = sum(
            candidate.plan.layer(baseline_layer.layer.name).n_computed_taps
            * baseline_layer.table.positions
            for baseline_layer in ready.baseline.layers
            if baseline_layer.similar
        )
        assert candidate.tally.opened == chosen > 0
        assert candidate.tally.unproven > 0


if __name__ == "__main__":
    die_with_workers()
