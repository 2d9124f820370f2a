"""What scripts/bench_hardware.py compares with: tools that run apart, and results that are kept."""

from pathlib import Path

import numpy as np
import pytest

from hwgen import ToolError
from scripts.hardware_rivals import Kept, Rival, bound, rivals, version, written

MATRIX = np.array([[1, -1, 1], [1, 1, 0]], np.int64)
WRITES = """
case "$2" in *importlib*) echo 1.2; exit;; esac
echo run >>%s
mkdir -p "$4/src" && echo >"$4/src/dut_wrapper.v"
cat >"$4/src/dut.v" <<'END'
module dut(input [2:0] model_inp, output [5:0] model_out);
  wire [2:0] a = model_inp[0], b = model_inp[1], c = model_inp[2], one = a - b + c, other = a + b;
  assign model_out = {other, one};
endmodule
END
echo 3 3
echo "options $5 $6"
"""


def interpreter(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return str(path)


@pytest.mark.needs_tool("iverilog")
def test_a_tool_runs_once_for_a_matrix_and_must_give_its_sums(tmp_path: Path) -> None:
    runs, kept = tmp_path / "runs", Kept(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    rival = Rival("alkaid, of some kind", interpreter(tmp_path, WRITES % runs), "s", ("on", "off"))
    found = [written(rival, MATRIX, 10, kept) for _ in range(2)]
    assert [*found[0].files] == ["dut.v"] and found[0] == found[1]
    assert found[0].note == "options on off"
    with pytest.raises(ToolError, match=f"the Verilog of {rival.name} does not give the sums of"):
        written(rival, MATRIX[::-1], 10, kept)
    assert runs.read_text().split() == ["run"] * 2
    assert version(rival) == "1.2"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no module >&2; exit 1", "python has no da4ml; name another interpreter"),
        ('case "$2" in *importlib*) exit;; esac; echo bad >&2; exit 1', "da4ml failed: bad"),
        ('case "$2" in *importlib*) exit;; esac', "da4ml wrote no Verilog"),
    ],
)
def test_a_tool_that_fails_is_named(tmp_path: Path, script: str, said: str) -> None:
    rival = Rival("da4ml", interpreter(tmp_path, script), "script")
    with pytest.raises(ToolError, match=said):
        written(rival, MATRIX, 10, Kept(None))


def test_every_way_of_alkaid_is_a_row() -> None:
    names = [rival.name for rival in rivals("a", "b")]
    assert len(set(names)) == 5
    assert {rival.python for rival in rivals("a", "b")} == {"a", "b"}


@pytest.mark.parametrize(("n", "luts"), [(0, 0), (1, 0), (3, 1), (6, 2), (7, 2), (63, 29)])
def test_the_bound_of_one_sum(n: int, luts: int) -> None:
    """7 bits become 3: two LUTs remove 2 each; 6 become 3, where half of a LUT is left."""
    assert bound(np.where(np.arange(64) < n, -1, 0)[None]) == luts


def test_the_bound_adds_up_over_sums() -> None:
    """Halves of two sums are one LUT."""
    assert bound(np.ones((1, 6))) == 2
    assert bound(np.ones((2, 6))) == 3
    assert bound(np.ones((64, 72))) == 2080
