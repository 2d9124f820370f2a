"""Foreign programs: found on the PATH, run to their end within a time."""

import shutil
import subprocess
from pathlib import Path

from hwgen.errors import TimeLimitError, ToolError


def needed(program: str, otherwise: str = "") -> str:
    """Where a program is; ToolError where it is not on the PATH. otherwise: what else would do."""
    found = shutil.which(program)
    if found is None:
        how = f"install it (Debian: apt-get install {program}){otherwise}"
        raise ToolError(f"{program} is not on the PATH; {how}")
    return found


def ended(
    command: list[str], folder: Path, time_limit_s: float, late: str
) -> subprocess.CompletedProcess[str]:
    """A program that ran in `folder`; TimeLimitError, ending in `late`, where it took longer."""
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=time_limit_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimeLimitError(
            f"{Path(command[0]).name} did not end in {time_limit_s:.0f} s{late}"
        ) from error
