"""A layer in turns as Verilog: the phase of what is in each stage, and outputs phase by phase."""

from hwgen.design import Folding, Gate
from hwgen.emitter import Emitter, bus, constant
from hwgen.stream import class_width, registered_end


def in_phases(emit: Emitter, folding: Folding, n_stages: int, places: list[str]) -> list[str]:
    """phase_k, the turn of what is in stage k; a window is taken with its last. The gates' places.

    Each gate is a bit of the window, inverted in its phases, or 1 in them.
    """
    width, last = class_width(folding.phases), folding.phases - 1
    emit(f"reg {bus(width)} phase_0;")
    final, first, step = (constant(value, width) for value in (last, 0, 1))
    emit(f"assign take = advance && phase_0 == {final};")
    with emit.block("always @(posedge aclk) begin", "end"):
        emit(f"if (!aresetn) phase_0 <= {first};")
        emit("else if (advance && window_valid)")
        emit(f"  phase_0 <= phase_0 == {final} ? {first} : phase_0 + {step};")
    for later in range(1, n_stages):
        emit(f"reg {bus(width)} phase_{later};")
        emit(f"always @(posedge aclk) if (advance) phase_{later} <= phase_{later - 1};")
    for flips in sorted({gate.flips for gate in folding.gates if gate.flips}):
        turns = [
            f"phase_0 == {constant(p, width)}" for p in range(folding.phases) if flips >> p & 1
        ]
        emit(f"wire flip_{flips} = {' || '.join(turns)};")
    return [_gate(gate, places) for gate in folding.gates]


def _gate(gate: Gate, places: list[str]) -> str:
    flip = f"flip_{gate.flips}"
    if gate.place is None:
        return flip
    return f"{places[gate.place]} ^ {flip}" if gate.flips else places[gate.place]


def gathered(emit: Emitter, folding: Folding, n_stages: int, n_heads: int) -> None:
    """As `control`, the outputs of each phase going to their place; the last makes them valid."""
    width, phase = class_width(folding.phases), f"phase_{n_stages - 1}"
    registered_end(
        emit, n_stages, folding.n_outputs, f" && {phase} == {constant(folding.phases - 1, width)}"
    )
    with emit.block("always @(posedge aclk) if (advance) begin", "end"):
        for turn in range(folding.phases):
            first = turn * n_heads
            size = min(n_heads, folding.n_outputs - first)
            if size > 0:
                where, taken = f"out_data[{first} +: {size}]", f"outputs[0 +: {size}]"
                emit(f"if ({phase} == {constant(turn, width)}) {where} <= {taken};")
