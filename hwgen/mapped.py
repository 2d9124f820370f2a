"""What yosys writes of a mapped design: the cells by name (`stat -json`) and the netlist (`json`).

Text of a foreign program: only the fields that are used are taken, by their types and ranges.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from hwgen.errors import ToolError

MAX_BYTES = 2**31
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Net = int | str  # a number, or the text of a constant bit
T = TypeVar("T")


class MappedCell(msgspec.Struct, frozen=True):
    """A cell and the nets on its ports, each port from its lowest bit."""

    type: str
    port_directions: dict[str, Literal["input", "output", "inout"]]
    connections: dict[str, tuple[Net, ...]]

    def ports(self, way: Literal["input", "output"]) -> list[tuple[str, tuple[Net, ...]]]:
        return [(n, nets) for n, nets in self.connections.items() if self.port_directions[n] == way]


class _Counts(msgspec.Struct, frozen=True):
    num_cells_by_type: dict[str, Count]


class _Stat(msgspec.Struct, frozen=True):
    design: _Counts


class _Module(msgspec.Struct, frozen=True):
    cells: dict[str, MappedCell]


class _Design(msgspec.Struct, frozen=True):
    modules: dict[str, _Module]


def read_counts(path: Path) -> dict[str, int]:
    """How many cells of each name `stat -json` found; ToolError where the file does not say."""
    said = _content(path)
    counts = _decoded(said[said.find(b"{") : said.rfind(b"}") + 1], _Stat)
    if counts is None:
        raise ToolError("yosys printed no count of cells; is its version 0.20 or newer?")
    return counts.design.num_cells_by_type


def read_cells(path: Path, top: str) -> list[MappedCell]:
    """The cells of the top in a netlist that `json` wrote; ToolError where there is none."""
    design = _decoded(_content(path), _Design)
    module = None if design is None else design.modules.get(top)
    cells = None if module is None else list(module.cells.values())
    if cells is None or not all(
        cell.connections.keys() <= cell.port_directions.keys() for cell in cells
    ):
        raise ToolError(f"yosys wrote no netlist of {top}; is its version 0.20 or newer?")
    return cells


def _content(path: Path) -> bytes:
    if not path.is_file():
        return b""
    if path.stat().st_size > MAX_BYTES:
        raise ToolError(f"yosys wrote more than {MAX_BYTES:,} bytes; map fewer layers")
    return path.read_bytes()


def _decoded(content: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
