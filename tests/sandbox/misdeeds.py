"""What tests have the sandbox call: functions that do what a reader taken over might do."""

import ctypes
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crshare.errors import ModelFormatError


def echo(payload: Any) -> Any:
    return payload


def spin(_: Any) -> None:
    while True:
        pass


def fork_and_wait(_: Any) -> None:
    os.fork()
    time.sleep(1000)


def refuse(_: Any) -> None:
    raise ModelFormatError("layer c\n1 has no kernel; train it again")


def note_and_wait(folder: str) -> None:
    (Path(folder) / "worker").write_text(str(os.getpid()))
    time.sleep(1000)


def write(path: str) -> None:
    Path(path).write_text("0123456789" * 10)


def about(_: Any) -> list[int]:
    return [os.getppid(), threading.active_count()]


MISDEEDS: dict[str, Callable[[], Any]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": lambda: os.abort(),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "quiet exit": lambda: os._exit(0),
    "system exit": lambda: exit_with("the end"),
    "memory": lambda: bytes(2**31),
    "recursion": lambda: recurse(0),
    "error of lines": lambda: {"": ""}["a\nb"],
    "object": lambda: object(),
    "read": lambda: Path("/etc/passwd").read_text(),
    "run": lambda: os.execv("/bin/sh", ["/bin/sh", "-c", "true"]),
    "fork": lambda: os.fork(),
    "thread": lambda: threading.Thread(target=print).start(),
    "socket": lambda: socket.socket(),
}


def exit_with(text: str) -> None:
    raise SystemExit(text)


def recurse(depth: int) -> int:
    return recurse(depth + 1) + 1


def misbehave(how: str) -> Any:
    return MISDEEDS[how]()
