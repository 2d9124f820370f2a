"""Beats that wait between two stages, where one path of a network is longer than another."""

from dataclasses import dataclass

from hwgen.emitter import Emitter
from hwgen.errors import NetlistError
from hwgen.kept import fifo, fifo_index, in_block
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
        return in_block(self.depth)

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
        fifo(emit, stage.depth, stage.width, "m_axis")
    return str(emit)
