"""A first reading of a file in a child process, which may crash, hang or fill the memory instead.

HDF5's library can do all three on a damaged file. Only what a child has read within the limits is
then read here; where processes cannot be forked, files are read without that.
"""

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from crshare.errors import ModelFormatError

LIMIT_S = 3  # of processor time, so that a busy machine refuses nothing
WAIT_S = 120  # for one that sleeps
LIMIT_BYTES = 2**29  # beyond what the process has already, and four times the file
S_PER_BYTE = 1 / 2**25
READ, REFUSED, FAULT = range(3)

Result = TypeVar("Result")


def guarded(path: Path, read: Callable[[], Result]) -> Result:
    """What `read` gives, tried in a child first; ModelFormatError where that does not end well."""
    if hasattr(os, "fork") and threading.active_count() == 1:
        _try(path, read)
    return read()


def _try(path: Path, read: Callable[[], object]) -> None:
    size = path.stat().st_size
    ours, theirs = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that only compute
        child = os.fork()
    if child == 0:
        _be_child(read, theirs, size)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        sentence = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        raise ModelFormatError(
            f"{path}: is damaged, so that HDF5 cannot read it ({signal.Signals(-code).name}); "
            "save the model again"
        )
    if code == REFUSED:
        raise ModelFormatError(sentence)


def _be_child(read: Callable[[], object], pipe: int, size: int) -> None:
    """Read within the limits and end, without any of the parent's clean-up."""
    code = FAULT
    try:
        _limit(size)
        read()
        code = READ
    except (ModelFormatError, MemoryError) as error:
        sentence = str(error) or "there is not enough memory to read the model"
        os.write(pipe, sentence.encode()[:4096])
        code = REFUSED
    finally:
        os._exit(code)


def _limit(size: int) -> None:
    """Memory and processor time by what the system keeps, which ends even a loop in HDF5."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(WAIT_S)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        seconds = LIMIT_S + int(size * S_PER_BYTE)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + LIMIT_BYTES + 4 * size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
