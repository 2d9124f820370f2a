"""Candidates are evaluated: in this process, by processes beside it, or by a Dask cluster.

A task is a job, a multiplier and a method. Its result depends on nothing else, so it is the same
wherever it is computed.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

import numpy as np

from crshare.accuracy import Accuracy, pooled
from crshare.children import shielded, worker_pool
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet, MovedSet
from crshare.limits import WORKERS
from crshare.network.graph import Network
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan
from crshare.planning.baseline import Baseline, baseline_of
from crshare.planning.choices import LABELS
from crshare.planning.cluster import cluster
from crshare.planning.judging import Before, Classes, before_of, compared
from crshare.planning.label_thresholds import by_halves
from crshare.planning.layerwise import Method, SolverTally, moved_thresholds, plan_at
from crshare.planning.measured import measured_method
from crshare.planning.objective import plan_cost
from crshare.planning.search import Candidate, Evaluator, WorkersLostError

Progress = Callable[[str, float], None]

HASHED = 1024  # images at a time
KILLED = (
    "a worker process was killed, perhaps for want of memory; run the same command again to go on, "
    "with fewer --workers"
)
A_ROUND = 8  # no round of a search asks for more multipliers


@dataclass(frozen=True, eq=False)
class Job:
    """What all tasks of a search have in common.

    calibration: images whose maps choose slices and thresholds. validation: images on which the
    losses of candidates are measured. halves: the same for each half of the images. strange: the
    network gets clearly fewer of the validation images right than of those that they were made of.
    """

    network: Network
    fingerprint: str
    calibration: ImageSet
    validation: ImageSet | MovedSet
    halves: "tuple[Job, Job] | None" = None
    strange: bool = False

    @property
    def judges(self) -> tuple[ImageSet | MovedSet, ...]:
        """Images on which plans of others are measured: as they are too, where the moved ones are
        strange. Of images that the network gets wrong, a plan also wins some."""
        return (self.validation, self.calibration) if self.strange else (self.validation,)

    @cached_property
    def key(self) -> str:
        """The same for the same network and images, whatever process asks."""
        digest = hashlib.sha256(f"{self.fingerprint} {self.strange}".encode())
        for half in self.halves or ():
            digest.update(half.key.encode())
        for images in (self.calibration, self.validation):
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
class PreparedJob:
    """A job and what its candidates have in common."""

    job: Job
    baseline: Baseline

    @cached_property
    def before(self) -> tuple[Before, ...]:
        """The original network on each of the job's judges."""
        executor = compile_network(self.job.network)
        return tuple(before_of(executor, images) for images in self.job.judges)

    def evaluate(
        self,
        multiplier: float,
        method: Method,
        on_progress: Callable[[float], None] = lambda done: None,
    ) -> Candidate:
        """All images choose, and judge."""
        plan, network, tally, now = self.planned(multiplier, method, on_progress)
        validation = self.job.validation
        if now is None:
            now = compile_network(network).classify(validation.images)
        accuracy = compared(replace(self.before[0], weights=None), now, validation)
        cost = plan_cost(method.objective, plan, self.baseline.tables)
        return Candidate(multiplier, plan, cost, accuracy, tally)

    def planned(
        self, multiplier: float, method: Method, on_progress: Callable[[float], None]
    ) -> tuple[SharingPlan, Network, SolverTally, Classes | None]:
        """A plan, the network under it, and, where labels move its thresholds, the classes of the
        validation images when others have moved them."""
        job = self.job
        plan, network, tally = plan_at(
            self.baseline, job.fingerprint, multiplier, method, on_progress
        )
        if method.thresholds != LABELS:
            return plan, network, tally, None
        network, scores = by_halves(job.network, network, job.validation, method.seed)
        plan = replace(plan, thresholds=moved_thresholds(network, job.network))
        return plan, network, tally, scores.argmax(axis=1)

    def judged(self, network: Network) -> list[Accuracy]:
        """What a plan of others does, by each of the job's judges; moved images as if in place."""
        executor = compile_network(network)
        return [
            compared(before, executor.classify(images.images), images)
            for before, images in zip(self.before, self.job.judges, strict=True)
        ]


@lru_cache(maxsize=2)
def prepared(job: Job) -> PreparedJob:
    """The original network is run on a job's images once, for all tasks of it and of its halves."""
    return PreparedJob(job, baseline_of(job.network, job.calibration))


@lru_cache(maxsize=2)
def own_method(job: Job, method: Method) -> Method:
    """With what the objective measures on this job's images: a half's plans must know nothing of
    the images that judge them."""
    ready = prepared(job)
    return measured_method(
        method,
        ready.baseline.tables,
        lambda multipliers, how: [ready.evaluate(each, how) for each in multipliers],
    )


def evaluate_one(
    job: Job,
    multiplier: float,
    method: Method,
    on_progress: Callable[[float], None] = lambda done: None,
) -> Candidate:
    """One task, wherever it runs."""
    if method.crossed and job.halves:
        return _crossed(job, job.halves, multiplier, method, on_progress)
    return prepared(job).evaluate(multiplier, method, on_progress)


def _crossed(
    job: Job,
    halves: tuple[Job, Job],
    multiplier: float,
    method: Method,
    on_progress: Callable[[float], None],
) -> Candidate:
    """Cross-fitting: the plan that the first half chose, and what the plans of both lose on the
    images of the other half, by the judge that finds more lost (V. Chernozhukov et al.,
    "Double/debiased machine learning", 2018)."""
    found = []
    for number, (own, other) in enumerate(zip(halves, reversed(halves), strict=True)):

        def told(done: float, number: int = number) -> None:
            on_progress((number + done) / 2)

        plan, network, tally, _ = prepared(own).planned(multiplier, own_method(own, method), told)
        found.append((plan, tally, prepared(other).judged(network)))
    plan, tally, _ = found[0]
    measured = [
        pooled([judged[place] for *_, judged in found], images.name)
        for place, images in enumerate(job.judges)
    ]
    cost = plan_cost(method.objective, plan, decompose(job.network))
    worst = max(measured, key=lambda accuracy: accuracy.interval[1])
    return Candidate(multiplier, plan, cost, worst, tally)


@dataclass(frozen=True, slots=True)
class Workers:
    """Who shares a search: n processes of this machine, or those of a Dask scheduler."""

    n: int = 1
    dask: str | None = None  # the scheduler's address

    def __post_init__(self) -> None:
        WORKERS.check("workers", self.n)

    @property
    def at_once(self) -> int:
        """Multipliers that they get at a time."""
        return self.n if self.dask is None else A_ROUND


def evaluator(
    job: Job, workers: Workers, on_progress: Progress
) -> AbstractContextManager[Evaluator]:
    """One worker evaluates in this process, more in processes of their own."""
    if workers.dask is not None:
        return cluster(workers.dask, job, evaluate_one, on_progress)
    if workers.n > 1:
        return _processes(job, workers.n, on_progress)
    return nullcontext(lambda multipliers, method: _here(job, multipliers, method, on_progress))


@contextmanager
def _processes(job: Job, n_workers: int, on_progress: Progress) -> Iterator[Evaluator]:
    with worker_pool(n_workers) as pool:

        def evaluate(multipliers: Sequence[float], method: Method) -> Iterator[Candidate]:
            on_progress(f"{len(multipliers)} plans by {n_workers} workers", 0.0)
            try:
                with shielded():
                    tasks = [
                        pool.submit(evaluate_one, job, multiplier, method)
                        for multiplier in multipliers
                    ]
                yield from (task.result() for task in as_completed(tasks))
            except BrokenProcessPool as error:
                raise WorkersLostError(KILLED) from error

        yield evaluate


def _here(
    job: Job, multipliers: Sequence[float], method: Method, on_progress: Progress
) -> Iterator[Candidate]:
    for multiplier in multipliers:
        told = partial(on_progress, f"multiplier {multiplier:.1e}")
        yield evaluate_one(job, multiplier, method, told)
