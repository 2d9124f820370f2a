"""A testbench that checks itself: beats from a file in, beats out compared with another file.

Run with the argument `+stalls` it holds back beats on both streams at random, from a seed of its
own: about one clock in four, and at times for as long as several images take.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from hwgen.design import Compute, Design, Folding, Pool
from hwgen.emitter import Emitter, bus
from hwgen.errors import NetlistError, ToolError
from hwgen.identifiers import TESTBENCH
from hwgen.matrix_vector import MatrixVector

STALLS = "+stalls"
IN_FILE, OUT_FILE = "beats_in.hex", "beats_out.hex"
PATIENCE = 20_000  # clocks without a beat, beside those of walks over padding, that are a hang
LONG_STALLS = 6  # longest stalls, in images of the slowest stage
VERDICT = re.compile(
    r"PASS (?P<passed>\d{1,10}) beats in (?P<clocks>\d{1,10}) clocks, "
    r"the first after (?P<first>\d{1,10})|FAIL [ -~]*"
)
MAX_COUNT = 2**31 - 1  # of an `integer`


def hex_lines(beats: Sequence[int], width: int) -> str:
    """Beats as $readmemh reads them."""
    digits = -(-width // 4)
    return "".join(f"{beat:0{digits}x}\n" for beat in beats)


@dataclass(frozen=True, slots=True)
class Probe:
    """A stream inside the design whose beats are compared, too: `n` of them, with those of a file.

    module: of the stage that gives it. stream: its signals, `valid`, `ready` and `data` in a path
    that ends so.
    """

    module: str
    valid: str
    ready: str
    data: str
    width: int
    n: int
    file: str


@dataclass(frozen=True, slots=True)
class Dut:
    """What is tested: a module between two streams. packets: whether they have TLAST, which stands
    above the bits of a beat. patience: clocks without a beat that are a hang. stall: the longest,
    in clocks."""

    top: str
    in_width: int
    out_width: int
    patience: int
    stall: int
    packets: bool = False
    probes: tuple[Probe, ...] = ()


def testbench(design: Design, n_in: int, n_out: int, *, seed: int = 1) -> str:
    """The module `testbench`: n_in beats go in and n_out are compared. seed: of the stalls."""
    widths = design.in_width, design.out_width
    dut = Dut(design.top, *widths, patience_for(design), stall_for(design))
    return bench_of(dut, n_in, n_out, seed=seed)


def bench_of(dut: Dut, n_in: int, n_out: int, *, seed: int = 1) -> str:
    """As `testbench`, of anything between two streams."""
    emit = Emitter()
    if max(n_in, n_out, dut.patience, *(probe.n for probe in dut.probes)) > MAX_COUNT:
        raise NetlistError(f"{dut.top} takes more beats or clocks than a testbench counts")
    emit("`timescale 1ns/1ps")
    emit.comment(f"Checks {dut.top}: prints PASS and the beats, or FAIL; +stalls holds beats back.")
    with emit.block(f"module {TESTBENCH};", "endmodule"):
        emit(f"reg {bus(dut.in_width)} given [0:{n_in - 1}];")
        emit(f"reg {bus(dut.out_width)} expected [0:{n_out - 1}];")
        emit("reg aclk = 1'b0, aresetn = 1'b0;")
        emit(f"reg s_valid = 1'b0, m_ready = 1'b0;\nreg {bus(dut.in_width)} s_data;")
        emit(f"wire s_ready, m_valid;\nwire {bus(dut.out_width)} m_data;")
        emit("integer sent = 0, received = 0, wrong = 0, idle = 0, clocks = 0, first = 0;")
        emit(f"integer seed = {seed}, held_in = 0, held_out = 0;", "reg stalls;")
        emit("always #5 aclk = ~aclk;")
        _instance(emit, dut)
        with emit.block("initial begin", "end"):
            emit(f'$readmemh("{IN_FILE}", given);', f'$readmemh("{OUT_FILE}", expected);')
            emit('stalls = $test$plusargs("stalls") != 0;')
            emit("repeat (4) @(posedge aclk);", "@(negedge aclk) aresetn = 1'b1;")
        _stall(emit, dut)
        _drive(emit, n_in)
        for place, probe in enumerate(dut.probes):
            _probe(emit, place, probe)
        _check(emit, n_out, dut)
    return str(emit)


def _instance(emit: Emitter, dut: Dut) -> None:
    given, made, lasts = "s_data", "m_data", ""
    if dut.packets:
        given, made = f"s_data[{dut.in_width - 2}:0]", f"m_data[{dut.out_width - 2}:0]"
        lasts = (
            f", .s_axis_tlast(s_data[{dut.in_width - 1}]), "
            f".m_axis_tlast(m_data[{dut.out_width - 1}])"
        )
    with emit.block(f"{dut.top} dut (", ");"):
        emit(".aclk(aclk), .aresetn(aresetn),")
        emit(f".s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata({given}),")
        emit(f".m_axis_tvalid(m_valid), .m_axis_tready(m_ready), .m_axis_tdata({made}){lasts}")


def _probe(emit: Emitter, place: int, probe: Probe) -> None:
    """Counts the beats of a stream inside, and those that differ."""
    emit(f"reg {bus(probe.width)} layer_{place} [0:{probe.n - 1}];")
    emit(f"integer seen_{place} = 0, bad_{place} = 0, first_{place} = 0;")
    emit(f'initial $readmemh("{probe.file}", layer_{place});')
    taken = f"aresetn && {probe.valid} && {probe.ready} && seen_{place} < {probe.n}"
    with emit.block(f"always @(posedge aclk) if ({taken}) begin", "end"):
        with emit.block(f"if ({probe.data} !== layer_{place}[seen_{place}]) begin", "end"):
            emit(f"if (bad_{place} == 0) first_{place} = seen_{place};")
            emit(f"bad_{place} = bad_{place} + 1;")
        emit(f"seen_{place} = seen_{place} + 1;")


def _fail(emit: Emitter, dut: Dut, said: str, values: str) -> None:
    """Says FAIL, and which stream inside differs first in the order of the layers."""
    for place, probe in enumerate(dut.probes):
        inside = f"{probe.module} differs in %0d of {probe.n} beats, first in beat %0d"
        emit(f"{'else ' if place else ''}if (bad_{place} != 0)")
        emit(f'  $display("FAIL {said}; {inside}", {values}, bad_{place}, first_{place});')
    emit(f'{"else " if dut.probes else ""}$display("FAIL {said}", {values});')


def verdict(said: str, n_out: int, simulator: str) -> bool:
    """Whether a run passed; ToolError where it compared other beats than it was to."""
    found = VERDICT.fullmatch(said)
    if found is None or (found["passed"] and int(found["passed"]) != n_out):
        raise ToolError(f"{simulator} said {said[:80]!a} where {n_out} beats were to be compared")
    return found["passed"] is not None


def _stall(emit: Emitter, dut: Dut) -> None:
    """A task that tells for how many clocks a stream is still held back."""
    with emit.block("task stall(inout integer held);", "endtask"):
        emit("if (held != 0) held = held - 1;")
        draw = "{$random(seed)} % "  # without sign
        with emit.block(f"else if (stalls && {draw}4 == 0) begin", "end"):
            emit("held = 1;")
            emit(f"if ({draw}{max(1, dut.stall // 8)} == 0)")  # in half so many clocks once
            emit(f"  held = {draw}{dut.stall};")


@dataclass(frozen=True, slots=True)
class Passed:
    """What a testbench says where all beats were right: their number, and clocks until the last of
    them and until the first."""

    beats: int
    clocks: int
    first: int

    @property
    def between(self) -> float:
        """Clocks between two beats, where there are two."""
        return (self.clocks - self.first) / max(1, self.beats - 1)


def passed(said: str) -> Passed | None:
    """None where not all beats were right."""
    found = VERDICT.fullmatch(said)
    if found is None or found["passed"] is None:
        return None
    return Passed(*(int(found[name]) for name in ("passed", "clocks", "first")))


def _drive(emit: Emitter, n_in: int) -> None:
    """Beats change on the falling edge, so that no simulator's order of events matters."""
    emit("reg taken = 1'b0;", "always @(posedge aclk) taken <= s_valid && s_ready;")
    with emit.block("always @(negedge aclk) if (aresetn) begin", "end"):
        emit("stall(held_in);", "stall(held_out);", "m_ready = held_out == 0;")
        emit("if (taken) begin sent = sent + 1; s_valid = 1'b0; end")
        emit(f"if (!s_valid && sent < {n_in} && held_in == 0) begin")
        emit("  s_valid = 1'b1;", "  s_data = given[sent];", "end")


def patience_for(design: Design) -> int:
    """Longer than any stage walks over padding while no beat comes in or goes out."""
    return PATIENCE + sum(_walks(design))


def stall_for(design: Design) -> int:
    """So long that what waits between stages fills up, and runs empty."""
    return LONG_STALLS * max(design.beats_in, design.beats_out, *_walks(design))


def _walks(design: Design) -> Iterator[int]:
    """Clocks that stages with padding, and units, may take for an image."""
    for stage in design.stages:
        if isinstance(stage, MatrixVector) or (
            isinstance(stage, Compute | Pool) and any(stage.windowing.pads)
        ):
            windows = prod(stage.windowing.output)
            yield prod(stage.windowing.padded) + windows * (_clocks(stage) - 1)


def _clocks(stage: Compute | MatrixVector | Pool) -> int:
    """For one window."""
    match stage:
        case MatrixVector():
            return stage.n_words
        case Compute(folding=Folding(phases)):
            return phases
        case _:
            return 1


def _check(emit: Emitter, n_out: int, dut: Dut) -> None:
    with emit.block("always @(posedge aclk) if (aresetn) begin", "end"):
        emit("clocks = clocks + 1;", "if (s_valid && s_ready) idle = 0;")
        emit("else if (held_in == 0 && held_out == 0) idle = idle + 1;")
        with emit.block("if (m_valid && m_ready) begin", "end"):
            emit("idle = 0;")
            emit("if (m_data !== expected[received]) begin")
            emit("  if (wrong < 10)")
            emit('    $display("beat %0d: %h, expected %h", received, m_data, expected[received]);')
            emit("  wrong = wrong + 1;", "end")
            emit("if (received == 0) first = clocks;", "received = received + 1;")
            with emit.block(f"if (received == {n_out}) begin", "end"):
                emit("if (wrong == 0)")
                emit('  $display("PASS %0d beats in %0d clocks, the first after %0d",')
                emit("    received, clocks, first);")
                with emit.block("else begin", "end"):
                    _fail(emit, dut, "%0d of %0d beats are wrong", "wrong, received")
                emit("$finish;")
        with emit.block(f"if (idle > {dut.patience}) begin", "end"):
            _fail(emit, dut, f"hangs after %0d of {n_out} beats", "received")
            emit("$finish;")
