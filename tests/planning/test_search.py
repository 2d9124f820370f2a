"""The search, with a judge whose losses are known beforehand; workers; and steps that are kept."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import count
from math import log2
from pathlib import Path

import pytest

from crshare.accuracy import Accuracy
from crshare.errors import CrshareError
from crshare.plan.file import dumps
from crshare.plan.plan import SharingPlan
from crshare.planning.candidates import Job, Workers, bench, judging
from crshare.planning.layerwise import OUT_OF_TIME, Method, PlanGivenUpError, SolverTally
from crshare.planning.multipliers import FIRST, WHOLE_CURVE
from crshare.planning.search import Budget, Found, Judged, Search, Tried, curve, verdicts
from tests.jobs import tiny_job

EXACT = SharingPlan("the exact one", ())
METHOD = Method("highs")


def accuracy(points: float) -> Accuracy:
    lost = round(100 * points)
    return Accuracy(10_000, 8_000, 8_000 - lost, max(lost, 0), max(-lost, 0))


class Known:
    """Judges by a rule, and notes what it was asked."""

    def __init__(self, at_budget: float = 3e-4) -> None:
        self.at_budget = at_budget
        self.asked: list[tuple[float, str]] = []

    def __call__(self, prices: Sequence[float], method: Method) -> list[Judged]:
        self.asked += [(price, method.solver) for price in prices]
        return [self.judged(price) for price in prices]

    def judged(self, price: float) -> Judged:
        loss = 1 + log2(price / self.at_budget)
        operations = round(1e6 - 1e5 * log2(price))
        return Judged(
            price, SharingPlan(repr(price), ()), operations, accuracy(loss), SolverTally()
        )


def found(judge: Known, *, at_once: int = 1, confident: bool = False, whole: bool = False) -> Found:
    search = Search(EXACT, judge, Budget(1.0, 1000, confident), at_once=at_once)
    return search.run(METHOD, whole_curve=whole)


def test_the_best_price_is_found_and_solved_by_whom_was_asked() -> None:
    judge = Known()
    best = found(judge)
    assert 3e-4 / 1.2 <= best.price <= 3e-4
    assert judge.asked[-1] == (best.price, "highs")
    assert {solver for _, solver in judge.asked[:-1]} == {"lagrangian"}
    assert best.plan.fingerprint == repr(best.price)
    assert best.stopped == "finished"


@pytest.mark.parametrize("at_once", [2, 3, 7])
def test_the_lots_of_a_round_change_nothing(at_once: int) -> None:
    one, other = Known(), Known()
    assert found(one).price == found(other, at_once=at_once).price
    assert one.asked == other.asked


def test_confidence_keeps_the_budget_at_the_upper_end() -> None:
    best = found(Known(), confident=True)
    entry = next(entry for entry in best.tried if entry.price == best.price)
    assert entry.accuracy.interval[1] <= 1.0
    assert any(entry.within for entry in found(Known()).tried if entry.price > best.price)


def test_the_whole_curve_starts_wider_and_marks_what_is_beaten() -> None:
    judge = Known()
    best = found(judge, whole=True)
    assert {price for price, _ in judge.asked} >= set(WHOLE_CURVE)
    points = curve(best)
    assert [entry.price for entry, _ in points] == sorted({price for price, _ in judge.asked})
    assert not any(beaten for _, beaten in points)
    worse = Tried(1.0, best.tried[0].cost, accuracy(99), within=False)
    extended = Found(best.plan, tried=(*best.tried, worse))
    assert [entry for entry, beaten in curve(extended) if beaten] == [worse]


def test_verdicts_tell_the_plan_kept_from_those_that_kept_the_budget_by_chance() -> None:
    def told(*entries: tuple[float, bool]) -> list[str]:
        tried = tuple(Tried(price, 1, accuracy(0), within) for price, within in entries)
        return [verdict for _, verdict in verdicts(Found(EXACT, 2.0, tried=tried))]

    first = [(1.0, True), (2.0, True), (3.0, False), (4.0, True)]
    assert told(*first, (2.0, True)) == [
        "kept the budget",
        "kept the budget, planned again below",
        "lost too much",
        "kept the budget, but lower prices did not: taken for chance",
        "this plan",
    ]
    assert told(*first, (2.0, False))[1::3] == ["this plan", "lost too much"]


def test_no_price_within_the_budget_leaves_exact_sharing() -> None:
    best = found(Known(at_budget=1e-9))
    assert (best.plan, best.price, best.tally) == (EXACT, 0.0, None)
    assert not any(entry.within for entry in best.tried)


def test_the_time_limit_ends_a_search_with_what_it_has() -> None:
    judge = Known()
    best = Search(EXACT, judge, Budget(1.0, 0.0)).run(METHOD)
    assert best.stopped == "time limit"
    assert [price for price, _ in judge.asked] == [FIRST[0]]
    assert best.price == FIRST[0]


def test_without_a_time_limit_no_clock_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = found(Known())
    hours = count(step=10_000.0)
    monkeypatch.setattr("crshare.planning.search.time.monotonic", lambda: next(hours))
    slow = Search(EXACT, Known(), Budget(1.0)).run(METHOD)
    assert (slow.price, slow.stopped, slow.tried) == (usual.price, "finished", usual.tried)


def test_a_last_plan_that_outlasts_the_time_limit_leaves_the_best_of_the_fast_ones() -> None:
    class Slow(Known):
        def __call__(self, prices: Sequence[float], method: Method) -> list[Judged]:
            if method.solver == "highs":
                assert 0 < method.plan_s <= 1000
                raise PlanGivenUpError(OUT_OF_TIME)
            return super().__call__(prices, method)

    best = found(Slow())
    assert best.stopped == "time limit"
    assert best.price == found(Known()).price


@pytest.mark.parametrize("workers", [Workers(), Workers(2)])
def test_a_plan_that_takes_too_long_is_given_up(job: Job, workers: Workers) -> None:
    hurried = Method("highs", plan_s=0.0)
    assert repr(hurried) == repr(METHOD)
    with judging(job, workers, silent) as judge, pytest.raises(PlanGivenUpError):
        list(judge([1e-4], hurried))


def silent(what: str, done: float) -> None:
    pass


@pytest.fixture(scope="module")
def job() -> Job:
    return tiny_job(0)


def in_order(found: Iterable[Judged]) -> list[str]:
    """Their plans by rising price: workers end when they end."""
    return [dumps(judged.plan, "m") for judged in sorted(found, key=lambda judged: judged.price)]


def test_two_workers_make_the_plans_that_one_makes(job: Job) -> None:
    prices, method = (1e-4, 1.0), Method("lagrangian")
    plans = []
    for n_workers in (1, 2):
        with judging(job, Workers(n_workers), silent) as judge:
            plans.append(in_order(judge(prices, method)))
    assert plans[0] == plans[1]
    assert plans[0][0] != plans[0][1]


def die_with_workers() -> None:
    """In a process of its own: start workers, tell who they are, and be killed."""
    with judging(tiny_job(0), Workers(2), silent) as judge:
        list(judge((1e-4, 1.0), Method("lagrangian")))
        workers = (str(child.pid) for child in multiprocessing.active_children())
        sys.stdout.write(" ".join(workers))
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)


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
def test_a_cluster_makes_the_plans_that_one_process_makes(job: Job) -> None:
    from distributed import LocalCluster

    prices, method = (1e-4, 1.0), Method("lagrangian")
    with judging(job, Workers(), silent) as judge:
        here = in_order(judge(prices, method))
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        judging(job, Workers(dask=cluster.scheduler_address), silent) as judge,
    ):
        there = in_order(judge(prices, method))
    assert there == here


@pytest.mark.needs_package("distributed")
def test_a_cluster_without_workers_is_refused(job: Job) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        with (
            pytest.raises(CrshareError, match=f"--dask {address}: the scheduler has no workers"),
            judging(job, Workers(dask=address), silent),
        ):
            pass


@pytest.mark.needs_package("distributed")
def test_no_cluster_is_refused(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crshare.planning.cluster.PATIENCE_S", 1.0)
    for address in ("tcp://127.0.0.1:9", "nowhere"):
        with (
            pytest.raises(CrshareError, match=f"--dask {address}: no scheduler answers there"),
            judging(job, Workers(dask=address), silent),
        ):
            pass


def test_the_gap_is_of_the_slice_operations_that_the_solver_chose(job: Job) -> None:
    ready = bench(job)
    for price in (1e-4, 1.0):
        judged = ready.judge(price, Method("greedy"))
        chosen = sum(
            judged.plan.layer(watched.layer.name).n_computed_taps * watched.table.positions
            for watched in ready.ground.watched
            if watched.similar
        )
        assert judged.tally.opened == chosen > 0
        assert judged.tally.unproven > 0


if __name__ == "__main__":
    die_with_workers()
