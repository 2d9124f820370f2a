"""A stage that joins streams: a beat of each through one netlist, position by position."""

from dataclasses import dataclass

from hwgen.cells import Range
from hwgen.datapath import Datapath, Schedule
from hwgen.emitter import Emitter, bus
from hwgen.errors import NetlistError
from hwgen.netlist import Linear, Netlist
from hwgen.stream import clocked_ports, control, sink_ports, source_ports


@dataclass(frozen=True, slots=True)
class Lanes:
    """The values of a beat: so many of one range."""

    n: int
    values: Range

    @property
    def width(self) -> int:
        return self.n * self.values.width


@dataclass(frozen=True, slots=True)
class Pointwise:
    """given: what a beat of each stream holds; the netlist reads all values, stream by stream.

    per_stage: cells between registers.
    """

    name: str
    given: tuple[Lanes, ...]
    netlist: Netlist
    per_stage: int

    def __post_init__(self) -> None:
        ranges = tuple(lanes.values for lanes in self.given for _ in range(lanes.n))
        if not self.given or self.netlist.ranges[: self.netlist.n_inputs] != ranges:
            raise NetlistError(f"{self.name}: the netlist reads the values of its streams")
        if self.netlist.n_classes > 1 or self.netlist.reads_class or self.per_stage < 1:
            raise NetlistError(f"{self.name}: positions have no classes, and stages have cells")

    @property
    def in_widths(self) -> tuple[int, ...]:
        return tuple(lanes.width for lanes in self.given)

    @property
    def head_width(self) -> int:
        scores = any(isinstance(head, Linear) for head in self.netlist.heads)
        return self.netlist.score_range.width if scores else 1

    @property
    def out_width(self) -> int:
        return self.head_width * len(self.netlist.heads)

    @property
    def sides(self) -> tuple[str, ...]:
        """The name of each stream that it reads, in its ports."""
        if len(self.given) == 1:
            return ("s_axis",)
        return tuple(f"s{place}_axis" for place in range(len(self.given)))


def pointwise_module(stage: Pointwise, module: str) -> str:
    emit, schedule = Emitter(), Schedule(stage.netlist, stage.per_stage)
    emit.comment(
        f"{stage.name}: {len(stage.netlist.heads)} values of {len(stage.given)} streams; "
        f"{schedule.n_stages} pipeline stages."
    )
    emit(
        "/* verilator lint_off UNUSED */  // values of no weight, and bits that exact ranges spare"
    )
    ports = clocked_ports()
    for side, width in zip(stage.sides, stage.in_widths, strict=True):
        ports += sink_ports(side, width)
    with emit.module(module, [*ports, *source_ports(stage.out_width)]):
        joined(emit, stage.sides)
        path = Datapath(emit, stage.netlist, schedule)
        path.input_nets(places(stage))
        path.cells()
        path.registers("advance", "!aresetn")
        emit(f"wire {bus(stage.out_width)} outputs;")
        path.heads("outputs", stage.head_width, "unused")
        control(emit, schedule.n_stages, stage.out_width)
    return str(emit)


def joined(emit: Emitter, sides: tuple[str, ...]) -> None:
    """`window_valid`: a beat of each stream is there; all are taken at once."""
    emit("wire advance;")
    emit(f"wire window_valid = {' && '.join(f'{side}_tvalid' for side in sides)};")
    ready = "advance" if len(sides) == 1 else "advance && window_valid"
    emit(*(f"assign {side}_tready = {ready};" for side in sides))


def places(stage: Pointwise) -> list[str]:
    """Where each value stands."""
    return [
        f"{side}_tdata[{place * lanes.values.width} +: {lanes.values.width}]"
        for side, lanes in zip(stage.sides, stage.given, strict=True)
        for place in range(lanes.n)
    ]
