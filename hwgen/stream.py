"""What the stages of a design share: ports, windows, counters and the register at the end."""

from hwgen.emitter import Emitter, bus, constant
from hwgen.windowing import Windowing


def stream_ports(in_width: int, out_width: int) -> list[str]:
    return [*clocked_ports(), *sink_ports("s_axis", in_width), *source_ports(out_width)]


def clocked_ports() -> list[str]:
    return ["input  wire aclk", "input  wire aresetn"]


def sink_ports(side: str, width: int) -> list[str]:
    """Of a stream that is read."""
    return [
        f"input  wire {side}_tvalid",
        f"output wire {side}_tready",
        f"input  wire {bus(width)} {side}_tdata",
    ]


def source_ports(width: int) -> list[str]:
    """Of the stream that is given."""
    return [
        "output wire m_axis_tvalid",
        "input  wire m_axis_tready",
        f"output wire {bus(width)} m_axis_tdata",
    ]


def windows(emit: Emitter, windowing: Windowing, width: int, source: str = "s_axis") -> None:
    """Wires window, window_valid, row and column; `take` takes a window, `advance` moves stages.

    source: the stream that is read.
    """
    taps = windowing.kernel[0] * windowing.kernel[1]
    emit("wire advance, take;", "wire window_valid;", f"wire {bus(taps * width)} window;")
    counter = windowing.counter_width
    emit(f"wire {bus(counter)} row, column;")
    if windowing.pointwise:
        zero = constant(0, counter)
        emit(f"assign window = {source}_tdata;", f"assign window_valid = {source}_tvalid;")
        emit(f"assign {source}_tready = take;", f"assign row = {zero}, column = {zero};")
        return
    settings = {
        "ROWS": windowing.size[0],
        "COLUMNS": windowing.size[1],
        "KH": windowing.kernel[0],
        "KW": windowing.kernel[1],
        "SH": windowing.strides[0],
        "SW": windowing.strides[1],
        "TOP": windowing.pads[0],
        "LEFT": windowing.pads[1],
        "BOTTOM": windowing.pads[2],
        "RIGHT": windowing.pads[3],
    }
    with emit.block("window #(", ") u_window ("):
        emit(f"{count(counter)}.WIDTH({width}),")
        emit(*(f".{name}({constant(value, counter)})," for name, value in settings.items()))
        emit(f".PAD({mask(windowing.pad, width)})")
    with emit.block("", ");"):
        emit(".clk(aclk), .rst(!aresetn),")
        given = (f".s_{what}({source}_t{what})" for what in ("valid", "ready", "data"))
        emit(f"{', '.join(given)},")
        emit(".m_valid(window_valid), .m_ready(take), .m_data(window),")
        emit(".m_row(row), .m_column(column)")


def count(width: int) -> str:
    """The parameter COUNT of a module that counts."""
    return f".COUNT({width}), "


def mask(value: int, width: int) -> str:
    """A sized literal in hexadecimal, of bits side by side."""
    constant(value, width)
    return f"{width}'h{value:x}"


def class_width(n_classes: int) -> int:
    return max(1, (n_classes - 1).bit_length())


def control(emit: Emitter, n_stages: int, out_width: int) -> None:
    """Valid bits beside the stages, and the register at the end; all wait together."""
    registered_end(emit, n_stages, out_width, "")
    emit("always @(posedge aclk) if (advance) out_data <= outputs;")


def registered_end(emit: Emitter, n_stages: int, out_width: int, ripe: str) -> None:
    """The valid bits, and the stream out; `ripe` is what makes a valid last stage an output."""
    emit("reg out_valid;", f"reg {bus(out_width)} out_data;")
    emit("assign advance = m_axis_tready || !out_valid;")
    emit("assign m_axis_tvalid = out_valid;", "assign m_axis_tdata = out_data;")
    for stage in range(1, n_stages):
        emit(f"reg valid_{stage};")
    valid = ["window_valid", *(f"valid_{stage}" for stage in range(1, n_stages))]
    with emit.block("always @(posedge aclk) begin", "end"):
        with emit.block("if (!aresetn) begin", "end else if (advance) begin"):
            emit("out_valid <= 1'b0;", *(f"{name} <= 1'b0;" for name in valid[1:]))
        with emit.block("", "end"):
            emit(*(f"{now} <= {then};" for then, now in zip(valid, valid[1:], strict=False)))
            emit(f"out_valid <= {valid[-1]}{ripe};")


def classes_of(
    rows: tuple[int, ...], columns: tuple[int, ...], phases: int, widths: tuple[int, int]
) -> str:
    """The class of the window, times `phases`, by where it hangs over the border.

    rows, columns: the class of each. widths: bits of a place, and of the result.
    """
    n_columns = max(columns) + 1
    row = _by_place("row", rows, n_columns * phases, widths)
    return f"{row} + {_by_place('column', columns, phases, widths)}"


def _by_place(name: str, classes: tuple[int, ...], factor: int, widths: tuple[int, int]) -> str:
    """A chain of choices, the most usual class last."""
    counter, width = widths
    usual = max(classes, key=classes.count)
    text = constant(usual * factor, width)
    for place, found in enumerate(classes):
        if found != usual:
            test = f"{name} == {constant(place, counter)}"
            text = f"({test}) ? {constant(found * factor, width)} : {text}"
    return f"({text})"
