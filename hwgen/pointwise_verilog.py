"""A stage that joins streams as Verilog: all channels at once, or in turns.

In turns a beat of each stream is kept while its values pass; values and constants of a turn are in
registers (stage 1 of the pipeline) before the datapath reads them.
"""

from hwgen.cells import Range
from hwgen.datapath import Datapath, Schedule
from hwgen.emitter import Emitter, bus, constant
from hwgen.pointwise import Pointwise
from hwgen.stream import class_width, clocked_ports, control, sink_ports, source_ports
from hwgen.unit_memory import table


def pointwise_module(stage: Pointwise, module: str) -> str:
    emit, schedule = Emitter(), Schedule(stage.netlist, stage.per_stage)
    n_values = len(stage.netlist.heads) * stage.turns
    turns = f" in {stage.turns} turns" if stage.turns > 1 else ""
    emit.comment(
        f"{stage.name}: {n_values} values of {len(stage.given)} streams{turns}; "
        f"{schedule.n_stages} pipeline stages."
    )
    emit("/* verilator lint_off UNUSED */  // bits that exact ranges spare")
    ports = clocked_ports()
    for side, width in zip(stage.sides, stage.in_widths, strict=True):
        ports += sink_ports(side, width)
    with emit.module(module, [*ports, *source_ports(stage.out_width)]):
        emit("wire advance;")
        path = Datapath(emit, stage.netlist, schedule)
        path.input_nets(_at_once(emit, stage) if stage.turns == 1 else _turn(emit, stage))
        path.cells()
        path.registers("advance", "!aresetn")
        emit(f"wire {bus(stage.turn_width)} outputs;")
        path.heads("outputs", stage.head_width, "unused")
        if stage.turns == 1:
            control(emit, schedule.n_stages, stage.out_width)
        else:
            _gathered(emit, stage, schedule.n_stages)
    return str(emit)


def _at_once(emit: Emitter, stage: Pointwise) -> list[str]:
    """`window_valid`: a beat of each stream is there; all are taken at once. Where values stand."""
    emit(f"wire window_valid = {_all_valid(stage)};")
    ready = "advance" if len(stage.sides) == 1 else "advance && window_valid"
    emit(*(f"assign {side}_tready = {ready};" for side in stage.sides))
    return [
        f"{side}_tdata[{place * lanes.values.width} +: {lanes.values.width}]"
        for side, lanes in zip(stage.sides, stage.given, strict=True)
        for place in range(lanes.n)
    ]


def _all_valid(stage: Pointwise) -> str:
    return " && ".join(f"{side}_tvalid" for side in stage.sides)


def _turn(emit: Emitter, stage: Pointwise) -> list[str]:
    """Keeps beats for all turns; the places of a turn's values and constants."""
    width, last = class_width(stage.turns), constant(stage.turns - 1, class_width(stage.turns))
    zero, one = constant(0, width), constant(1, width)
    emit("reg kept;", f"reg {bus(width)} turn;", f"wire last = turn == {last};")
    emit("wire issue = advance && kept;", "wire room = !kept || (issue && last);")
    emit(f"wire taken = room && {_all_valid(stage)};")
    places = list[str]()
    for number, (side, lanes) in enumerate(zip(stage.sides, stage.given, strict=True)):
        ready = "room" if len(stage.sides) == 1 else "taken"
        emit(f"assign {side}_tready = {ready};", f"reg {bus(lanes.width)} beat_{number};")
        emit(f"always @(posedge aclk) if (taken) beat_{number} <= {side}_tdata;")
        places += _chosen(emit, stage, number)
    with emit.block("always @(posedge aclk) begin", "end"):
        with emit.block("if (!aresetn) begin", "end else begin"):
            emit("kept <= 1'b0;", f"turn <= {zero};")
        with emit.block("", "end"):
            emit("if (room) kept <= taken;", f"if (issue) turn <= last ? {zero} : turn + {one};")
    for number, words in enumerate(stage.tables):
        span = Range(min(words), max(words))
        mask = (1 << span.width) - 1
        table(emit, f"table_{number}", [word & mask for word in words], span.width, "turn")
        places.append(f"table_{number}")
    return places


def _chosen(emit: Emitter, stage: Pointwise, number: int) -> list[str]:
    """A stream's values of a turn, behind registers: a choice by each bit of the turn."""
    lanes = stage.given[number]
    n, each = lanes.n // stage.turns, lanes.values.width
    width, level = n * each, 0
    parts = [f"beat_{number}[{turn * width} +: {width}]" for turn in range(stage.turns)]
    while len(parts) > 1:
        chosen = []
        for place in range(0, len(parts), 2):
            name, pair = f"part_{number}_{level}_{place // 2}", parts[place : place + 2]
            text = f"turn[{level}] ? {pair[1]} : {pair[0]}" if len(pair) == 2 else pair[0]
            emit(f"wire {bus(width)} {name} = {text};")
            chosen.append(name)
        parts, level = chosen, level + 1
    emit(f"reg {bus(width)} values_{number};")
    emit(f"always @(posedge aclk) if (advance) values_{number} <= {parts[0]};")
    return [f"values_{number}[{place * each} +: {each}]" for place in range(n)]


def _gathered(emit: Emitter, stage: Pointwise, n_stages: int) -> None:
    """What was issued k clocks before is in stage k; the values of the last turn make a beat."""
    width, done = stage.turn_width, n_stages
    emit("wire valid_0 = kept, end_0 = last;")
    emit(*(f"reg valid_{k}, end_{k};" for k in range(1, done + 1)))
    with emit.block("always @(posedge aclk) begin", "end"):
        with emit.block("if (!aresetn) begin", "end else if (advance) begin"):
            emit(*(f"valid_{k} <= 1'b0;" for k in range(1, done + 1)))
        with emit.block("", "end"):
            emit(*(f"valid_{k} <= valid_{k - 1};" for k in range(1, done + 1)))
            emit(*(f"end_{k} <= end_{k - 1};" for k in range(1, done + 1)))
    emit("reg out_valid;", f"reg {bus(stage.out_width)} out_data;")
    emit("assign advance = m_axis_tready || !out_valid;")
    emit("assign m_axis_tvalid = out_valid;", "assign m_axis_tdata = out_data;")
    with emit.block("always @(posedge aclk) begin", "end"):
        emit("if (!aresetn) out_valid <= 1'b0;")
        emit(f"else if (advance) out_valid <= valid_{done} && end_{done};")
    shifted = f"{{outputs, out_data[{stage.out_width - 1}:{width}]}}"
    emit(f"always @(posedge aclk) if (advance && valid_{done}) out_data <= {shifted};")
