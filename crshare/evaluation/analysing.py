"""What exact sharing would save, layer by layer, in this process or in several beside it."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np

from crshare.children import shielded, worker_pool
from crshare.errors import CrshareError
from crshare.evaluation.outcome import Analysis, LayerAnalysis
from crshare.limits import WORKERS
from crshare.model.read import Model
from crshare.network.graph import Signal
from crshare.network.slices import SliceTable, decompose, mean_chance, nearest_distances
from crshare.plan.cost import count_layer, count_slices
from crshare.plan.plan import LayerPlan, exact_layer

Progress = Callable[[str, float], None]

MANY_WEIGHTS = 2**20  # beyond this, starting processes pays
MOST_WORKERS = 8  # that are started unasked: each may hold half a gigabyte

KILLED = "a worker process was killed, perhaps for want of memory; run it with fewer --workers"


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A layer, what it reads, and how its file holds the weights."""

    table: SliceTable
    given: Signal
    storage: str
    quick: bool

    @property
    def n_weights(self) -> int:
        return int(self.table.matrix.size)


def analyze_model(
    model: Model, on_progress: Progress, *, quick: bool = False, n_workers: int | None = None
) -> Analysis:
    """All layers; the figures are the same for any number of workers.

    quick: slices alone, and no adders (cost.count_slices). n_workers: processes that share the
    layers, the largest first; None for one, or as many as the machine has cores where there are
    more than a million weights.
    """
    if n_workers is not None:
        WORKERS.check("workers", n_workers)
    network = model.network
    tasks = [
        _Task(table, network.input_of(network.layer(table.layer)), storage.value, quick)
        for table in decompose(network)
        for storage in [model.storage[table.layer]]
    ]
    shared_by = min(n_workers or _workers(tasks), len(tasks))
    if shared_by > 1 and not quick:
        return Analysis(model, _shared(tasks, shared_by, on_progress))
    what = "slices" if quick else "adders"
    told = counting([task.table for task in tasks], on_progress, what)
    return Analysis(model, tuple(_analysed(task) for _, task in zip(told, tasks, strict=True)))


def _workers(tasks: Sequence[_Task]) -> int:
    many = sum(task.n_weights for task in tasks) > MANY_WEIGHTS
    return min(os.cpu_count() or 1, MOST_WORKERS) if many else 1


def counting(
    tables: Sequence[SliceTable], on_progress: Progress, what: str = "adders"
) -> Iterator[SliceTable]:
    """Each layer, told before; what is done goes by weights, as the time nearly does."""
    whole, done = sum(table.matrix.size for table in tables), 0
    for number, table in enumerate(tables):
        of_all = f"{number + 1} of {len(tables)}"
        on_progress(f"counting {what} of {table.layer} ({of_all})", done / whole)
        yield table
        done += table.matrix.size


def _shared(
    tasks: Sequence[_Task], n_workers: int, on_progress: Progress
) -> tuple[LayerAnalysis, ...]:
    whole, done = sum(task.n_weights for task in tasks), 0
    found: dict[int, LayerAnalysis] = {}
    with worker_pool(n_workers) as pool:
        places: dict[Future[LayerAnalysis], int] = {}
        try:
            with shielded():
                for place in sorted(range(len(tasks)), key=lambda at: -tasks[at].n_weights):
                    places[pool.submit(_analysed, tasks[place])] = place
            for task in as_completed(places):
                on_progress(f"counting adders of {len(tasks)} layers", done / whole)
                found[places[task]] = task.result()
                done += tasks[places[task]].n_weights
        except BrokenProcessPool as error:
            raise CrshareError(KILLED) from error
    return tuple(found[place] for place in range(len(tasks)))


def _analysed(task: _Task) -> LayerAnalysis:
    table = task.table
    plan = exact_layer(table)
    count = count_slices if task.quick else count_layer
    return LayerAnalysis(
        layer=table.layer,
        storage=task.storage,
        taps=int(np.diff(table.starts).max()),
        n_groups=table.n_groups,
        n_filters=table.n_filters,
        positions=table.positions,
        n_distinct=table.n_distinct,
        n_up_to_inverse=plan.n_computed,
        chance_repeated=mean_chance(table, inverse=False),
        chance_inverse=mean_chance(table, inverse=True),
        nearest=tuple(int(n) for n in nearest_distances(table)),
        memory_before=-(-table.matrix.size // 8),
        memory_after=memory_bytes(plan),
        counts=count(table, plan, task.given),
    )


def memory_bytes(plan: LayerPlan) -> int:
    """Weights stored as representatives, and for each slice an index and a sign."""
    bits = plan.n_computed_taps
    for patterns in plan.representatives:
        bits += plan.use.shape[1] * (1 + (len(patterns) - 1).bit_length())
    return -(-bits // 8)
