"""A streaming design as values: the stages from pixels or bits in to classes or sums out.

A stream carries one position of a map a beat, row by row, channel c of k bits at bits c*k and up.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from hwgen.cells import Range
from hwgen.errors import NetlistError
from hwgen.frames import Accumulate, Modulation
from hwgen.identifiers import identifiers
from hwgen.netlist import Linear, Netlist

COUNTER_WIDTH = 16


def counter_width(greatest: int) -> int:
    """Bits of a counter up to a number: sixteen, and more only where these do not hold it."""
    return max(COUNTER_WIDTH, greatest.bit_length())


@dataclass(frozen=True, slots=True)
class Windowing:
    """How windows lie in a map: sizes are (rows, columns), pads (top, left, bottom, right).

    pad: what one position of the padding holds, as the bits of a beat.
    """

    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    pad: int = 0

    @property
    def pointwise(self) -> bool:
        """Whether every position is a window by itself."""
        return self.kernel == (1, 1) and self.strides == (1, 1) and not any(self.pads)

    @property
    def padded(self) -> tuple[int, int]:
        """Rows and columns that a window walks over: the map and its padding."""
        top, left, bottom, right = self.pads
        return self.size[0] + top + bottom, self.size[1] + left + right

    @property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output map."""
        rows, columns = (
            (whole - window) // stride + 1
            for whole, window, stride in zip(self.padded, self.kernel, self.strides, strict=True)
        )
        return rows, columns

    @property
    def counter_width(self) -> int:
        """Bits of whatever counts rows or columns, a stride beyond the last one included."""
        steps = zip(self.padded, self.kernel, self.strides, strict=True)
        return counter_width(max(whole + window + stride for whole, window, stride in steps))


@dataclass(frozen=True, slots=True)
class Entry:
    """Raw pixels to multiplier * pixel + offset, which lies in the range `value`."""

    name: str
    channels: int
    raw: Range
    value: Range
    multiplier: int
    offset: int

    @property
    def in_width(self) -> int:
        return self.channels * self.raw.width

    @property
    def out_width(self) -> int:
        return self.channels * self.value.width


@dataclass(frozen=True, slots=True)
class Gate:
    """A bit of the window, inverted in the phases where `flips` has a 1 (bit p for phase p)."""

    place: int
    flips: int


@dataclass(frozen=True, slots=True)
class Folding:
    """A layer's bits in groups, one group a clock, all by the same netlist.

    Netlist input k is gates[k]. Output o comes in phase o // heads from head o % heads. A window of
    class c has class c * phases + p of the netlist in phase p.
    """

    phases: int
    gates: tuple[Gate, ...]
    n_outputs: int


@dataclass(frozen=True, slots=True)
class Compute:
    """Windows of a map through a netlist, pipelined.

    values: the range of one channel of one position. Netlist input (c * taps + t) is channel c at
    tap t. row_classes and column_classes: for each output row and column its class; the class of a
    window is row class * (column classes) + column class. per_stage: cells between registers.
    folding: where the netlist serves several outputs a head, in turn; values are bits then.
    """

    name: str
    windowing: Windowing
    channels: int
    values: Range
    netlist: Netlist
    row_classes: tuple[int, ...]
    column_classes: tuple[int, ...]
    per_stage: int
    folding: Folding | None = None

    def __post_init__(self) -> None:
        n_places = self.channels * prod(self.windowing.kernel)
        if self.folding is None and self.netlist.n_values != n_places:
            raise NetlistError(
                f"{self.name}: the netlist has {self.netlist.n_values} inputs for windows of "
                f"{self.channels} channels and {prod(self.windowing.kernel)} taps"
            )
        if self.folding is not None:
            self._check_folding(self.folding, n_places)
        if self.per_stage < 1:
            raise NetlistError(f"{self.name}: at least one cell stands between two registers")

    def _check_folding(self, folding: Folding, n_places: int) -> None:
        if self.netlist.n_values != len(folding.gates) or self.head_width != 1:
            raise NetlistError(
                f"{self.name}: a folded netlist reads {len(folding.gates)} gates and gives bits"
            )
        if any(not 0 <= gate.place < n_places for gate in folding.gates):
            raise NetlistError(f"{self.name}: a gate reads a bit that the window does not have")
        if not 0 < folding.n_outputs <= folding.phases * len(self.netlist.heads):
            raise NetlistError(
                f"{self.name}: {folding.phases} phases of {len(self.netlist.heads)} heads cannot "
                f"give {folding.n_outputs} outputs"
            )

    @property
    def in_width(self) -> int:
        return self.channels * self.values.width

    @property
    def head_width(self) -> int:
        scores = any(isinstance(head, Linear) for head in self.netlist.heads)
        return self.netlist.score_range.width if scores else 1

    @property
    def out_width(self) -> int:
        n = len(self.netlist.heads) if self.folding is None else self.folding.n_outputs
        return self.head_width * n


@dataclass(frozen=True, slots=True)
class Pool:
    """Any bit of each window, or all of them for the channels that `all_of` names."""

    name: str
    windowing: Windowing
    all_of: tuple[bool, ...]

    @property
    def in_width(self) -> int:
        return len(self.all_of)

    @property
    def out_width(self) -> int:
        return len(self.all_of)


@dataclass(frozen=True, slots=True)
class Gather:
    """All positions of a map into one beat."""

    name: str
    beats: int
    beat_width: int

    @property
    def in_width(self) -> int:
        return self.beat_width

    @property
    def out_width(self) -> int:
        return self.beats * self.beat_width

    @property
    def counter_width(self) -> int:
        return counter_width(self.beats)


@dataclass(frozen=True, slots=True)
class Decide:
    """The class of the greatest score. ranks: for each class the rank of each of its scores, from
    the least up, where the order is not that of the scores themselves."""

    name: str
    scores: Range
    n_classes: int
    ranks: tuple[tuple[int, ...], ...] | None = None

    @property
    def in_width(self) -> int:
        return self.n_classes * self.scores.width

    @property
    def out_width(self) -> int:
        return max(1, (self.n_classes - 1).bit_length())


Stage = Entry | Modulation | Compute | Pool | Gather | Accumulate | Decide


@dataclass(frozen=True)
class Design:
    """The stages of a network, or of a part of it, in order. beats_in, beats_out: for one image."""

    name: str
    stages: tuple[Stage, ...]
    beats_in: int
    beats_out: int

    def __post_init__(self) -> None:
        if not self.stages:
            raise NetlistError(f"{self.name}: a design has at least one stage")
        for above, below in zip(self.stages, self.stages[1:], strict=False):
            if above.out_width != below.in_width:
                raise NetlistError(
                    f"{above.name} gives {above.out_width} bits and {below.name} "
                    f"takes {below.in_width}"
                )

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The module of each stage, and the top's."""
        return identifiers([*(stage.name for stage in self.stages), self.name])

    @property
    def top(self) -> str:
        return self.modules[-1]
