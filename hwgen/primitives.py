"""The cells of FPGA families that designs are mapped to: what they are, and what they take.

A LUT site is the place of one LUT on the device. A LUT6_2 is two functions in one site; on a
Lattice ECP5 a carry cell (CCU2C) holds two LUTs, on Xilinx devices and the iCE40 it stands beside
LUTs that are cells of their own. Shift registers and small memories are LUTs as well. Sources:
UG474, UG574 (Xilinx), FPGA-TN-02204 (ECP5: 16x4 bits take three slices of two LUTs).

A primitive's delay says what lies between two of its pins, counted in LUTs: 1 through a LUT, 0
along a carry chain or through a multiplexer behind LUTs, None where no path is without a clock.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

Pin = tuple[str, int]  # port, bit
Delay = Callable[[Pin, Pin], int | None]


class Kind(Enum):
    LUT = "LUT"
    CARRY = "carry cell"
    REGISTER = "register"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Primitive:
    kind: Kind
    sites: int
    delay: Delay


def _none(_source: Pin, _sink: Pin) -> None:
    return None


def _wire(_source: Pin, _sink: Pin) -> int:
    return 0


def _lut(source: Pin, sink: Pin) -> int | None:
    return None if (source[0], sink[0]) == ("I5", "O5") else 1


def _carry(source: Pin, sink: Pin) -> int | None:
    """CARRY4 and CARRY8: a bit depends on those below it; O takes no DI of its own bit."""
    (port, low), (out, high) = source, sink
    if port not in ("S", "DI"):
        return 0
    return 0 if low < high or (low == high and (port, out) != ("DI", "O")) else None


def _ccu2c(source: Pin, sink: Pin) -> int | None:
    """Two LUTs of four inputs with a carry through both."""
    if source[0] == "CIN":
        return 0
    return None if source[0].endswith("1") and sink[0] == "S0" else 1


def _memory(source: Pin, sink: Pin) -> int | None:
    """From the address that reads a bit to that bit."""
    port, out = source[0], sink[0]
    if port.startswith("ADDR"):
        reads = out == f"DO{port[4:]}"
    elif port.startswith("DPRA"):
        reads = out == "DPO"
    else:
        reads = bool(re.fullmatch(r"A\d?|RAD", port)) and out not in ("DPO", "Q31")
    return 1 if reads else None


UNKNOWN = Primitive(Kind.OTHER, 0, _none)
PRIMITIVES = {
    r"LUT[1-6]|LUT6_2|SB_LUT4": Primitive(Kind.LUT, 1, _lut),
    r"CARRY[48]": Primitive(Kind.CARRY, 0, _carry),
    r"SB_CARRY": Primitive(Kind.CARRY, 0, _wire),
    r"CCU2C": Primitive(Kind.CARRY, 2, _ccu2c),
    r"FD[RSCP]E|SB_DFF\w*|TRELLIS_FF": Primitive(Kind.REGISTER, 0, _none),
    r"SRL16E|SRLC32E|RAM(32|64)X1S": Primitive(Kind.OTHER, 1, _memory),
    r"RAM(32|64)X1D|RAM128X1S": Primitive(Kind.OTHER, 2, _memory),
    r"RAM(32|64)M|RAM128X1D|RAM256X1S": Primitive(Kind.OTHER, 4, _memory),
    r"RAM32M16|RAM64M8|RAM256X1D|RAM512X1S": Primitive(Kind.OTHER, 8, _memory),
    r"TRELLIS_DPR16X4": Primitive(Kind.OTHER, 6, _memory),
    r"MUXF[5-9]|PFUMX|L6MUX21|INV": Primitive(Kind.OTHER, 0, _wire),
}


@lru_cache(maxsize=1024)
def primitive(name: str) -> Primitive:
    """What is known of a cell; one that is not takes no LUT, and paths end and begin at it."""
    return next((known for text, known in PRIMITIVES.items() if re.fullmatch(text, name)), UNKNOWN)
