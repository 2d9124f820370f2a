"""Candidates evaluated by the workers of a Dask scheduler; every failure is one sentence, soon.

A task returns what it found or what was raised in it, so any error that Dask raises is Dask's own.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from crshare.errors import CrshareError
from crshare.planning.layerwise import Method
from crshare.planning.search import Candidate, Evaluator, WorkersLostError

EvaluateOne = Callable[[Any, float, Method], Candidate]
Progress = Callable[[str, float], None]

PATIENCE_S = 10.0  # for a scheduler to answer, and for a worker to come back
LOOK_S = 0.5  # between two looks at what is finished, and at who is left
MAX_REASON = 300  # characters
LOGGERS = "distributed", "distributed.client", "distributed.core", "tornado.application"


@contextmanager
def cluster(
    address: str, job: object, evaluate_one: EvaluateOne, on_progress: Progress
) -> Iterator[Evaluator]:
    """An evaluator by these workers, who get the job once; CrshareError where none can be had."""
    make_client = _client_class()
    _refuse_without_workers(address)
    with _silenced(), _told(address):
        client = make_client(address, timeout=PATIENCE_S, set_as_default=False)
    try:
        with _told(address):
            sent = client.scatter(job, broadcast=True, hash=False)

        def evaluate(multipliers: Sequence[float], method: Method) -> Iterator[Candidate]:
            on_progress(f"{len(multipliers)} plans by {address}", 0.0)
            with _told(address):
                tasks = [
                    client.submit(attempt, evaluate_one, sent, p, method, pure=False)
                    for p in multipliers
                ]
            for answer in _answers(tasks, address):
                if isinstance(answer, Exception):
                    raise answer
                yield answer

        with _silenced():
            yield evaluate
    finally:
        with _silenced():
            client.close(timeout=LOOK_S)


def attempt(
    evaluate_one: EvaluateOne, job: object, multiplier: float, method: Method
) -> Candidate | Exception:
    """One task, on a worker."""
    try:
        return evaluate_one(job, multiplier, method)
    except Exception as error:  # noqa: BLE001 (it is raised where the answer arrives)
        return error


def _client_class() -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise CrshareError(
            '--dask needs the extra `cluster`; try pip install "crshare[cluster]"'
        ) from error
    return Client


def _refuse_without_workers(address: str) -> None:
    try:
        n_workers = _n_workers(address)
    except Exception as error:
        raise CrshareError(
            f"--dask {address}: no scheduler answers there ({_reason(error)}); start one with "
            "`dask scheduler`, workers with `dask worker ADDRESS --nthreads 1`"
        ) from error
    if not n_workers:
        raise CrshareError(
            f"--dask {address}: the scheduler has no workers; start some with "
            f"`dask worker {address} --nthreads 1`"
        )


def _answers(tasks: Iterable[Any], address: str) -> Iterator[Candidate | Exception]:
    """As they come; WorkersLostError where nobody is left to give them."""
    left, seen = set(tasks), time.monotonic()
    with _told(address):
        while left:
            for task in [task for task in left if task.done()]:
                left.remove(task)
                yield task.result(timeout=PATIENCE_S)
            if left:
                time.sleep(LOOK_S)
                seen = time.monotonic() if _n_workers(address) else seen
            if time.monotonic() - seen > PATIENCE_S:
                raise ConnectionError("the scheduler has no workers any more")


@contextmanager
def _told(address: str) -> Iterator[None]:
    """The one boundary around Dask: what it raises is WorkersLostError."""
    try:
        yield
    except (Exception, asyncio.CancelledError) as error:
        raise WorkersLostError(
            f"--dask {address}: the search has lost its workers ({_reason(error)}); see to the "
            "scheduler and its workers, and run the same command again to go on"
        ) from error


@contextmanager
def _silenced() -> Iterator[None]:
    """What Dask logs of lost connections, we tell."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _n_workers(address: str) -> int:
    """As the scheduler there says; an error where none answers in time."""
    with ThreadPoolExecutor(1) as thread:  # whose event loop is nobody else's
        return thread.submit(asyncio.run, _asked(address)).result()


async def _asked(address: str) -> int:
    from distributed.core import rpc

    async def ask() -> int:
        async with rpc(address, timeout=PATIENCE_S) as scheduler:
            return len((await scheduler.identity())["workers"])

    return await asyncio.wait_for(ask(), PATIENCE_S)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:MAX_REASON] or type(error).__name__
