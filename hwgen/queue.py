"""Beats that wait between two stages, where one path of a network is longer than another."""

from dataclasses import dataclass

from hwgen.emitter import Emitter, bus, constant
from hwgen.errors import NetlistError
from hwgen.kept import fifo, fifo_index, in_block
from hwgen.stream import class_width, stream_ports


@dataclass(frozen=True, slots=True)
class Queue:
    """Keeps at least `depth` beats, in LUTs up to 64 words of memory, else in block RAM.

    words: of memory for a beat, which pass one a clock; memory is as many times narrower.
    """

    name: str
    width: int
    depth: int
    words: int = 1

    def __post_init__(self) -> None:
        if min(self.width, self.depth, self.words) < 1 or self.words > self.width:
            raise NetlistError(f"{self.name}: a queue keeps a beat of a bit, at least")

    @property
    def word_width(self) -> int:
        return -(-self.width // self.words)

    @property
    def index(self) -> int:
        """Bits of a place in memory."""
        return fifo_index(self.depth * self.words)

    @property
    def block(self) -> bool:
        return in_block(self.depth * self.words)

    @property
    def in_width(self) -> int:
        return self.width

    @property
    def out_width(self) -> int:
        return self.width


def queue_module(stage: Queue, module: str) -> str:
    emit = Emitter()
    emit.comment(f"{stage.name}: {(1 << stage.index) // stage.words} beats wait.")
    with emit.module(module, stream_ports(stage.width, stage.width)):
        if stage.words == 1:
            fifo(emit, stage.depth, stage.width, "s_axis", "m_axis")
        else:
            _word_by_word(emit, stage)
    return str(emit)


def _word_by_word(emit: Emitter, stage: Queue) -> None:
    """A beat is kept while its words enter the memory, and put together behind it."""
    width, whole = stage.word_width, stage.word_width * stage.words
    counter = class_width(stage.words)
    zero, one, last = (constant(n, counter) for n in (0, 1, stage.words - 1))
    emit(f"reg {bus(whole)} beat, made;", f"reg {bus(counter)} place, came;", "reg full;")
    for name, kind in (("word", "reg"), ("out", "wire")):
        emit(f"{kind} {name}_tvalid;", f"wire {name}_tready;", f"wire {bus(width)} {name}_tdata;")
    emit("wire sends = word_tvalid && word_tready;", "wire takes = out_tvalid && out_tready;")
    emit(f"assign word_tdata = beat[place * {width} +: {width}];")
    emit(f"assign s_axis_tready = !word_tvalid || (sends && place == {last});")
    emit("assign out_tready = !full || m_axis_tready;", "assign m_axis_tvalid = full;")
    emit(f"assign m_axis_tdata = made{bus(stage.width)};")
    padding = f"{{{whole - stage.width}'d0, s_axis_tdata}}"
    taken = padding if whole > stage.width else "s_axis_tdata"
    with emit.block("always @(posedge aclk) begin", "end"):
        emit(f"if (s_axis_tready) beat <= {taken};")
        emit(f"if (takes) made <= {{out_tdata, made[{whole - 1}:{width}]}};")
        with emit.block("if (!aresetn) begin", "end else begin"):
            emit("word_tvalid <= 1'b0;", "full <= 1'b0;", f"place <= {zero};", f"came <= {zero};")
        with emit.block("", "end"):
            emit("if (s_axis_tready) word_tvalid <= s_axis_tvalid;")
            emit(f"if (sends) place <= place == {last} ? {zero} : place + {one};")
            emit(f"if (takes) came <= came == {last} ? {zero} : came + {one};")
            emit(f"if (takes) full <= came == {last};", "else if (m_axis_tready) full <= 1'b0;")
    fifo(emit, stage.depth * stage.words, width, "word", "out")
