"""The class of the greatest score: comparisons in pairs, registers between their levels."""

from dataclasses import dataclass

from hwgen.cells import Range
from hwgen.emitter import Emitter, bus, constant
from hwgen.errors import NetlistError
from hwgen.stream import stream_ports


@dataclass(frozen=True, slots=True)
class Ranks:
    """The order of scores that a scale changes: rows[c][score // step - first] for class c.

    step: 2 where each class has scores of one parity only, so that the lowest bit tells nothing.
    """

    step: int
    first: int
    rows: tuple[tuple[int, ...], ...]

    @property
    def width(self) -> int:
        return max(1, max(map(max, self.rows)).bit_length())


@dataclass(frozen=True, slots=True)
class Decide:
    """The class of the greatest score. ranks: where the order is not that of the scores.

    in_turn: a class a clock, for images that come no faster than that.
    """

    name: str
    scores: Range
    n_classes: int
    ranks: Ranks | None = None
    in_turn: bool = False

    def __post_init__(self) -> None:
        if self.in_turn and self.n_classes < 2:
            raise NetlistError(f"{self.name}: one class has no turns")

    @property
    def in_width(self) -> int:
        return self.n_classes * self.scores.width

    @property
    def out_width(self) -> int:
        return max(1, (self.n_classes - 1).bit_length())

    @property
    def n_levels(self) -> int:
        """Registers in a row: of ranks, and of each level of comparisons, or of all classes."""
        if self.in_turn:
            return self.n_classes + 2
        return max(1, (self.n_classes - 1).bit_length()) + (self.ranks is not None)


def decide_module(stage: Decide, module: str) -> str:
    """All stages move together; of equal scores the first class is taken."""
    emit = Emitter()
    emit.comment(f"{stage.name}: the class of the greatest score, the first of equals.")
    with emit.module(module, stream_ports(stage.in_width, stage.out_width)):
        emit(f"reg {bus(stage.n_levels)} valid;")
        last = f"valid[{stage.n_levels - 1}]"
        emit(f"wire advance = m_axis_tready || !{last};")
        emit("assign s_axis_tready = advance;", f"assign m_axis_tvalid = {last};")
        _valid_bits(emit, stage.n_levels)
        keys = (
            keys_of(stage, "s_axis_tdata")
            if stage.ranks is None
            else _ranked(emit, stage, stage.ranks)
        )
        width = stage.scores.width if stage.ranks is None else stage.ranks.width
        if stage.n_classes == 1:
            emit("wire unused = &{1'b0, s_axis_tdata};  // there is no choice")
        found = _tournament(emit, keys, width, stage.out_width)
        emit(f"assign m_axis_tdata = {found};")
    return str(emit)


def _valid_bits(emit: Emitter, n_levels: int) -> None:
    with emit.block("always @(posedge aclk) begin", "end"):
        emit(f"if (!aresetn) valid <= {constant(0, n_levels)};")
        later = f"{{valid[{n_levels - 2}:0], s_axis_tvalid}}" if n_levels > 1 else "s_axis_tvalid"
        emit(f"else if (advance) valid <= {later};")


def keys_of(stage: Decide, beat: str) -> list[str]:
    """The scores as unsigned numbers: with its sign bit inverted, a signed one compares as one."""
    width, keys = stage.scores.width, []
    for place in range(0, stage.n_classes * width, width):
        key, top = f"{beat}[{place} +: {width}]", f"{beat}[{place + width - 1}]"
        if stage.scores.signed:
            rest = f", {beat}[{place} +: {width - 1}]" if width > 1 else ""
            key = f"{{~{top}{rest}}}"
        keys.append(key)
    return keys


def _ranked(emit: Emitter, stage: Decide, ranks: Ranks) -> list[str]:
    """A table for each class, with a register behind it: the rank of its score among all."""
    bits, width = stage.scores.width, ranks.width
    index = bits - (ranks.step == 2)
    for place, row in enumerate(ranks.rows):
        emit(f"reg {bus(width)} rank_{place};")
        where = f"s_axis_tdata[{place * bits + bits - index} +: {index}]"
        with (
            emit.block("always @(posedge aclk) if (advance) begin", "end"),
            emit.block(f"case ({where})", "endcase"),
        ):
            for number, rank in enumerate(row, start=ranks.first):
                emit(f"{constant(number, index)}: rank_{place} <= {constant(rank, width)};")
            emit(f"default: rank_{place} <= {constant(0, width)};")
    if ranks.step == 2:
        lowest = ", ".join(f"s_axis_tdata[{place * bits}]" for place in range(stage.n_classes))
        emit(f"wire unused = &{{1'b0, {lowest}}};  // the same in all scores of a class")
    return [f"rank_{place}" for place in range(stage.n_classes)]


def _tournament(emit: Emitter, keys: list[str], width: int, index: int) -> str:
    """The place of the greatest key; of a last level the key is not kept."""
    level, places = 0, [constant(place, index) for place in range(len(keys))]
    while level == 0 or len(keys) > 1:
        n, final = (len(keys) + 1) // 2, len(keys) <= 2
        for pair in range(n):
            first, second = 2 * pair, min(2 * pair + 1, len(keys) - 1)
            name = f"{level}_{pair}"
            later = f"later_{name}"
            greater = f"{keys[second]} > {keys[first]}" if second > first else "1'b0"
            emit(f"wire {later} = {greater};", f"reg {bus(index)} place_{name};")
            moves = [f"place_{name} <= {later} ? {places[second]} : {places[first]};"]
            if not final:
                emit(f"reg {bus(width)} key_{name};")
                moves.append(f"key_{name} <= {later} ? {keys[second]} : {keys[first]};")
            with emit.block("always @(posedge aclk) if (advance) begin", "end"):
                emit(*moves)
        keys, places = (
            [f"key_{level}_{p}" for p in range(n)],
            [f"place_{level}_{p}" for p in range(n)],
        )
        level += 1
    return places[0]
