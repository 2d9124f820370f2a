"""Proof that two combinational designs compute the same for every input: yosys's SAT solver."""

import subprocess
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hwgen.emitter import Emitter, bus
from hwgen.errors import ToolError
from hwgen.netlist import Range
from hwgen.tools import needed


class Proof(Enum):
    """What the solver found."""

    EQUAL = "equal for every input, proved by SAT"
    DIFFERENT = "not equal: there is an input on which they differ"
    OPEN = "undecided within the time limit"


@dataclass(frozen=True, slots=True)
class Ports:
    """What `window` carries: equal lanes, each of a range; and the classes of windows there are."""

    lanes: int
    lane: Range
    n_classes: int
    out_width: int


Source = tuple[str, list[Path]]  # a top module and its files


def prove_equal(first: Source, second: Source, ports: Ports, time_limit_s: float) -> Proof:
    """Whether two datapaths alone (`combinational`) give the same for every input in its range.

    Sums of many bits are hard for SAT: nine bits (a slice) take a second, eighteen many minutes.
    ToolError where yosys is missing or the two have other ports.
    """
    program = needed("yosys")
    with tempfile.TemporaryDirectory() as name:
        both = Path(name) / "both.v"
        both.write_text(_both(ports), encoding="utf-8")
        script = "; ".join(
            [
                _stashed("one", *first),
                _stashed("two", *second),
                f'read_verilog -formal "{both}"',
                "design -copy-from one -as one top",
                "design -copy-from two -as two top",
                "hierarchy -top both; proc; flatten; opt -full",
                "sat -prove-asserts -set-assumes -enable_undef -timeout "
                f"{max(1, round(time_limit_s))} both",
            ]
        )
        done = subprocess.run([program, "-p", script], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if "Interrupted SAT solver: TIMEOUT!" in said:
        return Proof.OPEN
    if "SAT proof finished - no model found: SUCCESS!" in said:
        return Proof.EQUAL
    if "SAT proof finished - model found: FAIL!" in said:
        return Proof.DIFFERENT
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    raise ToolError(f"yosys cannot compare {first[0]} and {second[0]}: {(errors or ['?'])[0]}")


def _stashed(name: str, top: str, sources: list[Path]) -> str:
    files = " ".join(f'"{path.resolve()}"' for path in sources)
    return (
        f"read_verilog {files}; hierarchy -top {top}; proc; flatten; opt -full; "
        f"rename {top} top; design -stash {name}"
    )


def _both(ports: Ports) -> str:
    """Both designs on one window, anything in its range; their outputs are asserted to be equal."""
    emit = Emitter()
    width, classes = ports.lane.width, max(1, (ports.n_classes - 1).bit_length())
    inputs = [f"input wire {bus(width * ports.lanes)} window", f"input wire {bus(classes)} kind"]
    with emit.module("both", inputs):
        for name in ("one", "two"):
            emit(f"wire {bus(ports.out_width)} out_{name};")
            emit(f"{name} u_{name} (.window(window), .window_class(kind), .out(out_{name}));")
        with emit.block("always @* begin", "end"):
            emit(f"assume (kind < {ports.n_classes});")
            for lane in range(ports.lanes):
                value = f"window[{lane * width} +: {width}]"
                value = f"$signed({value})" if ports.lane.signed else value
                emit(f"assume ({value} >= {ports.lane.low} && {value} <= {ports.lane.high});")
            emit("assert (out_one == out_two);")
    return str(emit)
