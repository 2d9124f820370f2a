"""A streaming design as values: the stages from pixels or bits in to classes or sums out.

A stream carries one position of a map a beat, row by row, channel c of k bits at bits c*k and up.
Each stage reads one stream or several, and gives one, which several stages may read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from hwgen.cells import Range
from hwgen.decide import Decide
from hwgen.errors import NetlistError
from hwgen.frames import Accumulate, Modulation
from hwgen.identifiers import identifiers
from hwgen.matrix_vector import MatrixVector
from hwgen.netlist import Netlist
from hwgen.pointwise import Pointwise
from hwgen.queue import Queue
from hwgen.repeat import Repeat
from hwgen.windowing import Windowing, counter_width


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
    """A bit of the window, inverted in the phases where `flips` has a 1 (bit p for phase p).

    place None: what would invert it, 1 in these phases.
    """

    place: int | None
    flips: int

    def value(self, window: Sequence[int], phase: int) -> int:
        bit = 0 if self.place is None else window[self.place]
        return bit ^ (self.flips >> phase & 1)


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
        read = (gate.place for gate in folding.gates if gate.place is not None)
        if any(not 0 <= place < n_places for place in read):
            raise NetlistError(f"{self.name}: a gate reads a bit that the window does not have")
        if not 0 < folding.n_outputs <= folding.phases * len(self.netlist.heads):
            raise NetlistError(
                f"{self.name}: {folding.phases} phases of {len(self.netlist.heads)} heads cannot "
                f"give {folding.n_outputs} outputs"
            )

    @property
    def kept(self) -> int:
        """Positions that wait in the stage while a window has its turns: those of a map."""
        return prod(self.windowing.size) if self.folding else 0

    @property
    def in_width(self) -> int:
        return self.channels * self.values.width

    @property
    def head_width(self) -> int:
        return self.netlist.head_width

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


Stage = (
    Entry
    | Modulation
    | Compute
    | MatrixVector
    | Pool
    | Gather
    | Accumulate
    | Decide
    | Pointwise
    | Queue
    | Repeat
)
GIVEN = -1  # the place of the stream into the design


def in_widths(stage: Stage) -> tuple[int, ...]:
    """Bits of a beat of each stream that a stage reads."""
    return stage.in_widths if isinstance(stage, Pointwise) else (stage.in_width,)


@dataclass(frozen=True)
class Design:
    """The stages of a network, or of a part of it, in order; the last one gives the answers.

    sources: for each stage the places of those that it reads, all before it, or GIVEN; without
    them a chain. beats_in, beats_out: for one image.
    """

    name: str
    stages: tuple[Stage, ...]
    beats_in: int
    beats_out: int
    sources: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.stages:
            raise NetlistError(f"{self.name}: a design has at least one stage")
        if len(self.links) != len(self.stages):
            raise NetlistError(f"{self.name}: a source for each of {len(self.stages)} stages")
        for place, (stage, sources) in enumerate(zip(self.stages, self.links, strict=True)):
            self._check_sources(place, stage, sources)
        unread = [place for place in range(GIVEN, len(self.stages) - 1) if not self.readers(place)]
        if unread:
            name = "its input" if unread[0] == GIVEN else self.stages[unread[0]].name
            raise NetlistError(f"{self.name}: no stage reads {name}")

    def _check_sources(self, place: int, stage: Stage, sources: tuple[int, ...]) -> None:
        widths = in_widths(stage)
        if len(widths) != len(sources) or any(not GIVEN <= one < place for one in sources):
            raise NetlistError(f"{stage.name}: reads {len(widths)} streams of stages before it")
        for source, width in zip(sources, widths, strict=True):
            given = self.in_width if source == GIVEN else self.stages[source].out_width
            if given != width:
                above = self.name if source == GIVEN else self.stages[source].name
                raise NetlistError(f"{above} gives {given} bits and {stage.name} takes {width}")

    @cached_property
    def links(self) -> tuple[tuple[int, ...], ...]:
        """The sources of each stage."""
        return self.sources or tuple((place - 1,) for place in range(len(self.stages)))

    @property
    def in_width(self) -> int:
        return next(
            width
            for stage, sources in zip(self.stages, self.links, strict=True)
            for source, width in zip(sources, in_widths(stage), strict=True)
            if source == GIVEN
        )

    @property
    def out_width(self) -> int:
        return self.stages[-1].out_width

    def readers(self, place: int) -> list[tuple[int, int]]:
        """Who reads a stage, or GIVEN: the place of each reader, and which of its streams."""
        return [
            (reader, port)
            for reader, sources in enumerate(self.links)
            for port, source in enumerate(sources)
            if source == place
        ]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Of the stages, of the top, and of the lanes of all units."""
        lanes = [f"{name}_lane" for name, _ in self._lanes]
        return identifiers([*(stage.name for stage in self.stages), self.name, *lanes])

    @property
    def _lanes(self) -> list[tuple[str, Netlist]]:
        units = (stage for stage in self.stages if isinstance(stage, MatrixVector))
        return [(unit.name, lane) for unit in units for lane in unit.lanes]

    @cached_property
    def modules(self) -> tuple[str, ...]:
        """The module of each stage, and the top's."""
        return self._names[: len(self.stages) + 1]

    def lane_modules(self, unit: MatrixVector) -> tuple[str, ...]:
        """The module of each of a unit's netlists of lanes."""
        named = zip(self._lanes, self._names[len(self.stages) + 1 :], strict=True)
        return tuple(module for (name, _), module in named if name == unit.name)

    @property
    def top(self) -> str:
        return self.modules[-1]
