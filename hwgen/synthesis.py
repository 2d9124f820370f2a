"""LUTs, carry cells and registers of generated Verilog, as yosys maps it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.errors import ToolError
from hwgen.sources import Sources
from hwgen.tools import ended, needed, workspace

TARGETS = {"xilinx": "synth_xilinx -flatten -noiopad", "ice40": "synth_ice40 -flatten"}
LUTS = re.compile(r"LUT\d|SB_LUT4")
CARRIES = re.compile(r"CARRY4|SB_CARRY")
REGISTERS = re.compile(r"FD[RSCP]E|SB_DFF\w*")
CELL = re.compile(r"^\s+(?:\d+\s+)?([A-Za-z_]\w*)\s+(\d{1,12})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Area:
    """Cells after mapping. others: by name, those that are none of the three."""

    luts: int
    carries: int
    registers: int
    others: dict[str, int]


def synthesise(target: str, sources: Sources, time_limit_s: float) -> Area:
    """Map the top with yosys; ToolError where it is missing, fails or runs out of time."""
    top, cells = sources.top, "cells.txt"
    script = f"{TARGETS[target]} -top {top}; tee -q -o {cells} stat"
    with workspace(sources.files) as folder:
        run_yosys([read(sources.files), script], folder, time_limit_s, top)
        said = folder / cells
        return area_of(said.read_text(encoding="utf-8", errors="replace") if said.exists() else "")


def read(names: Iterable[str]) -> str:
    """The command that reads these files of the folder where yosys runs."""
    return f"read_verilog {' '.join(names)}"


def run_yosys(script: Sequence[str], folder: Path, time_limit_s: float, top: str) -> None:
    """Run commands in a folder; ToolError where yosys says that one failed."""
    program = needed("yosys")
    (folder / "script.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    late = f" on {top}; raise --time-limit"
    done = ended([program, "-q", "-s", "script.ys"], folder, time_limit_s, late)
    if done.code:
        raise ToolError(f"yosys failed on {top}: {done.reason}")


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
