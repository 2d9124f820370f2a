"""Runs a testbench with the simulators that are installed: Verilator, Icarus Verilog."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hwgen.errors import ToolError
from hwgen.identifiers import TESTBENCH
from hwgen.tools import LONGEST_REASON, ended, needed, workspace

PROGRAMS = {"verilator": "verilator", "icarus": "iverilog"}
BINARY = "simulation"
SPLIT = "5000"  # nodes of C++ that Verilator puts into one file, so that compilers stay small
LINT_LIMIT_S = 600.0


def available() -> list[str]:
    """The simulators on the PATH."""
    return [name for name, program in PROGRAMS.items() if shutil.which(program)]


def simulate(
    simulator: str,
    files: Mapping[str, str],
    time_limit_s: float,
    runs: Sequence[Sequence[str]] = ((),),
) -> Iterator[str]:
    """Compile the Verilog of these files, and run it among them with each list of arguments.

    The testbench's last line of each run. ToolError where the simulator is missing, refuses the
    sources, or runs out of time. Simulators run whatever a text tells them to: only for our own.
    """
    program = PROGRAMS[simulator]
    compiler = needed(program, " or simulate with another simulator")
    names = _verilog(files)
    if simulator == "verilator":
        build = [
            *(compiler, "--binary", "--timing", "-Wno-fatal", "-O3", "--x-initial", "fast"),
            *("-CFLAGS", "-O1", "-j", "0", "--top-module", TESTBENCH, *_kept_objects()),
            *("--output-split", SPLIT, "--output-split-cfuncs", SPLIT),
            *("--Mdir", "obj", "-o", f"../{BINARY}", *names),
        ]
        run = [f"./{BINARY}"]
    else:
        build = [compiler, "-g2005", "-s", TESTBENCH, "-o", BINARY, *names]
        run = [needed("vvp"), "-n", BINARY]
    with workspace(files) as folder:
        _done(program, build, folder, time_limit_s)
        if not (folder / BINARY).is_file():
            raise ToolError(f"{program} ended well, but made nothing to run; install it anew")
        for arguments in runs:
            yield _verdict(program, _done(program, [*run, *arguments], folder, time_limit_s))


def _kept_objects() -> tuple[str, ...]:
    """With ccache on the PATH, Verilator's own library is compiled once, not for each design."""
    return ("-MAKEFLAGS", "OBJCACHE=ccache") if shutil.which("ccache") else ()


def _verilog(files: Mapping[str, str]) -> list[str]:
    return sorted(name for name in files if name.endswith(".v"))


def _verdict(program: str, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    verdicts = [line for line in lines if line.startswith(("PASS", "FAIL"))]
    if not verdicts:
        last = " ".join(lines[-2:])[:LONGEST_REASON]
        raise ToolError(f"{program}: the testbench ended without a verdict: {last!a}")
    return verdicts[-1]


def lint(files: Mapping[str, str], top: str) -> str:
    """What `verilator --lint-only -Wall` says; empty where it finds nothing."""
    command = [needed("verilator"), "--lint-only", "-Wall", "--top-module", top]
    with workspace(files) as folder:
        done = ended([*command, *_verilog(files)], folder, LINT_LIMIT_S, f" on {top}")
    return done.out + done.err


def _done(program: str, command: list[str], folder: Path, time_limit_s: float) -> str:
    done = ended(command, folder, time_limit_s, "; verify fewer images or layers")
    if done.code:
        raise ToolError(f"{program} failed: {done.reason}")
    return done.out
