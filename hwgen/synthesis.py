"""LUTs, carry cells and registers of generated Verilog, as yosys maps it."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import ToolError
from hwgen.tools import ended, needed

TARGETS = {"xilinx": "synth_xilinx -flatten -noiopad", "ice40": "synth_ice40 -flatten"}
LUTS = re.compile(r"LUT\d|SB_LUT4")
CARRIES = re.compile(r"CARRY4|SB_CARRY")
REGISTERS = re.compile(r"FD[RSCP]E|SB_DFF\w*")
CELL = re.compile(r"^\s+(?:\d+\s+)?([A-Za-z_]\w*)\s+(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Area:
    """Cells after mapping. others: by name, those that are none of the three."""

    luts: int
    carries: int
    registers: int
    others: dict[str, int]


def synthesise(target: str, sources: list[Path], top: str, time_limit_s: float) -> Area:
    """Map `top` with yosys; ToolError where it is missing, fails or runs out of time."""
    program = needed("yosys")
    names = " ".join(f'"{path.resolve()}"' for path in sources)
    script = f"read_verilog {names}; {TARGETS[target]} -top {top}; stat"
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-q", "-l", str(Path(folder) / "log"), "-p", script]
        done = ended(command, Path(folder), time_limit_s, f" on {top}; raise --time-limit")
        log = (Path(folder) / "log").read_text(encoding="utf-8", errors="replace")
    if done.returncode:
        said = (done.stderr or log).strip().splitlines()
        raise ToolError(f"yosys failed on {top}: {said[-1] if said else 'it said nothing'}")
    return area_of(log)


def area_of(log: str) -> Area:
    """The cells that the last `stat` of a log names."""
    _, found, cells = log.rpartition("Number of cells:")
    if not found:
        raise ToolError("yosys printed no count of cells; is its version 0.20 or newer?")
    counts = {name: int(number) for name, number in CELL.findall(cells)}
    taken = {
        pattern: sum(n for name, n in counts.items() if pattern.fullmatch(name))
        for pattern in (LUTS, CARRIES, REGISTERS)
    }
    others = {
        name: number
        for name, number in counts.items()
        if not any(pattern.fullmatch(name) for pattern in taken)
    }
    return Area(taken[LUTS], taken[CARRIES], taken[REGISTERS], others)
