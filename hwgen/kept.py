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
    index = fifo_index(beats)
    block = int(1 << index > MOST_DISTRIBUTED)
    settings = f".WIDTH({width}), .INDEX({index}), .BLOCK({block})"
    with emit.block(f"fifo #({settings}) u_fifo (", ");"):
        emit(".clk(aclk), .rst(!aresetn),")
        emit(".s_valid(s_axis_tvalid), .s_ready(s_axis_tready), .s_data(s_axis_tdata),")
        emit(".m_valid(kept_tvalid), .m_ready(kept_tready), .m_data(kept_tdata)")
    return "kept"
