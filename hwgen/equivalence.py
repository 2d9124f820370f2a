"""Proof that two combinational designs compute the same for every input: yosys's SAT solver."""

import shutil
import subprocess
from enum import Enum
from pathlib import Path

from hwgen.errors import ToolError


class Proof(Enum):
    """What the solver found."""

    EQUAL = "equal for every input, proved by SAT"
    DIFFERENT = "not equal: there is an input on which they differ"
    OPEN = "undecided within the time limit"


Source = tuple[str, list[Path]]  # a top module and its files


def prove_equal(first: Source, second: Source, time_limit_s: float) -> Proof:
    """Whether two designs without registers, of equal ports, are one function.

    Sums of many bits are hard for SAT: layers up to some twenty inputs are decided in seconds.
    ToolError where yosys is missing or the designs have other ports or registers.
    """
    program = shutil.which("yosys")
    if program is None:
        raise ToolError("yosys is not on the PATH; install it (Debian: apt-get install yosys)")
    script = "; ".join(
        [
            _stashed("one", *first),
            _stashed("two", *second),
            "design -copy-from one -as one top",
            "design -copy-from two -as two top",
            "miter -equiv -flatten -make_assert one two both",
            "hierarchy -top both",
            "opt -full",
            f"sat -verify -prove-asserts -timeout {max(1, round(time_limit_s))} both",
        ]
    )
    done = subprocess.run([program, "-p", script], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if "SAT proof finished - no model found: SUCCESS!" in said:
        return Proof.EQUAL
    if "SAT proof finished - model found: FAIL!" in said:
        return Proof.DIFFERENT
    if "Interrupted SAT solver: TIMEOUT!" in said:
        return Proof.OPEN
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    raise ToolError(f"yosys cannot compare {first[0]} and {second[0]}: {(errors or ['?'])[0]}")


def _stashed(name: str, top: str, sources: list[Path]) -> str:
    files = " ".join(f'"{path.resolve()}"' for path in sources)
    return (
        f"read_verilog {files}; hierarchy -top {top}; proc; flatten; opt -full; "
        f"select -assert-none t:$dff t:$adff t:$sdff t:$dffe; rename {top} top; "
        f"design -stash {name}"
    )
