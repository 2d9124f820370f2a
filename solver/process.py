"""A foreign program run to its end, or killed with all that it started."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path


def run(command: list[str], log: Path, limit_s: float) -> int | None:
    """The exit status, negative for a signal; None where the program was killed at its limit.

    What it prints goes to `log`. However this ends, nothing of the program's group is left running.
    """
    with log.open("wb") as printed:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
