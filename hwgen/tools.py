"""Foreign programs: the one boundary around finding, starting, awaiting and reading them.

Whatever goes wrong is a ToolError of one sentence that names the program. A program that outlasts
its time, or whose caller is interrupted, is killed with every process that it started.
"""

import os
import re
import selectors
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import TimeLimitError, ToolError

MAX_SAID = 2**26  # bytes that a program may print
LONGEST_REASON = 200
CHUNK = 2**16
LONGEST_WAIT_S = 60.0  # between two looks at the clock


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The line that tells why it failed, without what a terminal would obey."""
        lines = [line.strip() for line in (self.err + self.out).splitlines() if line.strip()]
        errors = [line for line in lines if re.search("error", line, re.IGNORECASE)]
        found = (errors or lines[-1:] or ["it said nothing"])[0]
        return "".join(letter if letter.isprintable() else "?" for letter in found[:LONGEST_REASON])


def needed(program: str, otherwise: str = "", *, package: str | None = None) -> str:
    """Where a program is; ToolError where it is not installed. otherwise: what else would do.

    package: what the extra `hw` calls the program, where it is part of it; it may then stand beside
    the interpreter as well.
    """
    found = shutil.which(program)
    if found is None and package is not None:
        found = shutil.which(package) or shutil.which(package, path=sysconfig.get_path("scripts"))
    if found is None:
        how = (
            f"Debian: apt-get install {program}" if package is None else 'pip install "crshare[hw]"'
        )
        raise ToolError(f"{program} is not on the PATH; install it ({how}){otherwise}")
    return str(Path(found).absolute())


@contextmanager
def workspace(files: Mapping[str, str]) -> Iterator[Path]:
    """A temporary folder with these files; ToolError for what goes wrong with files inside."""
    try:
        with tempfile.TemporaryDirectory(prefix="crshare-", ignore_cleanup_errors=True) as name:
            for file, text in files.items():
                (Path(name) / file).write_text(text, encoding="utf-8")
            yield Path(name)
    except OSError as error:
        raise ToolError(
            f"the temporary folder cannot be used ({error.strerror or error}); make room there or "
            "set TMPDIR to another one"
        ) from error


def ended(command: Sequence[str], folder: Path, time_limit_s: float, late: str) -> Ended:
    """A program that ran in `folder`; TimeLimitError, ending in `late`, where it took longer."""
    name = Path(command[0]).name
    with _started(command, folder) as process:
        try:
            out, err = _said(process, name, time.monotonic() + time_limit_s)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise TimeLimitError(f"{name} did not end in {time_limit_s:.0f} s{late}") from error
    if process.returncode < 0:
        raise ToolError(f"{name} died of {_signal(-process.returncode)}; is there memory enough?")
    return Ended(process.returncode, _text(out), _text(err))


@contextmanager
def _started(command: Sequence[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a group of processes of its own, all of which end where the block fails."""
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        name = Path(command[0]).name
        raise ToolError(f"{name} cannot be started ({reason}); install it anew") from error
    with process:
        try:
            yield process
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise


def _said(process: subprocess.Popen[bytes], name: str, deadline: float) -> tuple[bytes, bytes]:
    """What a program prints until it has ended."""
    found = {pipe.fileno(): bytearray() for pipe in (process.stdout, process.stderr) if pipe}
    with selectors.DefaultSelector() as pipes:
        for number in found:
            pipes.register(number, selectors.EVENT_READ)
        while pipes.get_map():
            for key, _ in pipes.select(min(_left(deadline), LONGEST_WAIT_S)):
                chunk = os.read(key.fd, CHUNK)
                found[key.fd] += chunk
                if not chunk:
                    pipes.unregister(key.fd)
            if sum(map(len, found.values())) > MAX_SAID:
                raise ToolError(f"{name} printed more than {MAX_SAID:,} bytes; it was stopped")
    process.wait(_left(deadline))
    out, err = found.values()
    return bytes(out), bytes(err)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if not left > 0:
        raise TimeoutError
    return left


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _text(said: bytes) -> str:
    return said.decode("utf-8", errors="replace")
