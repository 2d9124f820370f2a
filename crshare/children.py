"""Worker processes: they leave Ctrl-C to their parent, and end with it.

A worker watches a pipe whose other end only its parent holds. It is closed when the parent has no
more use for the worker, and by the system when the parent is killed.
"""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection

from crshare.process_tree import descendants, kill


@contextmanager
def shielded() -> Iterator[None]:
    """Processes that are started in this block never see Ctrl-C, not even while they start."""
    resource_tracker.ensure_running()  # which would lift the block below
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def worker_pool(n_workers: int) -> Iterator[ProcessPoolExecutor]:
    """New processes that end with this one. Tasks are to be submitted `shielded`, which starts
    them."""
    spawn = get_context("spawn")
    watched, held = spawn.Pipe(duplex=False)
    with (
        ProcessPoolExecutor(n_workers, spawn, initializer=end_with, initargs=(watched,)) as pool,
        closing(held),
    ):
        yield pool


def end_with(lifeline: Connection) -> None:
    """End this process, and all that it started, once the other end of `lifeline` is closed."""

    def watch() -> None:
        with suppress(EOFError, OSError):
            lifeline.recv_bytes()  # nothing is ever sent
        kill(descendants())
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
