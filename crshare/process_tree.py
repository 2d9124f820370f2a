"""All the processes that this one started, as /proc knows them; none where there is no /proc."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def kill(processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def descendants() -> list[int]:
    """The processes that this one started, those that they started, and so on."""
    parents = dict(_parents())
    found = [os.getpid()]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """Every process and its parent."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
            yield int(status.parent.name), int(fields[1])
