"""The stages of a modulation over frames as Verilog."""

from hwgen.cells import Range, extended
from hwgen.datapath import compared
from hwgen.emitter import Emitter, bus, constant
from hwgen.frames import Accumulate, Modulation
from hwgen.stream import stream_ports


def modulation_module(stage: Modulation, module: str) -> str:
    """Comparisons with the limits of the frame, which a counter of maps tells."""
    emit = Emitter()
    emit.comment(f"{stage.name}: pixels above their thresholds, in {stage.frames} frames.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        emit("assign m_axis_tvalid = s_axis_tvalid;", "assign s_axis_tready = m_axis_tready;")
        width = stage.values.width
        for channel in range(stage.channels):
            emit(f"wire {bus(width)} p{channel} = s_axis_tdata[{channel * width} +: {width}];")
        if stage.frames == 1:
            emit("wire unused = &{1'b0, aclk, aresetn};  // combinational")
            _fixed(emit, stage)
        else:
            _count(emit, stage)
            _varying(emit, stage)
    return str(emit)


def _fixed(emit: Emitter, stage: Modulation) -> None:
    for depth, limits in enumerate(stage.at[0]):
        for channel, limit in enumerate(limits):
            place = depth * stage.channels + channel
            test = compared(f"p{channel}", stage.values, limit, at_least=True)
            emit(f"assign m_axis_tdata[{place}] = {test};")


def _count(emit: Emitter, stage: Modulation) -> None:
    """`frame`: which one the map of this beat is."""
    beats, frames = stage.beats.bit_length(), stage.frames.bit_length()
    emit(f"reg {bus(beats)} beat;", f"reg {bus(frames)} frame;")
    last_beat = f"beat == {constant(stage.beats - 1, beats)}"
    last_frame = f"frame == {constant(stage.frames - 1, frames)}"
    zero, one = constant(0, beats), constant(1, beats)
    with emit.block("always @(posedge aclk) begin", "end"):
        with emit.block(
            "if (!aresetn) begin", "end else if (s_axis_tvalid && s_axis_tready) begin"
        ):
            emit(f"beat <= {zero};", f"frame <= {constant(0, frames)};")
        with emit.block("", "end"):
            emit(f"beat <= {last_beat} ? {zero} : beat + {one};")
            following = f"{last_frame} ? {constant(0, frames)} : frame + {constant(1, frames)}"
            emit(f"if ({last_beat}) frame <= {following};")


def _varying(emit: Emitter, stage: Modulation) -> None:
    """A limit for all channels that share it, by the frame, and the comparisons."""
    wide = Range(stage.values.low, stage.values.high + 1)  # a limit that no value reaches
    width, frames = wide.width, stage.frames.bit_length()
    known: dict[tuple[int, ...], str] = {}
    for depth in range(len(stage.at[0])):
        for channel in range(stage.channels):
            limits = tuple(
                min(max(frame[depth][channel], wide.low), wide.high) for frame in stage.at
            )
            if limits not in known:
                known[limits] = f"limit_{len(known)}"
                _limit(emit, known[limits], limits, width, frames)
            place = depth * stage.channels + channel
            value = extended(f"p{channel}", stage.values, 0, width)
            sides = [value, known[limits]]
            if wide.signed:
                sides = [f"$signed({side})" for side in sides]
            emit(f"assign m_axis_tdata[{place}] = {sides[0]} >= {sides[1]};")


def _limit(emit: Emitter, name: str, limits: tuple[int, ...], width: int, frames: int) -> None:
    emit(f"reg {bus(width)} {name};")
    with emit.block("always @* begin", "end"), emit.block("case (frame)", "endcase"):
        for frame, limit in enumerate(limits[:-1]):
            emit(f"{constant(frame, frames)}: {name} = {constant(limit, width)};")
        emit(f"default: {name} = {constant(limits[-1], width)};")


def accumulate_module(stage: Accumulate, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: the sums of {stage.lanes} values over {stage.frames} frames.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        given, width, frames = stage.values.width, stage.sums.width, stage.frames.bit_length()
        last = f"frame == {constant(stage.frames - 1, frames)}"
        emit(f"reg {bus(frames)} frame;", "reg ripe;")
        emit("assign m_axis_tvalid = ripe;", "assign s_axis_tready = !ripe || m_axis_tready;")
        emit("wire take = s_axis_tvalid && s_axis_tready;")
        emit(f"wire first = frame == {constant(0, frames)};")
        with emit.block("always @(posedge aclk) begin", "end"):
            with emit.block("if (!aresetn) begin", "end else begin"):
                emit("ripe <= 1'b0;", f"frame <= {constant(0, frames)};")
            with emit.block("", "end"):
                emit(f"if (s_axis_tready) ripe <= take && {last};")
                following = f"{last} ? {constant(0, frames)} : frame + {constant(1, frames)}"
                emit(f"if (take) frame <= {following};")
        for lane in range(stage.lanes):
            emit(f"wire {bus(given)} v{lane} = s_axis_tdata[{lane * given} +: {given}];")
            emit(f"reg {bus(width)} sum{lane};")
            emit(f"assign m_axis_tdata[{lane * width} +: {width}] = sum{lane};")
            term = extended(f"v{lane}", stage.values, 0, width)
            before = f"(first ? {constant(0, width)} : sum{lane})"
            emit(f"always @(posedge aclk) if (take) sum{lane} <= {before} + {term};")
    return str(emit)
