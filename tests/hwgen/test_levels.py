"""The depth of mapped netlists: small ones by hand, and random ones against a slow reference."""

import random
from collections.abc import Iterable, Mapping
from functools import cache

import pytest

from hwgen import ToolError
from hwgen.levels import arcs, levels
from hwgen.mapped import MappedCell, Net
from hwgen.primitives import Kind, primitive

Nets = Net | tuple[Net, ...]


def cell(name: str, outputs: Mapping[str, Nets], **inputs: Nets) -> MappedCell:
    ways = dict.fromkeys(inputs, "input") | dict.fromkeys(outputs, "output")
    nets = {
        port: given if isinstance(given, tuple) else (given,)
        for port, given in {**inputs, **outputs}.items()
    }
    return MappedCell(name, ways, nets)  # type: ignore[arg-type]


def lut2(a: Net, b: Net, out: Net) -> MappedCell:
    return cell("LUT2", {"O": out}, I0=a, I1=b)


def chain(*nets: Net) -> list[MappedCell]:
    return [lut2(a, "1", b) for a, b in zip(nets, nets[1:], strict=False)]


def carry4(s: Nets, di: Nets, o: Nets, co: Nets, ci: Net = "0") -> MappedCell:
    return cell("CARRY4", {"O": o, "CO": co}, S=s, DI=di, CI=ci, CYINIT="0")


ZERO, NONE = ("0",) * 4, ("x",) * 4
NETLISTS: dict[str, tuple[int, list[MappedCell]]] = {
    "nothing": (0, []),
    "a register alone": (0, [cell("FDRE", {"Q": 2}, D=1, C=0)]),
    "a LUT of constants": (0, [lut2("0", "1", 1)]),
    "three LUTs": (3, chain(1, 2, 3, 4)),
    "the longer way counts": (3, [*chain(1, 2, 3), lut2(1, 3, 4)]),
    "a register cuts": (2, [*chain(1, 2, 3), cell("FDRE", {"Q": 4}, D=3, C=0), *chain(4, 5)]),
    "a cell unknown cuts": (2, [*chain(1, 2), cell("DSP48E1", {"P": 4}, A=2), *chain(4, 5, 6)]),
    "a loop through a register": (1, [*chain(1, 2), cell("FDRE", {"Q": 1}, D=2, C=0)]),
    "an inverter is part of a LUT": (1, [cell("INV", {"O": 2}, I=1), *chain(2, 3)]),
    "a multiplexer is behind LUTs": (
        1,
        [*chain(1, 2), *chain(3, 4), cell("MUXF7", {"O": 5}, I0=2, I1=4, S=1)],
    ),
    "both outputs of a LUT6_2": (
        2,
        [
            cell("LUT6_2", {"O5": 2, "O6": 3}, I0=1, I1="0", I2="0", I3="0", I4="0", I5="1"),
            lut2(2, 3, 4),
        ],
    ),
    "O5 of a LUT6_2 does not depend on I5": (
        1,
        [*chain(1, 2), cell("LUT6_2", {"O5": 3, "O6": "x"}, I0=5, I5=2)],
    ),
    "O6 of a LUT6_2 does": (2, [*chain(1, 2), cell("LUT6_2", {"O5": 3, "O6": 4}, I0=5, I5=2)]),
    "an adder is one level": (
        1,
        [*chain(1, 2), carry4((2, 2, 2, 2), ZERO, (3, 4, 5, 6), (7, 8, 9, 10))],
    ),
    "however long": (
        1,
        [
            *chain(1, 2),
            carry4((2, 2, 2, 2), ZERO, (3, 4, 5, 6), (7, 8, 9, 10)),
            carry4((2, 2, 2, 2), ZERO, (13, 14, 15, 16), (17, 18, 19, 20), 10),
        ],
    ),
    "two adders are two": (
        2,
        [
            *chain(1, 2),
            carry4((2, "0", "0", "0"), ZERO, (3, 4, 5, 6), NONE),
            *chain(6, 7),
            carry4((7, "0", "0", "0"), ZERO, (8, "x", "x", "x"), NONE),
        ],
    ),
    "a low bit does not depend on a high one": (
        2,
        [*chain(1, 2, 3), carry4((1, 1, 1, 3), ZERO, (4, 5, 6, "x"), NONE), *chain(6, 7)],
    ),
    "so a chain may feed itself above": (
        2,
        [
            *chain(1, 2),
            carry4((2, 3, "0", "0"), ZERO, (4, 5, 6, 7), NONE),
            *chain(4, 3),
        ],
    ),
    "a bit's DI reaches its carry": (
        2,
        [*chain(1, 2), carry4(ZERO, (2, "0", "0", "0"), NONE, (3, 4, 5, 6)), *chain(3, 7)],
    ),
    "a bit's DI does not reach its sum": (
        1,
        [*chain(1, 2), carry4(ZERO, (2, "0", "0", "0"), (3, "x", "x", "x"), NONE), *chain(3, 7)],
    ),
    "an adder of an iCE40": (
        1,
        [
            cell("SB_CARRY", {"CO": 3}, I0=1, I1=2, CI="0"),
            cell("SB_CARRY", {"CO": 4}, I0=1, I1=2, CI=3),
            cell("SB_LUT4", {"O": 5}, I0="0", I1=1, I2=2, I3=4),
        ],
    ),
    "an adder of an ECP5": (
        1,
        [
            cell("CCU2C", {"S0": 5, "S1": 6, "COUT": 7}, A0=1, B0=2, A1=3, B1=4, CIN="0"),
            cell("CCU2C", {"S0": 8, "S1": 9, "COUT": 10}, A0=1, B0=2, A1=3, B1=4, CIN=7),
        ],
    ),
    "its low sum does not depend on the high bits": (
        2,
        [*chain(1, 2, 3), cell("CCU2C", {"S0": 8, "S1": "x"}, A0=1, A1=3), *chain(8, 9)],
    ),
    "a shift register read at a constant": (
        1,
        [cell("SRL16E", {"Q": 3}, A0="1", A1="1", A2="0", A3="0", D=2, CE=1, CLK=0), *chain(3, 4)],
    ),
    "a memory is read through a LUT": (
        3,
        [
            *chain(1, 2),
            cell("RAM32M", {"DOA": (3, 4), "DOB": (5, 6)}, ADDRA=(2, "0"), ADDRB=(1, "0")),
            *chain(3, 7),
        ],
    ),
    "at its own address": (
        2,
        [
            *chain(1, 2),
            cell("RAM32M", {"DOA": ("x", "x"), "DOB": (5, 6)}, ADDRA=(2, "0"), ADDRB=(1, "0")),
            *chain(5, 7),
        ],
    ),
}


@pytest.mark.parametrize("name", NETLISTS)
def test_depth_of_small_netlists(name: str) -> None:
    depth, cells = NETLISTS[name]
    assert levels(cells, "dut") == depth
    assert levels(cells[::-1], "dut") == depth


@pytest.mark.parametrize(
    "cells",
    [
        chain(1, 1),
        chain(1, 2, 3, 1),
        [*chain(9, 8), *chain(1, 2), carry4(("0", 2, "0", "0"), ZERO, (4, 1, 5, 6), NONE)],
    ],
)
def test_a_loop_is_one_sentence(cells: list[MappedCell]) -> None:
    with pytest.raises(ToolError, match=r"^dut has a loop of LUTs without a register, so it has"):
        levels(cells, "dut")


def slow_levels(cells: Iterable[MappedCell]) -> int:
    """Every path walked back from its end."""
    found = [arc for one in cells for arc in arcs(one)]

    @cache
    def of(net: int) -> int:
        return max((of(a) + luts for a, b, luts in found if b == net), default=0)

    return max((of(net) for arc in found for net in arc[:2]), default=0)


def random_netlist(rng: random.Random) -> list[MappedCell]:
    """Cells in an order in which each reads what is there before it, then shuffled."""
    cells, nets = list[MappedCell](), 3

    def some(n: int) -> tuple[Net, ...]:
        return tuple(rng.choice(["0", "1", *range(nets)[-8:]]) for _ in range(n))

    for _ in range(rng.randrange(40)):
        new = tuple(range(nets, nets + 4))
        match rng.randrange(7):
            case 0 | 1:
                made = cell("LUT6", {"O": new[0]}, I0=some(1), I1=some(1), I2=some(1))
            case 2:
                made = cell("LUT6_2", {"O5": new[0], "O6": new[1]}, I0=some(1), I5=some(1))
            case 3:
                made = carry4(some(4), some(4), new, tuple(n + 4 for n in new), some(1)[0])
            case 4:
                made = cell("CCU2C", {"S0": new[0], "S1": new[1]}, A0=some(1), B1=some(1))
            case 5:
                made = cell("MUXF8", {"O": new[0]}, I0=some(1), I1=some(1), S=some(1))
            case _:
                made = cell("FDRE", {"Q": new[0]}, D=some(1), C=some(1))
        cells.append(made)
        nets += 8
    rng.shuffle(cells)
    return cells


@pytest.mark.parametrize("seed", range(40))
def test_depth_of_random_netlists_equals_the_slow_one(seed: int) -> None:
    cells = random_netlist(random.Random(seed))
    assert levels(cells, "dut") == slow_levels(cells)


def test_random_netlists_are_deep_and_shallow() -> None:
    found = {slow_levels(random_netlist(random.Random(seed))) for seed in range(40)}
    assert {0, 1} <= found and max(found) > 5


@pytest.mark.parametrize(
    ("name", "kind", "sites"),
    [
        ("LUT1", Kind.LUT, 1),
        ("LUT6_2", Kind.LUT, 1),
        ("SB_LUT4", Kind.LUT, 1),
        ("CARRY8", Kind.CARRY, 0),
        ("CCU2C", Kind.CARRY, 2),
        ("FDSE", Kind.REGISTER, 0),
        ("SB_DFFESR", Kind.REGISTER, 0),
        ("TRELLIS_FF", Kind.REGISTER, 0),
        ("SRL16E", Kind.OTHER, 1),
        ("RAM32M", Kind.OTHER, 4),
        ("LUT6_3", Kind.OTHER, 0),
        ("XLUT6", Kind.OTHER, 0),
        ("", Kind.OTHER, 0),
    ],
)
def test_what_a_cell_takes(name: str, kind: Kind, sites: int) -> None:
    known = primitive(name)
    assert (known.kind, known.sites) == (kind, sites)
