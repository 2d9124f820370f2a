"""Plans made at prices and judged on images: here, by processes beside it, or by a Dask cluster.

A task is a job, a price and a method; its answer depends on nothing else, so it is the same
wherever it is worked out.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from crshare.accuracy import compare
from crshare.children import end_with, shielded
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet, MovedSet
from crshare.limits import WORKERS
from crshare.network.graph import Network
from crshare.planning.baseline import Ground, survey
from crshare.planning.cluster import cluster
from crshare.planning.label_thresholds import by_halves
from crshare.planning.layerwise import LABELS, Method, moved_thresholds, try_price
from crshare.planning.objective import plan_cost
from crshare.planning.search import Judge, Judged, WorkersLostError

Progress = Callable[[str, float], None]

HASHED = 1024  # images at a time
KILLED = (
    "a worker process was killed, perhaps for want of memory; run the same command again to go on, "
    "with fewer --workers"
)
A_ROUND = 8  # no round of a search asks for more prices


@dataclass(frozen=True, eq=False)
class Job:
    """What all tasks of a search have in common.

    choosing: the images whose maps choose slices and thresholds. judging: those that losses are
    measured on.
    """

    network: Network
    fingerprint: str
    choosing: ImageSet
    judging: ImageSet | MovedSet

    @cached_property
    def key(self) -> str:
        """The same for the same network and images, whatever process asks."""
        digest = hashlib.sha256(self.fingerprint.encode())
        for images in (self.choosing, self.judging):
            for start in range(0, len(images), HASHED):
                batch = images.images[start : start + HASHED]
                digest.update(f"{batch.shape} {batch.dtype}".encode())
                digest.update(np.ascontiguousarray(batch).data)
            digest.update(np.ascontiguousarray(images.labels).data)
        return digest.hexdigest()

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and self.key == other.key


@dataclass(frozen=True, eq=False)
class Bench:
    """A job made ready: the original network looked at on all its images."""

    job: Job
    ground: Ground
    classes: npt.NDArray[np.int64]

    def judge(
        self, price: float, method: Method, on_progress: Callable[[float], None] = lambda done: None
    ) -> Judged:
        job, judging = self.job, self.job.judging
        plan, network, tally = try_price(self.ground, job.fingerprint, price, method, on_progress)
        if method.thresholds == LABELS:
            network, scores = by_halves(job.network, network, judging, method.seed)
            now = scores.argmax(axis=1)
            plan = replace(plan, thresholds=moved_thresholds(network, job.network))
        else:
            now = compile_network(network).classify(judging.images)
        accuracy = compare(self.classes, now, judging.labels, judging.name, copies=judging.copies)
        cost = plan_cost(method.objective, plan, self.ground.tables)
        return Judged(price, plan, cost, accuracy, tally)


@lru_cache(maxsize=1)
def bench(job: Job) -> Bench:
    """The original network on a job's images: looked at once for all tasks of the job."""
    classes = compile_network(job.network).classify(job.judging.images)
    return Bench(job, survey(job.network, job.choosing), classes)


def work(job: Job, price: float, method: Method) -> Judged:
    """One task, wherever it runs."""
    return bench(job).judge(price, method)


@dataclass(frozen=True, slots=True)
class Workers:
    """Who shares a search: n processes of this machine, or those of a Dask scheduler."""

    n: int = 1
    dask: str | None = None  # the scheduler's address

    def __post_init__(self) -> None:
        WORKERS.check("workers", self.n)

    @property
    def at_once(self) -> int:
        """Prices that they get at a time."""
        return self.n if self.dask is None else A_ROUND


def judging(job: Job, workers: Workers, on_progress: Progress) -> AbstractContextManager[Judge]:
    """One worker judges in this process, more in processes of their own."""
    if workers.dask is not None:
        return cluster(workers.dask, job, work, on_progress)
    if workers.n > 1:
        return _processes(job, workers.n, on_progress)
    return nullcontext(lambda prices, method: _here(job, prices, method, on_progress))


@contextmanager
def _processes(job: Job, n_workers: int, on_progress: Progress) -> Iterator[Judge]:
    spawn = get_context("spawn")
    watched, held = spawn.Pipe(duplex=False)
    with (
        ProcessPoolExecutor(n_workers, spawn, initializer=end_with, initargs=(watched,)) as pool,
        closing(held),
    ):

        def judge(prices: Sequence[float], method: Method) -> Iterator[Judged]:
            on_progress(f"{len(prices)} plans by {n_workers} workers", 0.0)
            try:
                with shielded():
                    tasks = [pool.submit(work, job, price, method) for price in prices]
                yield from (task.result() for task in as_completed(tasks))
            except BrokenProcessPool as error:
                raise WorkersLostError(KILLED) from error

        yield judge


def _here(
    job: Job, prices: Sequence[float], method: Method, on_progress: Progress
) -> Iterator[Judged]:
    ready = bench(job)
    for price in prices:
        yield ready.judge(price, method, partial(on_progress, f"price {price:.1e}"))
