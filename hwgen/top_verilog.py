"""The top of a design: an instance of each stage, the streams between them, and their forks.

Stream k is that of the stage at place k: wires valid_k, ready_k and data_k. Where several stages
read it, bit r of valid_k_to and of ready_k_to is for reader r.
"""

from hwgen.design import GIVEN, Design
from hwgen.emitter import Emitter, bus
from hwgen.identifiers import FORK
from hwgen.pointwise import Pointwise
from hwgen.stream import stream_ports

PARTS = ("valid", "ready", "data")


def has_forks(design: Design) -> bool:
    return any(len(design.readers(place)) > 1 for place in range(GIVEN, len(design.stages)))


def top_module(design: Design) -> str:
    """The stages and what joins them."""
    emit = Emitter()
    stages = design.stages
    emit.comment(f"{design.name}: {', '.join(stage.name for stage in stages)}.")
    emit.comment(f"{design.beats_in} beats in and {design.beats_out} out for each image.")
    with emit.module(design.top, stream_ports(design.in_width, design.out_width)):
        for place, stage in enumerate(stages[:-1]):
            emit(f"wire valid_{place}, ready_{place};")
            emit(f"wire {bus(stage.out_width)} data_{place};")
        for place in range(GIVEN, len(stages)):
            _fork(emit, design, place)
        for place in range(len(stages)):
            _instance(emit, design, place)
    return str(emit)


def _fork(emit: Emitter, design: Design, place: int) -> None:
    n = len(design.readers(place))
    if n < 2:
        return
    valid, ready, _ = _stream(place)
    name = _name(place)
    emit(f"wire {bus(n)} valid_{name}_to, ready_{name}_to;")
    with emit.block(f"{FORK} #(.N({n})) u_{FORK}_{name} (", ");"):
        emit(f".clk(aclk), .rst(!aresetn), .s_valid({valid}), .s_ready({ready}),")
        emit(f".m_valid(valid_{name}_to), .m_ready(ready_{name}_to)")


def _name(place: int) -> str:
    return "given" if place == GIVEN else str(place)


def _stream(place: int) -> tuple[str, ...]:
    """Its valid, ready and data, before it forks."""
    if place == GIVEN:
        return tuple(f"s_axis_t{what}" for what in PARTS)
    return tuple(f"{what}_{place}" for what in PARTS)


def _read(design: Design, reader: int, port: int) -> tuple[str, ...]:
    """The wires of one of the streams that a stage reads."""
    source = design.links[reader][port]
    readers, wires = design.readers(source), _stream(source)
    if len(readers) == 1:
        return wires
    way = readers.index((reader, port))
    return f"valid_{_name(source)}_to[{way}]", f"ready_{_name(source)}_to[{way}]", wires[2]


def _instance(emit: Emitter, design: Design, place: int) -> None:
    stage, module = design.stages[place], design.modules[place]
    names = stage.sides if isinstance(stage, Pointwise) else ("s_axis",)
    sides = [(name, _read(design, place, port)) for port, name in enumerate(names)]
    is_last = place == len(design.stages) - 1
    made = tuple(f"m_axis_t{what}" for what in PARTS) if is_last else _stream(place)
    with emit.block(f"{module} u_{module} (", ");"):
        emit(".aclk(aclk), .aresetn(aresetn),")
        for side, wires in [*sides, ("m_axis", made)]:
            ports = [f".{side}_t{what}({wire})" for what, wire in zip(PARTS, wires, strict=True)]
            emit(", ".join(ports) + ("," if side != "m_axis" else ""))
