"""The links of a carry chain: what each adds up, and the LUT sites that do it.

A link stands on one or two positions of the carry chain of a device. At a position the carry goes
on where S is 1, else it becomes DI, and the sum bit is S xor the carry that came.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from hwgen.cells import Bit, Wires
from hwgen.lut_tables import INPUTS, Input, Site


class LinkKind(Enum):
    """What a link adds up, besides the carry that reaches it and the bit routed from below.

    ADD: up to two bits of its one column. PARITY: up to six, of whose sum the lowest bit counts.
    TERNARY: up to three bits whose carry is routed to the next link, and one bit more, the routed
    one or `extra`. SIX: six bits of the lower of its two columns. GROUP: up to five bits of any of
    its columns, of which only the carry is wanted.
    """

    ADD = "add"
    PARITY = "parity"
    TERNARY = "ternary"
    SIX = "six"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Link:
    """columns: the bits of each, the lowest first. constant: added to them.

    extra: of a ternary link that nothing is routed to, the bit that enters as if it were.
    """

    kind: LinkKind
    columns: tuple[tuple[Bit, ...], ...]
    constant: int = 0
    extra: Bit | None = None

    @property
    def bits(self) -> tuple[Bit, ...]:
        found = tuple(bit for column in self.columns for bit in column)
        return found if self.extra is None else (*found, self.extra)

    @property
    def weights(self) -> tuple[int, ...]:
        """Of every bit, `extra` left out."""
        return tuple(1 << place for place, column in enumerate(self.columns) for _ in column)

    @property
    def positions(self) -> int:
        """Of the carry chain; each has one LUT site."""
        return 2 if self.kind is LinkKind.SIX else 1


@dataclass(frozen=True, slots=True)
class Passed:
    """What goes from link to link: the carry, and a bit that is routed beside it, if there is."""

    carry: int
    routed: int | None = None


def added(link: Link, values: Sequence[int], given: Passed) -> tuple[list[int], Passed]:
    """The sum bits of a link, and what it passes on."""
    bits = [bit.value(values) for bit in link.bits]
    if link.kind is LinkKind.TERNARY:
        return _ternary(link, bits, given)
    total = sum(bit * weight for bit, weight in zip(bits, link.weights, strict=True))
    total += link.constant + given.carry + (given.routed or 0)
    if link.kind is LinkKind.GROUP:
        return [], Passed(total >> len(link.columns))
    sums = [total >> place & 1 for place in range(link.positions)]
    return sums, Passed(total >> link.positions & 1)


def _ternary(link: Link, bits: Sequence[int], given: Passed) -> tuple[list[int], Passed]:
    three = bits if link.extra is None else bits[:-1]
    fourth = given.routed if link.extra is None else bits[-1]
    inner = 0 if fourth is None else link.constant
    total = sum(three) + inner
    outer = (total & 1) + given.carry + (link.constant if fourth is None else fourth)
    return [outer & 1], Passed(outer >> 1, total >> 1)


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire by its name."""

    called: str
    inverted: bool = False

    def name(self, wires: Wires) -> str:
        return self.called


@dataclass(frozen=True, slots=True)
class Position:
    """A position of the chain: its site, whose O6 is S. di: the wire that is DI, None for O5.

    routes: whether O5 is the bit that is routed on.
    """

    site: Site
    di: str | None
    routes: bool = False


def positions(link: Link, routed: Wire | None, wires: Wires) -> Iterator[Position]:
    """How a link is built."""
    match link.kind:
        case LinkKind.ADD:
            yield _plain(link, _inputs(link, routed))
        case LinkKind.PARITY:
            given = _inputs(link, routed)
            odd = link.constant
            yield Position(Site(given, lambda bits: sum(bits) + odd & 1), "1'b0")
        case LinkKind.TERNARY:
            yield _ternary_position(link, routed, wires)
        case LinkKind.SIX:
            yield from _six(link, _inputs(link, routed), wires)
        case LinkKind.GROUP:
            yield _group(link, routed)


def _inputs(link: Link, routed: Wire | None) -> tuple[Input, ...]:
    return (*link.bits, routed) if routed else link.bits


def _plain(link: Link, given: tuple[Input, ...]) -> Position:
    one = link.constant
    site = Site(given, lambda bits: sum(bits) + one & 1, lambda bits: sum(bits) + one >> 1)
    return Position(site, None)


def _ternary_position(link: Link, routed: Wire | None, wires: Wires) -> Position:
    fourth: Input | None = routed or link.extra
    three = link.columns[0]
    if fourth is None:
        di, odd, inner = f"1'b{link.constant}", link.constant, 0
        given: tuple[Input, ...] = three
    else:
        di = "~" * fourth.inverted + fourth.name(wires)
        odd = inner = link.constant
        given = (*three, fourth)
    n = len(three)
    site = Site(given, lambda bits: sum(bits) + odd & 1, lambda bits: sum(bits[:n]) + inner >> 1)
    return Position(site, di, routes=True)


def _six(link: Link, given: tuple[Input, ...], wires: Wires) -> Iterator[Position]:
    """DI of the lower position is one of the bits, as it is; the upper one counts the others."""
    odd = link.constant
    chosen = None if odd else min(given, key=lambda bit: bit.inverted)
    rest = tuple(bit for bit in given if bit is not chosen)
    parity = Site(given, lambda bits: sum(bits) + odd & 1)
    di: str | None = "1'b1"
    if chosen is not None:
        di = "~" * chosen.inverted + chosen.name(wires)
        if chosen.inverted and len(given) < INPUTS:  # the site has room to invert it
            place = given.index(chosen)
            parity, di = Site(given, parity.upper, lambda bits: bits[place]), None
    yield Position(parity, di)
    yield Position(Site(rest, lambda bits: sum(bits) >> 1 & 1, lambda bits: sum(bits) >> 2), None)


def _group(link: Link, routed: Wire | None) -> Position:
    given, weights = _inputs(link, routed), link.weights
    weights = (*weights, 1) if routed else weights
    constant, full = link.constant, 1 << len(link.columns)

    def total(bits: tuple[int, ...]) -> int:
        return constant + sum(bit * weight for bit, weight in zip(bits, weights, strict=True))

    site = Site(
        given, lambda bits: int(total(bits) == full - 1), lambda bits: int(total(bits) >= full)
    )
    return Position(site, None)
