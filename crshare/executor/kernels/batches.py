"""Batch after batch over threads, in order, with memory that is used again.

Fresh memory costs as much as the computation, since each of its pages causes a page fault. So a
thread keeps its arrays from one batch to the next, and results are copied.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import numpy as np

from crshare.arrays import Array

Result = TypeVar("Result")


class Sliced(Protocol):
    """What gives its batches as slices that follow one another."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Array: ...


class Scratch:
    """Arrays of one thread, by step and use; filled when new, later as the step left them."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}
        self._steps: dict[str, Scratch] = {}

    def step(self, name: str) -> "Scratch":
        """The arrays of one step."""
        return self._steps.setdefault(name, Scratch())

    def take(self, use: str, shape: tuple[int, ...], dtype: Any, fill: Any = 0) -> Array:
        """An array whose first axis, the images, may have another length than before."""
        found = self._arrays.get(use)
        if found is None or len(found) < shape[0]:
            found = self._arrays[use] = np.empty(shape, dtype)
            found[...] = fill
        return found[: shape[0]]


def map_batches(
    values: Sliced, size: int, n_threads: int, use: Callable[[slice, Array, Scratch], Result]
) -> Iterator[Result]:
    """`use` of each `size` values, their place given, in order; few are on their way at a time."""
    places = [slice(first, first + size) for first in range(0, len(values), size)]
    if n_threads == 1 or len(places) < 2:
        scratch = Scratch()
        yield from (use(rows, values[rows], scratch) for rows in places)
        return
    free: SimpleQueue[Scratch] = SimpleQueue()
    for _ in range(n_threads):
        free.put(Scratch())

    def run(rows: slice, batch: Array) -> Result:
        scratch = free.get()
        try:
            return use(rows, batch, scratch)
        finally:
            free.put(scratch)

    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for rows in places:
            pending.append(pool.submit(run, rows, values[rows]))
            if len(pending) > 2 * n_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
