"""A stage that joins streams: a beat of each through one netlist, position by position.

The channels of a position may come in turns, so many of them at a time, through one datapath with
constants from tables.
"""

from dataclasses import dataclass

from hwgen.cells import Range
from hwgen.errors import NetlistError
from hwgen.netlist import Netlist


@dataclass(frozen=True, slots=True)
class Lanes:
    """The values of a beat: so many of one range."""

    n: int
    values: Range

    @property
    def width(self) -> int:
        return self.n * self.values.width


@dataclass(frozen=True, slots=True)
class Pointwise:
    """given: what a beat of each stream holds. per_stage: cells between registers.

    The netlist reads the values of a turn, stream by stream, and then what tables hold,
    tables[k][t] in turn t. In turn t it reads values t * n / turns and up of each stream, and gives
    as many.
    """

    name: str
    given: tuple[Lanes, ...]
    netlist: Netlist
    per_stage: int
    turns: int = 1
    tables: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.given or any(lanes.n % self.turns for lanes in self.given):
            raise NetlistError(f"{self.name}: {self.turns} turns do not divide its values")
        ranges = [one.values for one in self.given for _ in range(one.n // self.turns)]
        own = self.netlist.ranges[: self.netlist.n_inputs]
        if own[: len(ranges)] != tuple(ranges) or len(own) != len(ranges) + len(self.tables):
            raise NetlistError(f"{self.name}: the netlist reads the values of its streams")
        if any(len(table) != self.turns for table in self.tables):
            raise NetlistError(f"{self.name}: a table holds a constant for each turn")
        if self.netlist.n_classes > 1 or self.netlist.reads_class or self.per_stage < 1:
            raise NetlistError(f"{self.name}: positions have no classes, and stages have cells")

    @property
    def in_widths(self) -> tuple[int, ...]:
        return tuple(lanes.width for lanes in self.given)

    @property
    def head_width(self) -> int:
        return self.netlist.head_width

    @property
    def turn_width(self) -> int:
        """Bits that a turn gives."""
        return self.head_width * len(self.netlist.heads)

    @property
    def out_width(self) -> int:
        return self.turn_width * self.turns

    @property
    def sides(self) -> tuple[str, ...]:
        """The name of each stream that it reads, in its ports."""
        if len(self.given) == 1:
            return ("s_axis",)
        return tuple(f"s{place}_axis" for place in range(len(self.given)))
