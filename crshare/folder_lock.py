"""One run at a time in a folder of results: a lock that ends with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crshare.errors import OutputError

LOCK = ".crshare.lock"
PID_BYTES = 20


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made if need be, for this process alone; OutputError where another one has it.

    A folder that was made here and is left empty goes again.
    """
    is_new = not folder.exists()
    handle = _lock(folder)
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)  # while it is locked: nobody else's can be meant
        os.close(handle)
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def _lock(folder: Path) -> int:
    """The open lock file, with this process's number in it."""
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            _claim(handle, folder)
            if _is_at(handle, path):
                os.truncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
                return handle
            os.close(handle)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def _claim(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        digits = os.read(handle, PID_BYTES).decode("ascii", "replace")
        os.close(handle)
        who = f"process {digits}" if digits.isdecimal() else "another process"
        raise OutputError(
            f"{folder}: {who} is writing its results there; wait for it, or choose another folder"
        ) from None
    except OSError:
        pass  # a file system without locks


def _is_at(handle: int, path: Path) -> bool:
    """Whether the lock file is still there: its last owner takes it away."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    return False
