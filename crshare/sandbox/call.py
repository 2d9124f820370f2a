"""Functions called in a process that can do no harm: what reads a stranger's file runs there.

A file may crash its reader, hang it, take all memory, or take the reader over. Whatever happens to
a call becomes one SandboxError here; no thread, library or terminal of the caller's plays a part.
"""

import json
import signal
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from crshare import errors
from crshare.errors import CrshareError
from crshare.sandbox.process import NO_ANSWER, SandboxError, give
from crshare.sandbox.server import LATE, STATUS
from crshare.sandbox.wire import decode, encode

SPARE_S = 10  # for the sandbox to end what is late


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call may take: bytes beyond what an idle process has, seconds, and files.

    opens_files: the system's own may be read, besides Python's modules. folder: what may be
    changed, in files of at most `written_bytes` each.
    """

    memory_bytes: int = 2**30
    processor_s: int = 10
    wall_s: float = 120
    opens_files: bool = False
    folder: str | None = None
    written_bytes: int = 0


def call(
    function: str, payload: object, limits: Limits | None = None, *, fresh: bool = False
) -> Any:
    """What "module:function" makes of the payload, in a confined process; values as in wire.py.

    A CrshareError that it raises is raised here; all else that may happen is a SandboxError.
    fresh: in an interpreter of its own, for libraries that start threads when they are imported.
    """
    limits = limits or Limits()
    reply = _ask(function, payload, limits, fresh)
    code = STATUS.unpack(reply[-STATUS.size :])[0] if len(reply) >= STATUS.size else 1
    if code:
        raise SandboxError(_ending(code, limits))
    del reply[-STATUS.size :]
    return _result(reply)


def _ask(function: str, payload: object, limits: Limits, fresh: bool) -> bytearray:
    """All that comes back of a call; what is missing at its end is told by its length."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            give(function, theirs.fileno(), fresh)
        ours.settimeout(limits.wall_s + SPARE_S)
        with suppress(OSError):  # a worker that ended early has said why
            for piece in (*_frame([json.dumps(asdict(limits)).encode()]), *_frame(encode(payload))):
                ours.sendall(piece)
        with suppress(OSError):
            return _received(ours, limits.memory_bytes)
    return bytearray()


def _frame(pieces: list[Any]) -> list[Any]:
    return [sum(map(len, pieces)).to_bytes(8, "little"), *pieces]


def _received(call: socket.socket, at_most: int) -> bytearray:
    content = bytearray()
    while len(content) <= at_most and (piece := call.recv(2**20)):
        content += piece
    return content if len(content) <= at_most else bytearray()


def _ending(code: int, limits: Limits) -> str:
    match code:
        case _ if code == LATE:
            return f"it takes more than {limits.wall_s:g} s"
        case _ if code == -signal.SIGXCPU:
            return f"it takes more than {limits.processor_s} s of a processor"
        case _ if code < 0:
            return f"its reader ended by {signal.Signals(-code).name}"
        case _:
            return "its reader ended without an answer"


def _result(reply: bytearray) -> Any:
    try:
        answer = decode(reply)
    except Exception as error:  # noqa: BLE001 - of bytes that nobody vouches for
        raise SandboxError(NO_ANSWER) from error
    match answer:
        case {"value": value}:
            return value
        case {"refused": [str(kind), str(sentence)]}:
            raise _refusal(kind)(sentence)
        case {"failed": str(reason)}:
            raise SandboxError(reason)
        case _:
            raise SandboxError(NO_ANSWER)


def _refusal(kind: str) -> type[CrshareError]:
    known = getattr(errors, kind, None)
    return known if isinstance(known, type) and issubclass(known, CrshareError) else CrshareError
