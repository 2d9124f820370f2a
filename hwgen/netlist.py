"""The datapath of one layer as a flat netlist: numbered nets, cells in order, and its law.

Nets 0 to n_inputs - 1 are the inputs; cell i makes net n_inputs + i and reads only nets before it.
Every net carries its exact range, from which its width and sign follow. Behind the cells stand the
heads: comparisons with thresholds (one bit each) or linear scores. A head may have one limit for
each class of window: windows that hang over a border of zeros have fewer valid positions, and so
other limits.
"""

from dataclasses import dataclass
from functools import cached_property

from hwgen.cells import Cell, Range
from hwgen.errors import NetlistError


@dataclass(frozen=True, slots=True)
class Compare:
    """1 where net >= limit (or net <= limit), with one limit for each class of window."""

    net: int
    at_least: bool
    limits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A bit that is the same for every input, for each class of window."""

    values: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Linear:
    """A score: factor * net + constant; net None means the constant alone.

    per_class: what is added for each class of window, where that differs.
    """

    net: int | None
    factor: int
    constant: int
    per_class: tuple[int, ...] = ()

    @property
    def constants(self) -> tuple[int, ...]:
        """All that may be added to the net."""
        return tuple(self.constant + more for more in self.per_class) or (self.constant,)


Head = Compare | Fixed | Linear


@dataclass(frozen=True)
class Netlist:
    """ranges: of every net, inputs first. n_classes: of windows.

    reads_class: whether the last input is the class of the window, for cells that depend on it.
    """

    n_inputs: int
    ranges: tuple[Range, ...]
    cells: tuple[Cell, ...]
    heads: tuple[Head, ...]
    n_classes: int = 1
    reads_class: bool = False

    def __post_init__(self) -> None:
        if len(self.ranges) != self.n_inputs + len(self.cells):
            raise NetlistError(
                f"{len(self.ranges)} ranges for {self.n_inputs} inputs and {len(self.cells)} cells"
            )
        for place, cell in enumerate(self.cells):
            made = self.n_inputs + place
            if any(not 0 <= net < made for net in cell.reads):
                raise NetlistError(f"net {made} reads {cell.reads}; it may read earlier nets")
        for head in self.heads:
            self._check_head(head)

    def _check_head(self, head: Head) -> None:
        match head:
            case Compare(net, _, per_class):
                self._check_classes(len(per_class))
            case Fixed(values):
                net = None
                self._check_classes(len(values))
            case Linear(net, per_class=per_class):
                if per_class:
                    self._check_classes(len(per_class))
        if net is not None and not 0 <= net < len(self.ranges):
            raise NetlistError(f"a head reads net {net}; there are {len(self.ranges)} nets")

    def _check_classes(self, n: int) -> None:
        if n != self.n_classes:
            raise NetlistError(f"a head has {n} limits for {self.n_classes} classes of windows")

    @property
    def n_values(self) -> int:
        """Inputs that are values of the window."""
        return self.n_inputs - self.reads_class

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """For each net, the most LUTs or adders on a path to it; inputs are at 0."""
        levels = [0] * self.n_inputs
        for cell in self.cells:
            levels.append(cell.levels + max((levels[net] for net in cell.reads), default=0))
        return tuple(levels)

    @property
    def score_range(self) -> Range:
        """A range that holds every score."""
        ends: list[int] = [0]
        for head in self.heads:
            if isinstance(head, Linear):
                net = Range(0, 0) if head.net is None else self.ranges[head.net]
                products = [head.factor * end for end in (net.low, net.high)]
                ends += [product + more for product in products for more in head.constants]
        return Range(min(ends), max(ends))

    @property
    def head_width(self) -> int:
        """Bits of each head: 1, or those of a score."""
        scores = any(isinstance(head, Linear) for head in self.heads)
        return self.score_range.width if scores else 1


def to_text(netlist: Netlist) -> str:
    """The canonical text: one line for each cell and head."""
    lines = [f"inputs {netlist.n_inputs} classes {netlist.n_classes}"]
    for place, cell in enumerate(netlist.cells, start=netlist.n_inputs):
        span = netlist.ranges[place]
        lines.append(f"n{place} [{span.low}, {span.high}] = {cell.text()}")
    lines += [_head_text(head) for head in netlist.heads]
    return "\n".join(lines) + "\n"


def _head_text(head: Head) -> str:
    match head:
        case Compare(net, at_least, per_class):
            return f"bit n{net} {'>=' if at_least else '<='} {' '.join(map(str, per_class))}"
        case Fixed(values):
            return "bit " + " ".join(str(int(value)) for value in values)
        case Linear(net, factor):
            constant = " ".join(map(str, head.constants))
            return f"score {factor} * n{net} + {constant}" if net is not None else f"= {constant}"
