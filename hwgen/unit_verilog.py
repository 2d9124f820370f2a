"""A matrix-vector unit as Verilog: counters, memories, lanes, sums, and outputs turn by turn.

Stage k of the pipeline holds what was begun k clocks before: values and weights in stage 1 (in
stage 2 where slices make them), counts of the lanes in the stage `ripe`, sums one later.
"""

from collections.abc import Sequence
from math import prod

from hwgen.datapath import Datapath, Schedule
from hwgen.emitter import Emitter, bus, constant
from hwgen.kept import kept
from hwgen.matrix_vector import MatrixVector
from hwgen.netlist import Netlist
from hwgen.stream import class_width, classes_of, stream_ports, windows
from hwgen.unit_memory import Memory, table

QUIET = "/* verilator lint_off UNUSED */  // bits that exact ranges spare"


def lane_module(stage: MatrixVector, netlist: Netlist, module: str) -> str:
    """One lane: what it counts of the values of a part."""
    emit, schedule = Emitter(), Schedule(netlist, stage.per_stage)
    n_values, width = stage.simd * stage.values.width, netlist.score_range.width
    emit.comment(f"A lane of {stage.name}: {stage.simd} inputs, {schedule.n_stages} stages.")
    emit(QUIET)
    ports = [
        "input  wire aclk",
        "input  wire advance",
        f"input  wire {bus(n_values)} values",
        f"input  wire {bus(stage.lane_bits)} word",
        f"output wire {bus(width)} count",
    ]
    with emit.module(module, ports):
        path = Datapath(emit, netlist, schedule)
        path.input_nets(
            [f"values[{k}]" for k in range(n_values)]
            + [f"word[{k}]" for k in range(stage.lane_bits)]
        )
        path.cells()
        path.registers("advance")
        path.heads("count", width, "unused")
    return str(emit)


def unit_module(stage: MatrixVector, module: str, lanes: Sequence[str]) -> str:
    """The stage; `lanes` names the module of each lane, or of all."""
    emit = Emitter()
    kernel = "x".join(map(str, stage.windowing.kernel))
    emit.comment(
        f"{stage.name}: {stage.n_outputs} outputs of {kernel} windows, {stage.channels} channels, "
        f"in {stage.n_words} clocks; {stage.n_lanes} lanes of {stage.simd} inputs."
    )
    emit(QUIET)
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        _Unit(emit, stage, lanes).write()
    return str(emit)


class _Unit:
    def __init__(self, emit: Emitter, stage: MatrixVector, lanes: Sequence[str]) -> None:
        self.emit, self.stage, self.lanes = emit, stage, lanes
        self.memory = Memory(emit, stage)
        n_stages = max(Schedule(lane, stage.per_stage).n_stages for lane in stage.lanes)
        self.ripe = n_stages + self.memory.stages - 1

    def write(self) -> None:
        if self.stage.whole_map:
            self.emit("wire advance, take;", "wire window_valid;")
        else:
            width, n_kept = self.stage.in_width, self.stage.kept
            source = kept(self.emit, n_kept, width) if n_kept else "s_axis"
            windows(self.emit, self.stage.windowing, width, source)
        self._counters()
        if self.stage.whole_map:
            self._maps()
        self._control()
        self._values()
        self.memory.write()
        self._starts()
        self._sums()
        self._outputs()

    def _maps(self) -> None:
        """Whole maps in a memory; `fold` tells the position, and the part of it in its low bits."""
        stage, emit = self.stage, self.emit
        width, positions = stage.in_width, prod(stage.windowing.size)
        index, total = class_width(positions), class_width(stage.folds)
        emit(f"wire {bus(width)} position;")
        settings = f".WIDTH({width}), .INDEX({index}), .LAST({constant(positions - 1, index)})"
        with emit.block(f"maps #({settings}) u_maps (", ");"):
            emit(".clk(aclk), .rst(!aresetn),")
            emit(".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata),")
            emit(".m_valid(window_valid), .m_ready(take),")
            emit(f".place(fold[{total - 1}:{total - index}]), .m_data(position)")

    def _counters(self) -> None:
        """fold, turn and word: how often a window has been read; it is taken with the last."""
        stage, emit = self.stage, self.emit
        emit("wire issue = advance && window_valid;")
        self._counter("fold", stage.folds, "issue")
        self._counter("turn", stage.turns, "issue && fold_last")
        if stage.folds > 1 and stage.turns > 1:
            self._counter("word", stage.n_words, "issue")
        else:
            single = "fold" if stage.folds > 1 else "turn"
            emit(f"wire {bus(stage.word_width)} word = {single};")
        emit("wire end_0 = fold_last && turn_last;", "assign take = advance && end_0;")

    def _counter(self, name: str, n: int, step: str) -> None:
        width = class_width(n)
        first, last, one = (constant(value, width) for value in (0, n - 1, min(1, n - 1)))
        if n == 1:
            self.emit(f"wire {bus(width)} {name} = {first};", f"wire {name}_last = 1'b1;")
            return
        self.emit(f"reg {bus(width)} {name};", f"wire {name}_last = {name} == {last};")
        with self.emit.block("always @(posedge aclk) begin", "end"):
            self.emit(f"if (!aresetn) {name} <= {first};")
            self.emit(f"else if ({step}) {name} <= {name}_last ? {first} : {name} + {one};")

    def _control(self) -> None:
        """first, last, end and valid beside the stages: of a turn, of a window, of anything."""
        emit, ripe = self.emit, self.ripe
        begun = "window_valid && fold_last" if self.stage.folds > 1 else "window_valid"
        emit(f"wire first_0 = fold == {constant(0, class_width(self.stage.folds))};")
        emit(f"wire valid_0 = {begun};")
        for later in range(1, ripe + 2):
            emit(f"reg first_{later}, end_{later}, valid_{later};")
        with emit.block("always @(posedge aclk) if (advance) begin", "end"):
            for later in range(1, ripe + 2):
                emit(f"first_{later} <= first_{later - 1};", f"end_{later} <= end_{later - 1};")
        with emit.block("always @(posedge aclk) begin", "end"):
            with emit.block("if (!aresetn) begin", "end else if (advance) begin"):
                emit(*(f"valid_{later} <= 1'b0;" for later in range(1, ripe + 2)))
            with emit.block("", "end"):
                emit(*(f"valid_{later} <= valid_{later - 1};" for later in range(1, ripe + 2)))

    def _values(self) -> None:
        """The part of the window by the number of the fold, a choice by each of its bits."""
        stage, emit = self.stage, self.emit
        width = stage.simd * stage.values.width
        given, n = "window", stage.folds
        if stage.whole_map:
            given, n = "position", stage.channels // stage.simd
        parts = [f"{given}[{part * width} +: {width}]" for part in range(n)]
        if stage.slices:
            parts = [self._gathered(stage.part(fold)) for fold in range(n)]
        level = 0
        while len(parts) > 1:
            chosen = []
            for place in range(0, len(parts), 2):
                name = f"part_{level}_{place // 2}"
                pair = parts[place : place + 2]
                text = f"fold[{level}] ? {pair[1]} : {pair[0]}" if len(pair) == 2 else pair[0]
                emit(f"wire {bus(width)} {name} = {text};")
                chosen.append(name)
            parts, level = chosen, level + 1
        emit(f"reg {bus(width)} values_1;")
        emit(f"always @(posedge aclk) if (advance) values_1 <= {parts[0]};")

    def _gathered(self, inputs: Sequence[int]) -> str:
        """Values of the window, the first one in the lowest bits."""
        width = self.stage.values.width
        bits = [f"window[{place * width} +: {width}]" for place in reversed(inputs)]
        return f"{{{', '.join(bits)}}}"

    def _starts(self) -> None:
        """What the sums of a turn begin with, by the class of the window and the turn."""
        stage, emit = self.stage, self.emit
        n_words, ripe, width = stage.n_classes * stage.turns, self.ripe, stage.sum_width
        words = [
            sum(
                (row[turn * stage.n_lanes + lane] & (1 << width) - 1) << lane * width
                for lane in range(stage.n_lanes)
            )
            for row in stage.starts
            for turn in range(stage.turns)
        ]
        whole = stage.n_lanes * width
        if n_words == 1:
            emit(f"wire {bus(whole)} start_{ripe} = {whole}'h{words[0]:x};")
            return
        address = class_width(n_words)
        emit(f"wire {bus(address)} at_0 = {self._place(address)};")
        for later in range(1, ripe):
            emit(f"reg {bus(address)} at_{later};")
            emit(f"always @(posedge aclk) if (advance) at_{later} <= at_{later - 1};")
        table(emit, f"start_{ripe}", words, whole, f"at_{ripe - 1}")

    def _place(self, width: int) -> str:
        stage = self.stage
        missing = width - class_width(stage.turns)
        turn = f"{{{missing}'d0, turn}}" if missing else "turn"
        if stage.n_classes == 1:
            return turn
        counter = stage.windowing.counter_width
        found = classes_of(stage.row_classes, stage.column_classes, stage.turns, (counter, width))
        return f"{found} + {turn}" if stage.turns > 1 else found

    def _sums(self) -> None:
        stage, emit, ripe, width = self.stage, self.emit, self.ripe, self.stage.sum_width
        for lane in range(stage.n_lanes):
            module = self.lanes[lane if len(self.lanes) > 1 else 0]
            own = stage.lanes[lane if len(stage.lanes) > 1 else 0].score_range.width
            values, word = self.memory.values(lane), self.memory.word(lane)
            emit(f"wire {bus(own)} count_{lane};")
            with emit.block(f"{module} u_lane_{lane} (", ");"):
                emit(f".aclk(aclk), .advance(advance), .values({values}),")
                emit(f".word({word}), .count(count_{lane})")
            start = f"start_{ripe}[{lane * width} +: {width}]"
            given = f"count_{lane}" + (bus(width) if width < own else "")
            if width > own:
                given = f"{{{self._above(lane, width - own)}, count_{lane}}}"
            begun = f"(first_{ripe} ? {start} : sum_{lane})" if stage.folds > 1 else start
            emit(f"reg {bus(width)} sum_{lane};")
            emit(f"always @(posedge aclk) if (advance) sum_{lane} <= {given} + {begun};")

    def _above(self, lane: int, n: int) -> str:
        """The bits above a count: its sign, where it has one."""
        span = self.stage.lanes[lane if len(self.stage.lanes) > 1 else 0].score_range
        return f"{{{n}{{count_{lane}[{span.width - 1}]}}}}" if span.signed else f"{n}'d0"

    def _outputs(self) -> None:
        """The outputs of one turn after the other; the last makes a beat of them."""
        stage, emit, done = self.stage, self.emit, self.ripe + 1
        width, out_width = stage.head_width * stage.n_lanes, stage.out_width
        heads = [self._head(lane) for lane in range(stage.n_lanes)]
        emit(f"wire {bus(width)} heads = {{{', '.join(reversed(heads))}}};")
        emit("reg out_valid;", f"reg {bus(out_width)} out_data;")
        emit("assign advance = m_axis_tready || !out_valid;")
        emit("assign m_axis_tvalid = out_valid;", f"assign m_axis_tdata = {self._ordered()};")
        with emit.block("always @(posedge aclk) begin", "end"):
            emit("if (!aresetn) out_valid <= 1'b0;")
            emit(f"else if (advance) out_valid <= valid_{done} && end_{done};")
        shifted = f"{{heads, out_data[{out_width - 1}:{width}]}}" if stage.turns > 1 else "heads"
        emit(f"always @(posedge aclk) if (advance && valid_{done}) out_data <= {shifted};")

    def _ordered(self) -> str:
        """The outputs of the layer in their order."""
        if not self.stage.order:
            return "out_data"
        width = self.stage.head_width
        heads = [f"out_data[{place * width} +: {width}]" for place in self.stage.places]
        return f"{{{', '.join(reversed(heads))}}}"

    def _head(self, lane: int) -> str:
        stage = self.stage
        if stage.scores is None:
            return f"sum_{lane}[{stage.sum_width - 1}]"
        return f"{{sum_{lane}, 1'b{stage.odd}}}" if stage.doubled else f"sum_{lane}"
