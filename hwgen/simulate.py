"""Runs a testbench with the simulators that are installed: Verilator, Icarus Verilog."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from hwgen.errors import ToolError
from hwgen.identifiers import TESTBENCH
from hwgen.tools import ended, needed

PROGRAMS = {"verilator": "verilator", "icarus": "iverilog"}


def available() -> list[str]:
    """The simulators on the PATH."""
    return [name for name, program in PROGRAMS.items() if shutil.which(program)]


def simulate(
    simulator: str,
    folder: Path,
    sources: list[Path],
    time_limit_s: float,
    runs: Sequence[Sequence[str]] = ((),),
) -> Iterator[str]:
    """Compile in `folder`, where the beats lie, and run with each list of arguments in turn.

    The testbench's last line of each run. ToolError where the simulator is missing, refuses the
    sources, or runs out of time.
    """
    program = PROGRAMS[simulator]
    needed(program, " or simulate with another simulator")
    names = [str(path.resolve()) for path in sources]
    binary = folder.resolve() / f"{simulator}.out"
    if simulator == "verilator":
        build = [
            *("verilator", "--binary", "--timing", "-Wno-fatal", "-O3", "--x-initial", "fast"),
            *(
                "-CFLAGS",
                "-O1",
                "-j",
                "0",
                "--top-module",
                TESTBENCH,
                "--Mdir",
                str(folder / "obj"),
            ),
            *("-o", str(binary), *names),
        ]
        run = [str(binary)]
    else:
        build = ["iverilog", "-g2005", "-s", TESTBENCH, "-o", str(binary), *names]
        run = ["vvp", "-n", str(binary)]
    _done(build, folder, time_limit_s)
    for arguments in runs:
        yield _verdict(program, _done([*run, *arguments], folder, time_limit_s))


def _verdict(program: str, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    verdicts = [line for line in lines if line.startswith(("PASS", "FAIL"))]
    if not verdicts:
        raise ToolError(f"{program}: the testbench ended without a verdict: {' '.join(lines[-2:])}")
    return verdicts[-1]


def lint(sources: list[Path], top: str) -> str:
    """What `verilator --lint-only -Wall` says; empty where it finds nothing."""
    names = [str(path.resolve()) for path in sources]
    command = ["verilator", "--lint-only", "-Wall", "--top-module", top, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _done(command: list[str], folder: Path, time_limit_s: float) -> str:
    done = ended(command, folder, time_limit_s, "; verify fewer images or layers")
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ToolError(f"{command[0]} failed: {said[0] if said else 'it said nothing'}")
    return done.stdout
