"""A cluster that dies, is silent or refuses: one sentence, soon, whatever Dask makes of it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from crshare.errors import CrshareError
from crshare.plan.plan import SharingPlan
from crshare.planning.cluster import cluster
from crshare.planning.layerwise import Method
from crshare.planning.search import LOST, Budget, Candidate, Search, WorkersLostError
from tests.cluster_work import DEADLY, FAILING, LONG, QUICK, evaluate_one

pytestmark = [pytest.mark.slow, pytest.mark.needs_package("distributed")]
METHOD = Method("lagrangian")
EXACT = SharingPlan("the exact one", ())


def silent(what: str, done: float) -> None:
    pass


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crshare.planning.cluster.PATIENCE_S", 3.0)


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        [sys.executable, "-m", "dask", *words], stdout=nowhere, stderr=nowhere
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def scheduler() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ("--host", "127.0.0.1", "--port", str(port), "--dashboard-address", ":0")
    with started("scheduler", *where) as process:
        yield f"tcp://127.0.0.1:{port}", process


@contextmanager
def evaluator(address: str) -> Iterator[object]:
    """An evaluator, once there is a worker."""
    until = time.monotonic() + 60
    while True:
        try:
            with cluster(address, "job", evaluate_one, silent) as evaluate:
                yield evaluate
                return
        except WorkersLostError:
            raise
        except CrshareError:
            assert time.monotonic() < until
            time.sleep(0.2)


def worker(address: str) -> tuple[str, ...]:
    return ("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")


def ask(evaluate: object, multipliers: Sequence[float]) -> list[float]:
    return [candidate.multiplier for candidate in evaluate(multipliers, METHOD)]  # type: ignore[operator]


def test_the_last_worker_dies_and_what_was_found_stands() -> None:
    with scheduler() as (address, _), started(*worker(address)), evaluator(address) as evaluate:
        assert ask(evaluate, [QUICK]) == [QUICK]
        search = Search(EXACT, evaluate, Budget(1.0), at_once=2)  # type: ignore[arg-type]
        found: list[Candidate] = []
        began = time.monotonic()
        with pytest.raises(WorkersLostError) as error:
            search._evaluate_into(found, [QUICK, DEADLY], METHOD)
        assert time.monotonic() - began < 30
        assert str(error.value).startswith(f"--dask {address}: the search has lost its workers (")
        assert "\n" not in str(error.value)


def test_the_scheduler_dies() -> None:
    with (
        scheduler() as (address, process),
        started(*worker(address)),
        evaluator(address) as evaluate,
    ):
        began = time.monotonic()
        answers = iter(evaluate([LONG], METHOD))  # type: ignore[operator]
        process.kill()
        with pytest.raises(WorkersLostError, match="the search has lost its workers"):
            next(answers)
        assert time.monotonic() - began < 30


def test_a_fault_in_a_task_is_raised_as_it_is() -> None:
    with (
        scheduler() as (address, _),
        started(*worker(address)),
        evaluator(address) as evaluate,
        pytest.raises(LookupError, match="a fault of ours"),
    ):
        ask(evaluate, [FAILING])


def test_a_silent_port_is_refused_in_time() -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        address = f"tcp://127.0.0.1:{port.getsockname()[1]}"
        began = time.monotonic()
        with (
            pytest.raises(CrshareError, match=f"--dask {address}: no scheduler answers there"),
            cluster(address, "job", evaluate_one, silent),
        ):
            pass
        assert time.monotonic() - began < 10


class Losing:
    """Evaluates so many multipliers, and then its workers are lost."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self, multipliers: Sequence[float], method: Method) -> Iterator[Candidate]:
        for multiplier in multipliers:
            if self.left == 0:
                raise WorkersLostError("they are gone")
            self.left -= 1
            yield evaluate_one("job", multiplier, method)


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_search_whose_workers_are_lost_has_the_best_plan_until_then(at_once: int) -> None:
    evaluate = Losing(2)
    found = Search(EXACT, evaluate, Budget(1.0), at_once=at_once).run(METHOD)
    assert (found.stopped, found.lost) == (LOST, "they are gone")
    assert len(found.tried) == 2 and found.plan is not EXACT


def test_a_search_that_loses_its_workers_before_any_plan_is_refused() -> None:
    with pytest.raises(WorkersLostError, match="they are gone"):
        Search(EXACT, Losing(0), Budget(1.0)).run(METHOD)


COMMAND = """
import os, signal, sys, threading, time
from pathlib import Path
from crshare.cli import main
from crshare.process_tree import descendants
def kill_workers():
    while len(list((Path(sys.argv[-1]) / "steps").glob("*.plan.json"))) < 3: time.sleep(0.01)
    for child in descendants():
        if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
            os.kill(child, signal.SIGKILL)
threading.Thread(target=kill_workers, daemon=True).start()
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_killed_worker_processes_leave_the_best_plan_and_the_candidates(
    model: Path, images: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    arguments = [
        "optimize", str(model), "--max-acc-loss", "60", "--data", str(images),
        "--calib", str(images), "--workers", "2", "--solver", "cbc", "-o", str(folder),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"crshare: stopped before the search was done, with the best plan until then in {folder}: "
        "a worker process was killed, perhaps for want of memory; run the same command again to "
        "go on, with fewer --workers\n"
    )
    assert "its workers were lost" in done.stdout
    assert (folder / "plan.json").is_file() and (folder / "report.html").is_file()
    assert list((folder / "steps").glob("*.plan.json"))
