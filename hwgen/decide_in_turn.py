"""The class of the greatest score, one class a clock: one comparison, and one table of ranks.

A beat of scores is kept while its classes pass by: a key is read, ranked where ranks are needed,
and compared with the greatest before it. All that has passed waits where the answer waits.
"""

from hwgen.decide import Decide, Ranks, keys_of
from hwgen.emitter import Emitter, bus, constant
from hwgen.sources import BLOCK
from hwgen.stream import stream_ports


def in_turn_module(stage: Decide, module: str) -> str:
    """Of equal scores the first class is taken."""
    emit = Emitter()
    emit.comment(f"{stage.name}: the class of the greatest score, a class a clock.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        _walk(emit, stage)
        key = _chosen(emit, keys_of(stage, "scores"), stage.scores.width)
        width = _ranked(emit, stage, stage.ranks, key) if stage.ranks else _plain(emit, stage, key)
        emit(f"reg {bus(width)} greatest;")
        greater = "first_1 || key_1 > greatest"
        with emit.block(
            f"always @(posedge aclk) if (advance && valid_1 && ({greater})) begin", "end"
        ):
            emit("greatest <= key_1;", "place <= turn_1;")
    return str(emit)


def _walk(emit: Emitter, stage: Decide) -> None:
    """The turn, one stage on what it was, and the beat that it reads."""
    index, last = stage.out_width, stage.n_classes - 1
    width = stage.in_width
    emit("reg counting, valid_1, first_1, last_1, done;")
    emit(f"reg {bus(index)} turn, turn_1, place;", f"reg {bus(width)} scores;")
    emit(f"wire turn_last = turn == {constant(last, index)};")
    emit("wire advance = m_axis_tready || !done;")
    emit("assign s_axis_tready = advance && (!counting || turn_last);")
    emit("assign m_axis_tvalid = done, m_axis_tdata = place;")
    emit("always @(posedge aclk) if (s_axis_tready) scores <= s_axis_tdata;")
    with emit.block("always @(posedge aclk) begin", "end"):
        with emit.block("if (!aresetn) begin", "end else if (advance) begin"):
            emit("counting <= 1'b0;", "valid_1 <= 1'b0;", "done <= 1'b0;")
        with emit.block("", "end"):
            emit("counting <= s_axis_tready ? s_axis_tvalid : counting;")
            emit("valid_1 <= counting;", "done <= valid_1 && last_1;")
    zero, one = constant(0, index), constant(1, index)
    with emit.block("always @(posedge aclk) if (advance) begin", "end"):
        emit(f"turn <= s_axis_tready ? {zero} : turn + {one};", "turn_1 <= turn;")
        emit(f"first_1 <= turn == {zero};", "last_1 <= turn_last;")


def _chosen(emit: Emitter, keys: list[str], width: int) -> str:
    """The key of the turn, a choice by each of its bits."""
    level = 0
    while len(keys) > 1:
        chosen = []
        for place in range(0, len(keys), 2):
            name, pair = f"of_{level}_{place // 2}", keys[place : place + 2]
            text = f"turn[{level}] ? {pair[1]} : {pair[0]}" if len(pair) == 2 else pair[0]
            emit(f"wire {bus(width)} {name} = {text};")
            chosen.append(name)
        keys, level = chosen, level + 1
    return keys[0]


def _plain(emit: Emitter, stage: Decide, key: str) -> int:
    width = stage.scores.width
    emit(f"reg {bus(width)} key_1;", f"always @(posedge aclk) if (advance) key_1 <= {key};")
    return width


def _ranked(emit: Emitter, stage: Decide, ranks: Ranks, key: str) -> int:
    """A memory of the ranks of all classes, which class and score read."""
    bits, half = stage.scores.width, ranks.step == 2
    index, width = bits - half, ranks.width
    size, offset = stage.n_classes << index, 1 << bits - 1 if stage.scores.signed else 0
    emit(f"{BLOCK} reg {bus(width)} ranks [0:{size - 1}];")
    for place, row in enumerate(ranks.rows):
        with emit.block("initial begin", "end"):
            for number, rank in enumerate(row, start=ranks.first):
                where = (place << index) + number + offset // ranks.step
                emit(f"ranks[{where}] = {constant(rank, width)};")
    emit(f"reg {bus(width)} key_1;")
    emit(f"wire {bus(stage.out_width + index)} at = {{turn, {key}[{bits - 1}:{bits - index}]}};")
    emit("always @(posedge aclk) if (advance) key_1 <= ranks[at];")
    if half:
        emit(f"wire unused = &{{1'b0, {key}[0]}};  // the same in all scores of a class")
    return width
