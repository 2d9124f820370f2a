"""A design as Verilog-2005: one module for each stage, and the top that joins them.

Streams have the names of AXI4-Stream. The same design gives the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path

from hwgen.cells import extended
from hwgen.datapath import Datapath, Schedule
from hwgen.decide import Decide, decide_module
from hwgen.decide_in_turn import in_turn_module
from hwgen.design import (
    Compute,
    Design,
    Entry,
    Gather,
    Pool,
    Stage,
)
from hwgen.emitter import Emitter, bus, constant, residue
from hwgen.folding import gathered, in_phases
from hwgen.frames import Accumulate, Modulation
from hwgen.frames_verilog import accumulate_module, modulation_module
from hwgen.identifiers import FORK, HAND_WRITTEN, PRIMITIVES
from hwgen.kept import kept
from hwgen.matrix_vector import MatrixVector
from hwgen.netlist import Netlist
from hwgen.pointwise import Pointwise
from hwgen.pointwise_verilog import pointwise_module
from hwgen.queue import Queue, queue_module
from hwgen.repeat import Repeat, repeat_module
from hwgen.stream import (
    class_width,
    classes_of,
    control,
    count,
    mask,
    stream_ports,
    windows,
)
from hwgen.top_verilog import has_forks, top_module
from hwgen.unit_verilog import lane_module, unit_module

OneModule = (
    Entry | Modulation | Compute | Pool | Gather | Accumulate | Decide | Pointwise | Queue | Repeat
)
RTL = Path(__file__).with_name("rtl")


def files(design: Design) -> dict[str, str]:
    """Every file of a design by its name: the hand-written modules, the stages and the top.

    What stands for a device's primitives is there too, where stages have any (`primitives`).
    """
    found = {f"{name}.v": (RTL / f"{name}.v").read_text(encoding="utf-8") for name in HAND_WRITTEN}
    for stage, module in zip(design.stages, design.modules, strict=False):
        found |= _stage_files(design, stage, module)
    found[f"{design.top}.v"] = top_module(design)
    if has_forks(design):
        found[f"{FORK}.v"] = (RTL / f"{FORK}.v").read_text(encoding="utf-8")
    return found | primitives(found)


def _stage_files(design: Design, stage: Stage, module: str) -> dict[str, str]:
    if not isinstance(stage, MatrixVector):
        return {f"{module}.v": stage_module(stage, module)}
    lanes = design.lane_modules(stage)
    named = zip(stage.lanes, lanes, strict=True)
    found = {f"{name}.v": lane_module(stage, netlist, name) for netlist, name in named}
    return found | {f"{module}.v": unit_module(stage, module, lanes)}


def primitives(texts: Mapping[str, str]) -> dict[str, str]:
    """The models of the primitives that these files name: for simulation and proofs alone."""
    used = (name for name in PRIMITIVES if any(f"{name} " in text for text in texts.values()))
    return {f"{name}.v": (RTL / f"{name}.v").read_text(encoding="utf-8") for name in used}


def stage_module(stage: OneModule, module: str) -> str:
    match stage:
        case Entry():
            return _entry(stage, module)
        case Modulation():
            return modulation_module(stage, module)
        case Accumulate():
            return accumulate_module(stage, module)
        case Compute():
            return _compute(stage, module)
        case Pool():
            return _pool(stage, module)
        case Gather():
            return _gather(stage, module)
        case Decide():
            return (in_turn_module if stage.in_turn else decide_module)(stage, module)
        case Pointwise():
            return pointwise_module(stage, module)
        case Queue():
            return queue_module(stage, module)
        case Repeat():
            return repeat_module(stage, module)


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
    spans = netlist.ranges[: netlist.n_values]
    n_bits = sum(span.width for span in spans)
    ports = [
        f"input  wire {bus(n_bits)} window",
        f"input  wire {bus(class_width(netlist.n_classes))} window_class",
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
        path.input_nets([*places, "window_class"] if netlist.reads_class else places)
        path.cells()
        path.heads("out", width, "window_class")
    return str(emit)


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
        source = kept(emit, stage.kept, stage.in_width) if stage.kept else "s_axis"
        windows(emit, stage.windowing, stage.in_width, source)
        places = _places(stage)
        if stage.folding:
            places = in_phases(emit, stage.folding, schedule.n_stages, places)
        else:
            emit("assign take = advance;")
        _classes(emit, stage, schedule.n_stages)
        path = Datapath(emit, netlist, schedule)
        path.input_nets([*places, "class_0"] if netlist.reads_class else places)
        path.cells()
        path.registers("advance", "!aresetn")
        emit(f"wire {bus(stage.head_width * len(netlist.heads))} outputs;")
        path.heads("outputs", stage.head_width, f"class_{schedule.n_stages - 1}")
        if stage.folding:
            gathered(emit, stage.folding, schedule.n_stages, len(netlist.heads))
        else:
            control(emit, schedule.n_stages, stage.out_width)
    return str(emit)


def _places(stage: Compute) -> list[str]:
    """Where each netlist input stands in the window, channel by channel and tap by tap."""
    taps = stage.windowing.kernel[0] * stage.windowing.kernel[1]
    width = stage.values.width
    return [
        f"window[{(tap * stage.channels + channel) * width} +: {width}]"
        for channel in range(stage.channels)
        for tap in range(taps)
    ]


def _classes(emit: Emitter, stage: Compute, n_stages: int) -> None:
    """class_0: the class of the window, by where it hangs over the border; class_k: k stages on."""
    if stage.netlist.n_classes == 1:
        return
    width = class_width(stage.netlist.n_classes)
    phases = stage.folding.phases if stage.folding else 1
    counter = stage.windowing.counter_width
    terms = [classes_of(stage.row_classes, stage.column_classes, phases, (counter, width))]
    if phases > 1:
        missing = width - class_width(phases)
        terms.append(f"{{{missing}'d0, phase_0}}" if missing else "phase_0")
    emit(f"wire {bus(width)} class_0 = {' + '.join(terms)};")
    for later in range(1, n_stages):
        emit(f"reg {bus(width)} class_{later};")
        emit(f"always @(posedge aclk) if (advance) class_{later} <= class_{later - 1};")


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
        windows(emit, windowing, width)
        everywhere = sum(1 << place for place, every in enumerate(stage.all_of) if every)
        parts = [f"window[{tap * width} +: {width}]" for tap in range(taps)]
        emit(f"localparam {bus(width)} ALL = {mask(everywhere, width)};")
        emit(f"wire {bus(width)} some = {' | '.join(parts)};")
        emit(f"wire {bus(width)} every = {' & '.join(parts)};")
        emit(f"wire {bus(width)} outputs = (every & ALL) | (some & ~ALL);")
        emit("assign take = advance;")
        control(emit, 1, width)
    return str(emit)


def _gather(stage: Gather, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: all {stage.beats} positions of a map in one beat.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        beats = constant(stage.beats, stage.counter_width)
        parameters = f"{count(stage.counter_width)}.WIDTH({stage.beat_width}), .BEATS({beats})"
        with emit.block(f"gather #({parameters}) u_gather (", ");"):
            emit(".clk(aclk), .rst(!aresetn),")
            emit(".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata),")
            emit(".m_valid(m_axis_tvalid), .m_ready(m_axis_tready), .m_data(m_axis_tdata)")
    return str(emit)
