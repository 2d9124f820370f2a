"""What yosys writes is taken by its types and ranges, and refused in one sentence otherwise."""

import json
from pathlib import Path

import pytest

from hwgen import ToolError
from hwgen import mapped as module
from hwgen.mapped import read_cells, read_counts

LUT = {
    "type": "LUT2",
    "port_directions": {"I0": "input", "I1": "input", "O": "output"},
    "connections": {"I0": [1], "I1": ["x"], "O": [2]},
    "attributes": {"src": "a.v"},
}


def counts(found: object) -> bytes:
    return b"\n" + json.dumps({"creator": "y", "design": {"num_cells_by_type": found}}).encode()


def netlist(cell: object, top: str = "dut") -> bytes:
    return json.dumps({"modules": {top: {"cells": {"a": cell}, "netnames": {}}}}).encode()


def written(folder: Path, content: bytes) -> Path:
    (folder / "said.json").write_bytes(content)
    return folder / "said.json"


def test_counts_and_cells_are_read(tmp_path: Path) -> None:
    said = b"2. Printing statistics.\n" + counts({"LUT2": 3, "CARRY4": 0}) + b"\n\n"
    assert read_counts(written(tmp_path, said)) == {"LUT2": 3, "CARRY4": 0}
    (cell,) = read_cells(written(tmp_path, netlist(LUT)), "dut")
    assert cell.type == "LUT2"
    assert cell.ports("input") == [("I0", (1,)), ("I1", ("x",))]
    assert cell.ports("output") == [("O", (2,))]


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"{}", b"no", b"\xff{}\xff", b"[" * 100_000, b'{"design":{}}'),
        *(counts({"LUT2": n}) for n in (-1, 10**10, 1.5, "3", None, True)),
        counts([1]),
    ],
)
def test_what_is_no_count_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ToolError) as error:
        read_counts(written(tmp_path, content))
    assert str(error.value) == "yosys printed no count of cells; is its version 0.20 or newer?"


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"{}", b"[]", b'{"modules":{"dut":{}}}', b'{"a":' * 100_000),
        netlist(LUT, "other"),
        *(netlist(found) for found in (None, {}, {"type": "LUT2"})),
        netlist(LUT | {"type": 3}),
        netlist(LUT | {"connections": {"I0": 1}}),
        netlist(LUT | {"connections": {"I0": [1.5]}}),
        netlist(LUT | {"connections": {"I2": [1]}}),
        netlist(LUT | {"port_directions": {"I0": "sideways"}}),
    ],
)
def test_what_is_no_netlist_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ToolError) as error:
        read_cells(written(tmp_path, content), "dut")
    assert str(error.value) == "yosys wrote no netlist of dut; is its version 0.20 or newer?"


def test_a_flood_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(ToolError, match=r"^yosys wrote more than 10 bytes; map fewer layers$"):
        read_counts(written(tmp_path, counts({})))
