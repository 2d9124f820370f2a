"""What keeps the beats of a map in front of a stage that takes several clocks for a window."""

from hwgen.emitter import Emitter, bus

MOST_DISTRIBUTED = 64  # beats of a fifo in LUTs


def fifo_index(beats: int) -> int:
    """Bits of a place in a fifo of at least so many beats."""
    return max(1, (beats - 1).bit_length())


def kept(emit: Emitter, beats: int, width: int) -> str:
    """The stream behind what waits: beats of a map, or the one beat of a dense layer."""
    kind = "reg" if beats == 1 else "wire"
    emit(f"{kind} kept_tvalid;", f"{kind} {bus(width)} kept_tdata;", "wire kept_tready;")
    if beats == 1:
        emit("assign s_axis_tready = !kept_tvalid || kept_tready;")
        with emit.block("always @(posedge aclk) begin", "end"):
            emit("if (s_axis_tready) kept_tdata <= s_axis_tdata;")
            emit("if (!aresetn) kept_tvalid <= 1'b0;")
            emit("else if (s_axis_tready) kept_tvalid <= s_axis_tvalid;")
        return "kept"
    fifo(emit, beats, width, "s_axis", "kept")
    return "kept"


def in_block(beats: int) -> bool:
    """Whether a fifo of at least so many beats is a block RAM."""
    return 1 << fifo_index(beats) > MOST_DISTRIBUTED


def fifo(emit: Emitter, beats: int, width: int, before: str, behind: str) -> None:
    """An instance of rtl/fifo.v between two streams by their names."""
    settings = f".WIDTH({width}), .INDEX({fifo_index(beats)}), .BLOCK({int(in_block(beats))})"
    with emit.block(f"fifo #({settings}) u_fifo (", ");"):
        emit(".clk(aclk), .rst(!aresetn),")
        emit(f".s_valid({before}_tvalid), .s_ready({before}_tready), .s_data({before}_tdata),")
        emit(f".m_valid({behind}_tvalid), .m_ready({behind}_tready), .m_data({behind}_tdata)")
