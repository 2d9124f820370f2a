"""A design as Verilog-2005: one module for each stage, and the top that joins them.

Streams have the names of AXI4-Stream. The same design gives the same bytes.
"""

from pathlib import Path

from hwgen.datapath import Datapath, Schedule, extended
from hwgen.design import (
    COUNTER_WIDTH,
    Compute,
    Decide,
    Design,
    Entry,
    Folding,
    Gather,
    Pool,
    Stage,
    Windowing,
)
from hwgen.emitter import Emitter, bus, constant, residue
from hwgen.identifiers import HAND_WRITTEN
from hwgen.netlist import Netlist

RTL = Path(__file__).with_name("rtl")


def files(design: Design) -> dict[str, str]:
    """Every file of a design by its name: the hand-written modules, the stages and the top."""
    found = {f"{name}.v": (RTL / f"{name}.v").read_text(encoding="utf-8") for name in HAND_WRITTEN}
    for stage, module in zip(design.stages, design.modules, strict=False):
        found[f"{module}.v"] = stage_module(stage, module)
    found[f"{design.top}.v"] = top_module(design)
    return found


def stream_ports(in_width: int, out_width: int) -> list[str]:
    return [
        "input  wire aclk",
        "input  wire aresetn",
        "input  wire s_axis_tvalid",
        "output wire s_axis_tready",
        f"input  wire {bus(in_width)} s_axis_tdata",
        "output wire m_axis_tvalid",
        "input  wire m_axis_tready",
        f"output wire {bus(out_width)} m_axis_tdata",
    ]


def top_module(design: Design) -> str:
    """The stages in a row."""
    emit = Emitter()
    stages = design.stages
    emit.comment(f"{design.name}: {', '.join(stage.name for stage in stages)}.")
    emit.comment(f"{design.beats_in} beats in and {design.beats_out} out for each image.")
    ports = stream_ports(stages[0].in_width, stages[-1].out_width)
    with emit.module(design.top, ports):
        for place, stage in enumerate(stages[:-1]):
            emit(f"wire valid_{place}, ready_{place};")
            emit(f"wire {bus(stage.out_width)} data_{place};")
        for place, module in enumerate(design.modules[:-1]):
            source = f"_{place - 1}" if place else None
            target = f"_{place}" if place < len(stages) - 1 else None
            _instance(emit, module, source, target)
    return str(emit)


def _instance(emit: Emitter, module: str, source: str | None, target: str | None) -> None:
    sides = [("s", source), ("m", target)]
    with emit.block(f"{module} u_{module} (", ");"):
        emit(".aclk(aclk), .aresetn(aresetn),")
        for side, wire in sides:
            ports = [
                f".{side}_axis_t{what}({f'{what}{wire}' if wire else f'{side}_axis_t{what}'})"
                for what in ("valid", "ready", "data")
            ]
            emit(", ".join(ports) + ("," if side == "s" else ""))


def stage_module(stage: Stage, module: str) -> str:
    match stage:
        case Entry():
            return _entry(stage, module)
        case Compute():
            return _compute(stage, module)
        case Pool():
            return _pool(stage, module)
        case Gather():
            return _gather(stage, module)
        case Decide():
            return _decide(stage, module)


def _entry(stage: Entry, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: each pixel p becomes {stage.multiplier} * p + {stage.offset}.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        _unused_clock(emit)
        emit("assign m_axis_tvalid = s_axis_tvalid;", "assign s_axis_tready = m_axis_tready;")
        raw, width = stage.raw.width, stage.value.width
        for channel in range(stage.channels):
            pixel = f"s_axis_tdata[{channel * raw} +: {raw}]"
            emit(f"wire {bus(raw)} p{channel} = {pixel};")
            value = extended(f"p{channel}", stage.raw, 0, width)
            where = f"m_axis_tdata[{channel * width} +: {width}]"
            scaled = residue(stage.multiplier, width)
            product = value if stage.multiplier == 1 else f"{scaled} * {value}"
            emit(f"assign {where} = {product} + {residue(stage.offset, width)};")
    return str(emit)


def _unused_clock(emit: Emitter) -> None:
    emit("wire unused = &{1'b0, aclk, aresetn};  // combinational")


def combinational(module: str, netlist: Netlist, width: int) -> str:
    """One layer's datapath alone: `window` in, input after input, and `out`, head after head."""
    emit = Emitter()
    spans = netlist.ranges[: netlist.n_inputs]
    n_bits = sum(span.width for span in spans)
    ports = [
        f"input  wire {bus(n_bits)} window",
        f"input  wire {bus(_class_width(netlist.n_classes))} window_class",
        f"output wire {bus(width * len(netlist.heads))} out",
    ]
    emit(
        "/* verilator lint_off UNUSED */  // inputs of no weight, and bits that exact ranges spare"
    )
    with emit.module(module, ports):
        path = Datapath(emit, netlist, Schedule(netlist, None))
        first, places = 0, []
        for span in spans:
            places.append(f"window[{first} +: {span.width}]")
            first += span.width
        path.input_nets(places)
        path.cells()
        path.heads("out", width, "window_class")
    return str(emit)


def _class_width(n_classes: int) -> int:
    return max(1, (n_classes - 1).bit_length())


def _compute(stage: Compute, module: str) -> str:
    emit = Emitter()
    netlist, schedule = stage.netlist, Schedule(stage.netlist, stage.per_stage)
    kernel = "x".join(map(str, stage.windowing.kernel))
    turns = f" in {stage.folding.phases} turns" if stage.folding else ""
    n_outputs = stage.folding.n_outputs if stage.folding else len(netlist.heads)
    emit.comment(
        f"{stage.name}: {n_outputs} outputs{turns} of {kernel} windows, {stage.channels} "
        f"channels; {schedule.n_stages} pipeline stages."
    )
    emit(
        "/* verilator lint_off UNUSED */  // inputs of no weight, and bits that exact ranges spare",
    )
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        _windows(emit, stage.windowing, stage.in_width)
        places = _places(stage)
        if stage.folding:
            places = _phases(emit, stage.folding, schedule.n_stages, places)
        else:
            emit("assign take = advance;")
        _classes(emit, stage, schedule.n_stages)
        path = Datapath(emit, netlist, schedule)
        path.input_nets(places)
        path.cells()
        path.registers("advance")
        emit(f"wire {bus(stage.head_width * len(netlist.heads))} outputs;")
        path.heads("outputs", stage.head_width, f"class_{schedule.n_stages - 1}")
        if stage.folding:
            _gathered(emit, stage.folding, schedule.n_stages, len(netlist.heads))
        else:
            _control(emit, schedule.n_stages, stage.out_width)
    return str(emit)


def _phases(emit: Emitter, folding: Folding, n_stages: int, places: list[str]) -> list[str]:
    """phase_k, the turn of what is in stage k; a window is taken with its last. The gates' places.

    Each gate is a bit of the window, inverted in its phases.
    """
    width, last = _class_width(folding.phases), folding.phases - 1
    emit(f"reg {bus(width)} phase_0;")
    final, first, step = (constant(value, width) for value in (last, 0, 1))
    emit(f"assign take = advance && phase_0 == {final};")
    with emit.block("always @(posedge aclk) begin", "end"):
        emit(f"if (!aresetn) phase_0 <= {first};")
        emit("else if (advance && window_valid)")
        emit(f"  phase_0 <= phase_0 == {final} ? {first} : phase_0 + {step};")
    for later in range(1, n_stages):
        emit(f"reg {bus(width)} phase_{later};")
        emit(f"always @(posedge aclk) if (advance) phase_{later} <= phase_{later - 1};")
    for flips in sorted({gate.flips for gate in folding.gates if gate.flips}):
        turns = [
            f"phase_0 == {constant(p, width)}" for p in range(folding.phases) if flips >> p & 1
        ]
        emit(f"wire flip_{flips} = {' || '.join(turns)};")
    return [
        f"{places[gate.place]} ^ flip_{gate.flips}" if gate.flips else places[gate.place]
        for gate in folding.gates
    ]


def _places(stage: Compute) -> list[str]:
    """Where each netlist input stands in the window, channel by channel and tap by tap."""
    taps = stage.windowing.kernel[0] * stage.windowing.kernel[1]
    width = stage.values.width
    return [
        f"window[{(tap * stage.channels + channel) * width} +: {width}]"
        for channel in range(stage.channels)
        for tap in range(taps)
    ]


def _windows(emit: Emitter, windowing: Windowing, width: int) -> None:
    """Wires window, window_valid, row and column; `take` takes a window, `advance` moves stages."""
    taps = windowing.kernel[0] * windowing.kernel[1]
    emit("wire advance, take;", "wire window_valid;", f"wire {bus(taps * width)} window;")
    counter = windowing.counter_width
    emit(f"wire {bus(counter)} row, column;")
    if windowing.plain:
        zero = constant(0, counter)
        emit("assign window = s_axis_tdata;", "assign window_valid = s_axis_tvalid;")
        emit("assign s_axis_tready = take;", f"assign row = {zero}, column = {zero};")
        return
    settings = {
        "ROWS": windowing.size[0],
        "COLUMNS": windowing.size[1],
        "KH": windowing.kernel[0],
        "KW": windowing.kernel[1],
        "SH": windowing.strides[0],
        "SW": windowing.strides[1],
        "TOP": windowing.pads[0],
        "LEFT": windowing.pads[1],
        "BOTTOM": windowing.pads[2],
        "RIGHT": windowing.pads[3],
    }
    with emit.block("window #(", ") u_window ("):
        emit(f"{_count(counter)}.WIDTH({width}),")
        emit(*(f".{name}({constant(value, counter)})," for name, value in settings.items()))
        emit(f".PAD({_mask(windowing.pad, width)})")
    with emit.block("", ");"):
        emit(".clk(aclk), .rst(!aresetn),")
        emit(".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata),")
        emit(".m_valid(window_valid), .m_ready(take), .m_data(window),")
        emit(".m_row(row), .m_column(column)")


def _count(width: int) -> str:
    """The parameter COUNT of a module that counts, where it is not as it is anyway."""
    return f".COUNT({width}), " if width != COUNTER_WIDTH else ""


def _mask(value: int, width: int) -> str:
    """A sized literal in hexadecimal, of bits side by side."""
    constant(value, width)
    return f"{width}'h{value:x}"


def _classes(emit: Emitter, stage: Compute, n_stages: int) -> None:
    """class_0: the class of the window, by where it hangs over the border; class_k: k stages on."""
    if stage.netlist.n_classes == 1:
        return
    width = _class_width(stage.netlist.n_classes)
    n_columns = max(stage.column_classes) + 1
    phases = stage.folding.phases if stage.folding else 1
    counter = stage.windowing.counter_width
    row = _by_place("row", stage.row_classes, n_columns * phases, (counter, width))
    column = _by_place("column", stage.column_classes, phases, (counter, width))
    terms = [row, column]
    if phases > 1:
        missing = width - _class_width(phases)
        terms.append(f"{{{missing}'d0, phase_0}}" if missing else "phase_0")
    emit(f"wire {bus(width)} class_0 = {' + '.join(terms)};")
    for later in range(1, n_stages):
        emit(f"reg {bus(width)} class_{later};")
        emit(f"always @(posedge aclk) if (advance) class_{later} <= class_{later - 1};")


def _by_place(name: str, classes: tuple[int, ...], factor: int, widths: tuple[int, int]) -> str:
    """A chain of choices, the most usual class last. widths: of a place, and of a class."""
    counter, width = widths
    usual = max(classes, key=classes.count)
    text = constant(usual * factor, width)
    for place, found in enumerate(classes):
        if found != usual:
            test = f"{name} == {constant(place, counter)}"
            text = f"({test}) ? {constant(found * factor, width)} : {text}"
    return f"({text})"


def _control(emit: Emitter, n_stages: int, out_width: int) -> None:
    """Valid bits beside the stages, and the register at the end; all wait together."""
    _end(emit, n_stages, out_width, "")
    emit("always @(posedge aclk) if (advance) out_data <= outputs;")


def _gathered(emit: Emitter, folding: Folding, n_stages: int, n_heads: int) -> None:
    """As `_control`, the outputs of each phase going to their place; the last makes them valid."""
    width, phase = _class_width(folding.phases), f"phase_{n_stages - 1}"
    _end(emit, n_stages, folding.n_outputs, f" && {phase} == {constant(folding.phases - 1, width)}")
    with emit.block("always @(posedge aclk) if (advance) begin", "end"):
        for turn in range(folding.phases):
            first = turn * n_heads
            size = min(n_heads, folding.n_outputs - first)
            if size > 0:
                where, taken = f"out_data[{first} +: {size}]", f"outputs[0 +: {size}]"
                emit(f"if ({phase} == {constant(turn, width)}) {where} <= {taken};")


def _end(emit: Emitter, n_stages: int, out_width: int, ripe: str) -> None:
    """The valid bits, and the stream out; `ripe` is what makes a valid last stage an output."""
    emit("reg out_valid;", f"reg {bus(out_width)} out_data;")
    emit("assign advance = m_axis_tready || !out_valid;")
    emit("assign m_axis_tvalid = out_valid;", "assign m_axis_tdata = out_data;")
    for stage in range(1, n_stages):
        emit(f"reg valid_{stage};")
    valid = ["window_valid", *(f"valid_{stage}" for stage in range(1, n_stages))]
    with emit.block("always @(posedge aclk) begin", "end"):
        with emit.block("if (!aresetn) begin", "end else if (advance) begin"):
            emit("out_valid <= 1'b0;", *(f"{name} <= 1'b0;" for name in valid[1:]))
        with emit.block("", "end"):
            emit(*(f"{now} <= {then};" for then, now in zip(valid, valid[1:], strict=False)))
            emit(f"out_valid <= {valid[-1]}{ripe};")


def _pool(stage: Pool, module: str) -> str:
    emit = Emitter()
    width, windowing = stage.in_width, stage.windowing
    taps = windowing.kernel[0] * windowing.kernel[1]
    kernel = "x".join(map(str, windowing.kernel))
    emit.comment(
        f"{stage.name}: any bit of each {kernel} window, or all of them where ALL has a 1."
    )
    emit("/* verilator lint_off UNUSED */  // where the window lies")
    with emit.module(module, stream_ports(width, width)):
        _windows(emit, windowing, width)
        mask = sum(1 << place for place, every in enumerate(stage.all_of) if every)
        parts = [f"window[{tap * width} +: {width}]" for tap in range(taps)]
        emit(f"localparam {bus(width)} ALL = {_mask(mask, width)};")
        emit(f"wire {bus(width)} some = {' | '.join(parts)};")
        emit(f"wire {bus(width)} every = {' & '.join(parts)};")
        emit(f"wire {bus(width)} outputs = (every & ALL) | (some & ~ALL);")
        emit("assign take = advance;")
        _control(emit, 1, width)
    return str(emit)


def _gather(stage: Gather, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: all {stage.beats} positions of a map in one beat.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        beats = constant(stage.beats, stage.counter_width)
        parameters = f"{_count(stage.counter_width)}.WIDTH({stage.beat_width}), .BEATS({beats})"
        with emit.block(f"gather #({parameters}) u_gather (", ");"):
            emit(".clk(aclk), .rst(!aresetn),")
            emit(".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata),")
            emit(".m_valid(m_axis_tvalid), .m_ready(m_axis_tready), .m_data(m_axis_tdata)")
    return str(emit)


def _decide(stage: Decide, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: the class of the greatest score, the first of equals.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        width, signed, keys = stage.scores.width, stage.scores.signed, "s_axis_tdata"
        if stage.ranks is not None:
            width = max(1, max(map(max, stage.ranks)).bit_length())
            signed, keys = False, "ranks"
            emit(f"wire {bus(width * stage.n_classes)} ranks;")
            _ranks(emit, stage, stage.ranks, width)
        settings = (
            f".N({stage.n_classes}), .WIDTH({width}), .SIGNED({int(signed)}), "
            f".INDEX({stage.out_width})"
        )
        with emit.block(f"argmax #({settings}) u_argmax (", ");"):
            emit(".clk(aclk), .rst(!aresetn),")
            emit(f".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data({keys}),")
            emit(".m_valid(m_axis_tvalid), .m_ready(m_axis_tready), .m_data(m_axis_tdata)")
    return str(emit)


def _ranks(emit: Emitter, stage: Decide, ranks: tuple[tuple[int, ...], ...], width: int) -> None:
    """A table for each class: the rank of each score among all scores of all classes."""
    bits = stage.scores.width
    for place, table in enumerate(ranks):
        emit(f"reg {bus(width)} rank_{place};")
        with (
            emit.block("always @* begin", "end"),
            emit.block(f"case (s_axis_tdata[{place * bits} +: {bits}])", "endcase"),
        ):
            for score, rank in enumerate(table, start=stage.scores.low):
                emit(f"{constant(score, bits)}: rank_{place} = {constant(rank, width)};")
            emit(f"default: rank_{place} = {constant(0, width)};")
        emit(f"assign ranks[{place * width} +: {width}] = rank_{place};")
