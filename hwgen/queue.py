"""Beats that wait between two stages, where one path of a network is longer than another."""

from dataclasses import dataclass

from hwgen.emitter import Emitter
from hwgen.errors import NetlistError
from hwgen.kept import MOST_DISTRIBUTED, fifo_index
from hwgen.stream import stream_ports


@dataclass(frozen=True, slots=True)
class Queue:
    """Keeps at least `depth` beats, in LUTs up to 64 of them, else in block RAM."""

    name: str
    width: int
    depth: int

    def __post_init__(self) -> None:
        if min(self.width, self.depth) < 1:
            raise NetlistError(f"{self.name}: a queue keeps a beat of a bit, at least")

    @property
    def index(self) -> int:
        """Bits of a place."""
        return fifo_index(self.depth)

    @property
    def block(self) -> bool:
        return 1 << self.index > MOST_DISTRIBUTED

    @property
    def in_width(self) -> int:
        return self.width

    @property
    def out_width(self) -> int:
        return self.width


def queue_module(stage: Queue, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: {1 << stage.index} beats wait.")
    with emit.module(module, stream_ports(stage.width, stage.width)):
        settings = f".WIDTH({stage.width}), .INDEX({stage.index}), .BLOCK({int(stage.block)})"
        with emit.block(f"fifo #({settings}) u_fifo (", ");"):
            emit(".clk(aclk), .rst(!aresetn),")
            emit(".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata),")
            emit(".m_valid(m_axis_tvalid), .m_ready(m_axis_tready), .m_data(m_axis_tdata)")
    return str(emit)
