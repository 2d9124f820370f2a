"""The process of the sandbox, seen from the caller: started once, and given the calls.

Nothing heavy is imported here, so that it can start while the caller still imports its own.
"""

import errno
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import crshare
from crshare.errors import CrshareError

NAME_SIZE = 128  # bytes of a "module:function", filled up with blanks
START = (
    "import os, sys; os.fork() and os._exit(0); sys.path[:] = sys.argv[1:]; "
    "from crshare.sandbox.server import serve; serve()"
)
NO_ANSWER = "its reader gave no sensible answer"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # numpy's, which would start when it is imported


class SandboxError(CrshareError):
    """A call had no result; the message is a clause that tells why, without a full stop."""


@dataclass(frozen=True, slots=True)
class Server:
    """A descriptor of a sandbox, and the number of the socket that it stood for at first: other
    code of the caller's may close it, and it may be given to something else."""

    handle: int
    inode: int


def start() -> None:
    """Have the sandbox ready for the first call, which tells if it cannot be."""
    with suppress(SandboxError):
        _server()


def give(name: str, call: int, fresh: bool) -> None:
    """Give the sandbox its end of a call; a sandbox that somebody has ended is started again."""
    if fresh:
        server = _started()
        _post(server, name, call)
        os.close(server.handle)
        return
    try:
        _post(_server(), name, call)
    except OSError:
        _server.cache_clear()
        _post(_server(), name, call)


def _post(server: Server, name: str, call: int) -> None:
    """OSError where the server, or what its descriptor stood for, is gone."""
    if os.fstat(server.handle).st_ino != server.inode:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    with socket.socket(fileno=os.dup(server.handle)) as requests:
        socket.send_fds(requests, [name.encode().ljust(NAME_SIZE)], [call])


@cache
def _server() -> Server:
    """The sandbox that all calls share; it ends when no process holds its descriptor."""
    return _started()


def _started() -> Server:
    if not hasattr(os, "fork"):
        raise SandboxError("crshare needs a system with fork, as Linux and macOS have it")
    try:
        handle = _spawned()
        return Server(handle, os.fstat(handle).st_ino)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the sandbox cannot start: {error}") from error


def _spawned() -> int:
    ours, theirs = socket.socketpair()
    roots = [str(Path(part).absolute()) for part in sys.path if part]
    own = str(Path(str(crshare.__file__)).parents[1])
    with ours, theirs:
        subprocess.run(
            [sys.executable, "-IS", "-c", START, *roots, own],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
            check=True,
        )
        return ours.detach()
