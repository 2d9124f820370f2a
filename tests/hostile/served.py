"""Commands of crshare, each in a process forked from one that has loaded it.

    python -m tests.hostile.served      JSON lines of `Asked` in, of `Ended` out

So a command takes milliseconds, ends as a real process does, and its memory is its own.
"""

import fcntl
import json
import os
import pkgutil
import pty
import resource
import select
import signal
import subprocess
import sys
import termios
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 2**34  # of address space; numba and BLAS reserve some without using it
SIZE = b"\x28\x00\x64\x00\x00\x00\x00\x00"  # 40 lines of 100 columns
KEPT = 2**20  # bytes of output
NOT_LOADED = ("train", "__main__")  # TensorFlow, and what runs when it is imported


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, the folder it runs in, and whether both of its outputs are one terminal.

    here: in the server itself, without a word, so that later ones find loaded what it loads.
    """

    arguments: Sequence[str]
    folder: str
    terminal: bool = False
    limit_s: float = 60.0
    environment: Mapping[str, str] = field(default_factory=dict)
    here: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """code: of the exit, or minus the signal. err: empty on a terminal. Seconds: of processors
    and of a clock. n_bytes: the most memory of one of its processes."""

    code: int
    out: str
    err: str
    processor_s: float
    clock_s: float
    n_bytes: int

    @property
    def said(self) -> str:
        """What stands on stderr, or on the terminal."""
        return self.err or self.out


class Server:
    """A loaded process that forks one command at a time; ends with the block."""

    def __enter__(self) -> "Server":
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.served"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "TERM": "xterm-256color"}, text=True,
        )  # fmt: skip
        return self

    def run(self, asked: Asked) -> Ended:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asdict(asked)) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def serve() -> None:
    _load()
    os.fsync = lambda fd: None  # it waits for the disk, thousands of times
    for line in sys.stdin:
        asked = Asked(**json.loads(line))
        ended = _run_here(asked) if asked.here else _run(asked)
        sys.stdout.write(json.dumps(asdict(ended)) + "\n")
        sys.stdout.flush()


def _load() -> None:
    """All modules but those that load TensorFlow."""
    package = import_module("crshare")
    for module in pkgutil.walk_packages(package.__path__, "crshare."):
        if not set(NOT_LOADED) & set(module.name.split(".")):
            import_module(module.name)


def _run_here(asked: Asked) -> Ended:
    from crshare.cli import main

    os.chdir(asked.folder)
    with redirect_stdout(StringIO()):
        main(list(asked.arguments), standalone_mode=False)
    os.chdir(ROOT)
    return Ended(0, "", "", 0.0, 0.0, 0)


def _run(asked: Asked) -> Ended:
    pairs = [pty.openpty()] if asked.terminal else [os.pipe(), os.pipe()]
    if asked.terminal:
        fcntl.ioctl(pairs[0][1], termios.TIOCSWINSZ, SIZE)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_crshare(asked, pairs[0][1], pairs[-1][1])
    for _, theirs in pairs:
        os.close(theirs)
    ends = [ours for ours, _ in pairs]
    said = _read(child, ends, began + asked.limit_s)
    _, status, used = os.wait4(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it has left running
    for end in ends:
        os.close(end)
    texts = [bytes(said[end]).decode("utf-8", "surrogateescape") for end in ends]
    return Ended(
        os.waitstatus_to_exitcode(status),
        texts[0],
        "" if asked.terminal else texts[1],
        used.ru_utime + used.ru_stime,
        time.monotonic() - began,
        used.ru_maxrss * 1024,
    )


def _read(child: int, ends: list[int], until: float) -> dict[int, bytearray]:
    """What the child writes until it ends; it is killed where it takes too long."""
    said = {end: bytearray() for end in ends}
    watched = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([watched, *ends], [], [], max(until - time.monotonic(), 0))
        if not ready:
            os.killpg(child, signal.SIGKILL)
            break
        taken = sum(_take(end, said[end]) for end in ready if end != watched)
        if not taken and watched in ready:
            break
        ends = [end for end in ends if end not in ready or taken]
    os.close(watched)
    return said


def _take(end: int, said: bytearray) -> int:
    """The number of bytes read; a terminal whose other side is closed gives an error."""
    try:
        data = os.read(end, 2**16)
    except OSError:
        return 0
    said += data[: KEPT - len(said)]
    return len(data)


def _be_crshare(asked: Asked, out: int, err: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        _wire(asked, out, err)
        os.chdir(asked.folder)
        os.environ.update(asked.environment)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        from crshare.cli import main

        main(list(asked.arguments), prog_name="crshare")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wire(asked: Asked, out: int, err: int) -> None:
    """The standard files, as a new interpreter opens them."""
    given = out if asked.terminal else os.open(os.devnull, os.O_RDONLY)
    if asked.terminal:
        fcntl.ioctl(out, termios.TIOCSCTTY, 0)
    for number, end in enumerate((given, out, err)):
        os.dup2(end, number)
    for end in {out, err}:
        os.close(end)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


if __name__ == "__main__":
    serve()
