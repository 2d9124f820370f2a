"""Proof that two combinational designs compute the same for every input: yosys's SAT solver."""

from dataclasses import dataclass
from enum import Enum

from hwgen.cells import Range
from hwgen.emitter import Emitter, bus
from hwgen.errors import TimeLimitError, ToolError
from hwgen.sources import Sources
from hwgen.synthesis import read
from hwgen.tools import Ended, ended, needed, workspace


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


def prove_equal(first: Sources, second: Sources, ports: Ports, time_limit_s: float) -> Proof:
    """Whether two datapaths alone (`combinational`) give the same for every input in its range.

    Sums of many bits are hard for SAT: nine bits (a slice) take a second, eighteen many minutes.
    ToolError where yosys is missing or the two have other ports.
    """
    program = needed("yosys")
    named = {"one": first, "two": second}
    texts = {
        f"{name}-{file}": text
        for name, sources in named.items()
        for file, text in sources.files.items()
    }
    script = [
        *(_stashed(name, sources) for name, sources in named.items()),
        "read_verilog -formal both-ports.v",
        "design -copy-from one -as one top",
        "design -copy-from two -as two top",
        "hierarchy -top both; proc; flatten; opt -full",
        "sat -prove-asserts -set-assumes -enable_undef both",
    ]
    texts |= {"both-ports.v": _both(ports), "script.ys": "\n".join(script) + "\n"}
    with workspace(texts) as folder:
        try:
            done = ended([program, "-s", "script.ys"], folder, time_limit_s, "")
        except TimeLimitError:
            return Proof.OPEN
    return _proof(done, f"{first.top} and {second.top}")


def _proof(done: Ended, tops: str) -> Proof:
    if "SAT proof finished - no model found: SUCCESS!" in done.out:
        return Proof.EQUAL
    if "SAT proof finished - model found: FAIL!" in done.out:
        return Proof.DIFFERENT
    raise ToolError(f"yosys cannot compare {tops}: {done.reason}")


def _stashed(name: str, sources: Sources) -> str:
    top = sources.top
    return (
        f"{read(f'{name}-{file}' for file in sources.files)}; hierarchy -top {top}; proc; "
        f"flatten; opt -full; rename {top} top; design -stash {name}"
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
