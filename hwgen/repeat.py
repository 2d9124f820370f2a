"""One beat for many: what a whole map reads at each of its positions."""

from dataclasses import dataclass

from hwgen.emitter import Emitter, bus, constant
from hwgen.errors import NetlistError
from hwgen.stream import stream_ports
from hwgen.windowing import counter_width


@dataclass(frozen=True, slots=True)
class Repeat:
    """Gives each beat `times` times, and takes it with the last of them."""

    name: str
    width: int
    times: int

    def __post_init__(self) -> None:
        if min(self.width, self.times) < 1:
            raise NetlistError(f"{self.name}: a beat of a bit is given once, at least")

    @property
    def in_width(self) -> int:
        return self.width

    @property
    def out_width(self) -> int:
        return self.width


def repeat_module(stage: Repeat, module: str) -> str:
    emit, width = Emitter(), counter_width(stage.times)
    zero, one, last = (constant(n, width) for n in (0, 1, stage.times - 1))
    emit.comment(f"{stage.name}: each beat {stage.times} times.")
    with emit.module(module, stream_ports(stage.width, stage.width)):
        emit(f"reg {bus(width)} given;", f"wire last = given == {last};")
        emit("assign m_axis_tvalid = s_axis_tvalid, m_axis_tdata = s_axis_tdata;")
        emit("assign s_axis_tready = m_axis_tready && last;")
        with emit.block("always @(posedge aclk) begin", "end"):
            emit(f"if (!aresetn) given <= {zero};")
            passes = "s_axis_tvalid && m_axis_tready"
            emit(f"else if ({passes}) given <= last ? {zero} : given + {one};")
    return str(emit)
