"""A testbench that checks itself: beats from a file in, beats out compared with another file.

Run with the argument `+stalls` it holds back beats on both streams at random, about one clock in
four, from a seed of its own.
"""

import re
from collections.abc import Sequence
from math import prod

from hwgen.design import Compute, Design, Pool
from hwgen.emitter import Emitter, bus
from hwgen.errors import NetlistError, ToolError
from hwgen.identifiers import TESTBENCH

STALLS = "+stalls"
IN_FILE, OUT_FILE = "beats_in.hex", "beats_out.hex"
PATIENCE = 20_000  # clocks without a beat, beside those of walks over padding, that are a hang
VERDICT = re.compile(r"PASS (?P<passed>\d{1,10}) beats in \d+ clocks|FAIL [ -~]*")
MAX_COUNT = 2**31 - 1  # of an `integer`


def hex_lines(beats: Sequence[int], width: int) -> str:
    """Beats as $readmemh reads them."""
    digits = -(-width // 4)
    return "".join(f"{beat:0{digits}x}\n" for beat in beats)


def testbench(design: Design, n_in: int, n_out: int, *, seed: int = 1) -> str:
    """The module `testbench`: n_in beats go in and n_out are compared. seed: of the stalls."""
    emit = Emitter()
    in_width, out_width = design.stages[0].in_width, design.stages[-1].out_width
    patience = _patience(design)
    if max(n_in, n_out, patience) > MAX_COUNT:
        raise NetlistError(f"{design.name} takes more beats or clocks than a testbench counts")
    emit("`timescale 1ns/1ps")
    emit.comment(f"Checks {design.name}: prints PASS and the beats, or FAIL.")
    with emit.block(f"module {TESTBENCH};", "endmodule"):
        emit(f"reg {bus(in_width)} given [0:{n_in - 1}];")
        emit(f"reg {bus(out_width)} expected [0:{n_out - 1}];")
        emit("reg aclk = 1'b0, aresetn = 1'b0;")
        emit(f"reg s_valid = 1'b0, m_ready = 1'b0;\nreg {bus(in_width)} s_data;")
        emit(f"wire s_ready, m_valid;\nwire {bus(out_width)} m_data;")
        emit("integer sent = 0, received = 0, wrong = 0, idle = 0, clocks = 0;")
        emit(f"integer seed = {seed};", "reg stalls, hold_in, hold_out;")
        emit("always #5 aclk = ~aclk;")
        with emit.block(f"{design.top} dut (", ");"):
            emit(".aclk(aclk), .aresetn(aresetn),")
            emit(".s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata(s_data),")
            emit(".m_axis_tvalid(m_valid), .m_axis_tready(m_ready), .m_axis_tdata(m_data)")
        with emit.block("initial begin", "end"):
            emit(f'$readmemh("{IN_FILE}", given);', f'$readmemh("{OUT_FILE}", expected);')
            emit('stalls = $test$plusargs("stalls") != 0;')
            emit("repeat (4) @(posedge aclk);", "@(negedge aclk) aresetn = 1'b1;")
        _drive(emit, n_in)
        _check(emit, n_out, patience)
    return str(emit)


def verdict(said: str, n_out: int, simulator: str) -> bool:
    """Whether a run passed; ToolError where it compared other beats than it was to."""
    found = VERDICT.fullmatch(said)
    if found is None or (found["passed"] and int(found["passed"]) != n_out):
        raise ToolError(f"{simulator} said {said[:80]!a} where {n_out} beats were to be compared")
    return found["passed"] is not None


def _drive(emit: Emitter, n_in: int) -> None:
    """Beats change on the falling edge, so that no simulator's order of events matters."""
    hold = "stalls && ($random(seed) & 3) == 0"
    emit("reg taken = 1'b0;", "always @(posedge aclk) taken <= s_valid && s_ready;")
    with emit.block("always @(negedge aclk) if (aresetn) begin", "end"):
        emit(f"hold_in = {hold};", f"hold_out = {hold};", "m_ready = !hold_out;")
        emit("if (taken) begin sent = sent + 1; s_valid = 1'b0; end")
        emit(f"if (!s_valid && sent < {n_in} && !hold_in) begin")
        emit("  s_valid = 1'b1;", "  s_data = given[sent];", "end")


def _patience(design: Design) -> int:
    """Longer than any stage walks over padding while no beat comes in or goes out."""
    walks = [
        prod(stage.windowing.padded) * _clocks(stage)
        for stage in design.stages
        if isinstance(stage, Compute | Pool) and any(stage.windowing.pads)
    ]
    return PATIENCE + sum(walks)


def _clocks(stage: Compute | Pool) -> int:
    """For one window."""
    return stage.folding.phases if isinstance(stage, Compute) and stage.folding else 1


def _check(emit: Emitter, n_out: int, patience: int) -> None:
    with emit.block("always @(posedge aclk) if (aresetn) begin", "end"):
        emit("clocks = clocks + 1;", "idle = (s_valid && s_ready) ? 0 : idle + 1;")
        with emit.block("if (m_valid && m_ready) begin", "end"):
            emit("idle = 0;")
            emit("if (m_data !== expected[received]) begin")
            emit("  if (wrong < 10)")
            emit('    $display("beat %0d: %h, expected %h", received, m_data, expected[received]);')
            emit("  wrong = wrong + 1;", "end", "received = received + 1;")
            with emit.block(f"if (received == {n_out}) begin", "end"):
                emit("if (wrong == 0)")
                emit('  $display("PASS %0d beats in %0d clocks", received, clocks);')
                emit('else $display("FAIL %0d of %0d beats are wrong", wrong, received);')
                emit("$finish;")
        with emit.block(f"if (idle > {patience}) begin", "end"):
            emit(f'$display("FAIL hangs after %0d of {n_out} beats", received);', "$finish;")
