"""The sandbox's own process: it forks a confined worker for each call and reads no file itself.

It is a fresh interpreter of one thread, so that no thread, lock or library of the caller's is in
its workers. Between it and a worker stands a watcher, which ends the worker when it must.
"""

import json
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from crshare.errors import CrshareError
from crshare.sandbox.confine import confine
from crshare.sandbox.process import NAME_SIZE
from crshare.sandbox.wire import Pieces, decode, encode

REQUESTS, DISCARDED = 0, 1  # descriptors: where calls come in, what goes nowhere
STATUS = struct.Struct("<i")  # how a worker ended, behind its answer
LATE = 2**16  # beyond every exit code


def serve() -> None:
    """Answer calls until the caller is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests = socket.socket(fileno=REQUESTS)
    while True:
        content, handles, _, _ = socket.recv_fds(requests, NAME_SIZE, 1)
        if not handles:
            os._exit(0)
        name = content.decode().strip()
        with suppress(Exception):  # the worker meets it again and tells
            import_module(name.partition(":")[0])
        if os.fork() == 0:
            os.dup2(DISCARDED, REQUESTS)
            _watch(socket.socket(fileno=handles[0]), name)
        os.close(handles[0])


def _watch(call: socket.socket, name: str) -> NoReturn:
    """Have a worker answer the call, end it where it does not, and say at last how it ended."""
    with suppress(OSError, EOFError):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        limits = json.loads(_frame(call))
        ended, held = os.pipe()
        worker = os.fork()
        if worker == 0:
            os.setsid()
            _work(call, name, limits)
        os.close(held)
        late = not _ends(ended, call, limits["wall_s"])
        for kill in (os.kill, os.killpg):  # and whatever it has started
            with suppress(ProcessLookupError):
                kill(worker, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        call.sendall(STATUS.pack(LATE if late else code))
    os._exit(0)


def _ends(ended: int, call: socket.socket, wall_s: float) -> bool:
    """Whether the worker ends by itself before its time is up or the caller is gone."""
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(call, 0)  # tells when the other end is closed
    deadline = time.monotonic() + wall_s
    while (left := deadline - time.monotonic()) > 0:
        if events := dict(poll.poll(left * 1000)):
            return ended in events
    return False


def _work(call: socket.socket, name: str, limits: Mapping[str, Any]) -> NoReturn:
    code = 1
    try:
        for piece in _answer(call, name, limits):
            call.sendall(piece)
        code = 0
    finally:
        os._exit(code)


def _answer(call: socket.socket, name: str, limits: Mapping[str, Any]) -> Pieces:
    """The result, the sentence of a refusal, or why there is neither: the only place that tells."""
    try:
        confine(limits)
        module, _, function = name.partition(":")
        payload = decode(_frame(call))
        return encode({"value": getattr(import_module(module), function)(payload)})
    except CrshareError as error:
        return encode({"refused": [type(error).__name__, str(error)]})
    except MemoryError:
        return encode({"failed": f"it takes more than {limits['memory_bytes']:,} bytes of memory"})
    except BaseException as error:  # noqa: BLE001 - the boundary, whatever a library raises
        return encode({"failed": _line(error)})


def _line(error: BaseException) -> str:
    """The message of an error as one line."""
    text = str(error.args[-1] if error.args else "")
    return " ".join(text.split()) or type(error).__name__


def _frame(call: socket.socket) -> bytearray:
    return _exactly(call, int.from_bytes(_exactly(call, 8), "little"))


def _exactly(call: socket.socket, size: int) -> bytearray:
    content = bytearray(size)
    rest = memoryview(content)
    while rest:
        n = call.recv_into(rest)
        if n == 0:
            raise EOFError
        rest = rest[n:]
    return content
