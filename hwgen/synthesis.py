"""LUTs, carry cells, registers and depth of generated Verilog, as yosys maps it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.devices import DEVICES
from hwgen.errors import ToolError
from hwgen.levels import levels
from hwgen.mapped import read_cells, read_counts
from hwgen.primitives import Kind, primitive
from hwgen.sources import Sources
from hwgen.tools import ended, needed, workspace

COUNTS, NETLIST = "cells.json", "mapped.json"


@dataclass(frozen=True, slots=True)
class Area:
    """A mapped design.

    luts: cells that are LUTs, a LUT6_2 is one. sites: places for a LUT that all cells take, those
    of memories, shift registers and an ECP5's carry cells too. levels: the most LUTs on a path
    between registers and ports. cells: all of them by name.
    """

    luts: int
    sites: int
    carries: int
    registers: int
    levels: int
    cells: Mapping[str, int]


def synthesise(target: str, sources: Sources, time_limit_s: float) -> Area:
    """Map the top with yosys; ToolError where it is missing, fails or runs out of time."""
    top = sources.top
    script = [
        read(sources.files),
        f"{DEVICES[target].command} -top {top}",
        f"tee -q -o {COUNTS} stat -json",
        f"json -o {NETLIST}",
    ]
    with workspace(sources.files) as folder:
        run_yosys(script, folder, time_limit_s, top)
        counts = read_counts(folder / COUNTS)
        return area_of(counts, levels(read_cells(folder / NETLIST, top), top))


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


def area_of(counts: Mapping[str, int], depth: int) -> Area:
    """The area of so many cells of each name."""

    def total(kind: Kind) -> int:
        return sum(n for name, n in counts.items() if primitive(name).kind is kind)

    sites = sum(n * primitive(name).sites for name, n in counts.items())
    kinds = total(Kind.LUT), sites, total(Kind.CARRY), total(Kind.REGISTER)
    return Area(*kinds, depth, dict(sorted(counts.items())))
