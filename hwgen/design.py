"""A streaming design as values: the stages from pixels or bits in to classes or sums out.

A stream carries one position of a map a beat, row by row, channel c of k bits at bits c*k and up.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from hwgen.cells import Range
from hwgen.decide import Decide
from hwgen.errors import NetlistError
from hwgen.frames import Accumulate, Modulation
from hwgen.identifiers import identifiers
from hwgen.matrix_vector import MatrixVector
from hwgen.netlist import Linear, Netlist
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


Stage = Entry | Modulation | Compute | MatrixVector | Pool | Gather | Accumulate | Decide


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
