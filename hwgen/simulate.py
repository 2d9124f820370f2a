"""Runs a testbench with the simulators that are installed: Verilator, Icarus Verilog."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from hwgen.errors import ToolError
from hwgen.identifiers import TESTBENCH
from hwgen.tools import LONGEST_REASON, ended, needed, workspace

PROGRAMS = {"verilator": "verilator", "icarus": "iverilog"}
BINARY = "simulation"
LARGE = 1_000_000  # letters of Verilog from which compiling takes longer than simulating
SPLIT, LARGE_SPLIT = "5000", "100000"  # nodes of C++ in one file, so that compilers stay small
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

    The testbench's last line of each run. Errors as of `compiled`.
    """
    with compiled(simulator, files, time_limit_s) as run:
        for arguments in runs:
            yield run(arguments)


@contextmanager
def compiled(
    simulator: str, files: Mapping[str, str], time_limit_s: float
) -> Iterator[Callable[[Sequence[str]], str]]:
    """What runs the compiled files with arguments, and tells the testbench's last line.

    ToolError where the simulator is missing, refuses the sources, or runs out of time. Simulators
    run whatever a text tells them to: only for our own.
    """
    program = PROGRAMS[simulator]
    compiler = needed(program, " or simulate with another simulator")
    if simulator == "verilator":
        build, run = [compiler, *_for_verilator(files)], [f"./{BINARY}"]
    else:
        build = [compiler, "-g2005", "-s", TESTBENCH, "-o", BINARY, *_verilog(files)]
        run = [needed("vvp"), "-n", BINARY]
    with workspace(files) as folder:
        _done(program, build, folder, time_limit_s)
        if not (folder / BINARY).is_file():
            raise ToolError(f"{program} ended well, but made nothing to run; install it anew")
        yield lambda arguments: _verdict(
            program, _done(program, [*run, *arguments], folder, time_limit_s)
        )


def _for_verilator(files: Mapping[str, str]) -> list[str]:
    """Its options. Of a large design most of the compiler's work would be optimising, and reading
    one header with all signals once for each file; so it has few files, compiled as they are."""
    names = _verilog(files)
    is_large = sum(len(files[name]) for name in names) > LARGE
    split, optimised = (LARGE_SPLIT, "-O0") if is_large else (SPLIT, "-O1")
    return [
        *("--binary", "--timing", "-Wno-fatal", "-O3", "--x-initial", "fast"),
        *("-CFLAGS", optimised, "-MAKEFLAGS", f"OPT_FAST={optimised}"),
        *("-j", "0", "--top-module", TESTBENCH, *_kept_objects()),
        *("--output-split", split, "--output-split-cfuncs", split),
        *("--Mdir", "obj", "-o", f"../{BINARY}", *names),
    ]


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
