"""LUT networks as designs: simulators give the executor's answers, and no cell is repeated."""

from random import Random

import numpy as np
import pytest

from crshare.errors import HardwareError
from crshare.hardware.lowering import Options, lower
from crshare.hardware.lut_stages import tables_stage
from crshare.hardware.rtl import tallies, verify
from crshare.network.graph import Input, Lut, Network
from crshare.network.lut_ops import class_sums, modulation
from hwgen import Compare, Compute, Range, TruthTable, files, interpret, lint
from hwgen.cells import Wires
from hwgen.errors import NetlistError
from hwgen.targets import GENERIC, XILINX
from tests.lut_networks import chain, random_lut_network
from tests.networks import random_images


def quiet(what: str, share: float) -> None:
    """No progress."""


def tables_alone(network: Network, seed: int) -> tuple[str, str] | None:
    """For every second seed, from the first layer of tables on: frames of bits come in."""
    names = [layer.name for layer in network.layers if isinstance(layer.op, Lut)]
    return (names[0], names[-1]) if seed % 2 and names else None


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(24))
def test_icarus_gives_the_executors_answers(seed: int) -> None:
    network, target = random_lut_network(seed), (GENERIC, XILINX)[seed // 2 % 2]
    options = Options(target=target)
    lowered = lower(network, None, options, name="dut", only=tables_alone(network, seed))
    images = random_images(np.random.default_rng(seed), network.input, 3)
    verdicts = verify(lowered, images, ["icarus"], quiet)
    assert [verdict.passed for verdict in verdicts] == [True, True]


@pytest.mark.needs_tool("verilator", "iverilog")
@pytest.mark.slow
def test_verilator_and_icarus_agree() -> None:
    network = random_lut_network(2)
    lowered = lower(network, None, Options(), name="dut")
    images = random_images(np.random.default_rng(2), network.input, 3)
    verdicts = verify(lowered, images, ["verilator", "icarus"], quiet, stalls=(False,))
    assert verdicts[0].said == verdicts[1].said


@pytest.mark.needs_tool("verilator")
@pytest.mark.parametrize("seed", [0, 5])
def test_verilators_lint_finds_nothing(seed: int) -> None:
    lowered = lower(random_lut_network(seed), None, Options(), name="dut")
    assert lint(files(lowered.design), "dut") == ""


def stage_of(lut: Lut, n_bits: int) -> Compute:
    network = chain(Input((1, 1, n_bits), high=1), modulation(1, n_bits, high=1), lut)
    return tables_stage("lut", lut, network.signals["layer0"], 3)


def test_equal_and_inverse_nodes_share_a_cell_and_wires_have_none() -> None:
    rows = [([0, 1], 0b0110), ([1, 0], 0b1001), ([2, 0], 0b1010), ([2, 0], 0b0011), ([0, 0], 0)]
    connections = np.array([places for places, _ in rows], np.int32)
    tables = np.array([table for _, table in rows], np.uint64)
    netlist = stage_of(Lut(connections, tables), 3).netlist
    assert list(netlist.cells) == [TruthTable((0, 1), 0b0110)]
    for entry in range(8):
        a, b, c = entry & 1, entry >> 1 & 1, entry >> 2
        assert interpret(netlist, [a, b, c]) == [a ^ b, 1 - (a ^ b), c, 1 - a, 0]


@pytest.mark.parametrize("table", [0b0110, 0b1001])
def test_a_node_that_nothing_reads_inverted_needs_no_inverter(table: int) -> None:
    netlist = stage_of(Lut(np.array([[0, 1]], np.int32), np.array([table], np.uint64)), 2).netlist
    assert list(netlist.cells) == [TruthTable((0, 1), table)]
    assert netlist.heads == (Compare(2, True, (1,)),)


def test_a_table_is_a_tree_of_choices() -> None:
    cell = TruthTable((4, 2, 7), 0b10010110)
    lines = cell.verilog(9, Wires([Range(0, 1)] * 10, lambda net: f"w{net}"))
    assert lines == ["wire [0:0] n9 = (w7 ? (w2 ? w4 : ~w4) : (w2 ? ~w4 : w4));"]
    simple = TruthTable((4, 2, 7), 0b11110011).verilog(9, Wires([Range(0, 1)] * 10, "w{}".format))
    assert simple == ["wire [0:0] n9 = (w7 ? 1'b1 : (w2 ? 1'b0 : 1'b1));"]
    assert cell.text() == "table 96 n4 n2 n7"
    values = [0] * 10
    for entry in range(8):
        values[4], values[2], values[7] = entry & 1, entry >> 1 & 1, entry >> 2
        assert cell.value(values) == 0b10010110 >> entry & 1
    with pytest.raises(NetlistError, match="a table of 1 inputs has no entries 0x4"):
        TruthTable((0,), 4)


@pytest.mark.parametrize("n", [1, 3, 5, 6])
def test_a_placed_table_is_a_lut_of_the_device(n: int) -> None:
    """Inputs beyond its own change nothing."""
    table = Random(n).getrandbits(1 << n) or 1
    placed = TruthTable(tuple(range(n)), table, placed=True)
    declared, line = placed.verilog(9, Wires([Range(0, 1)] * 10, "w{}".format))
    assert declared == "wire [0:0] n9; wire n9_unread;"
    inputs = [f".I{k}({f'w{k}' if k < n else zero})" for k in range(6) for zero in ["1'b0"]]
    init = int(line.split("64'h")[1].split(")")[0], 16)
    assert line.endswith(f" n9_lut (.O6(n9), .O5(n9_unread), {', '.join(inputs)});")
    assert all(init >> k & 1 == table >> k % (1 << n) & 1 for k in range(64))


def test_cells_are_counted_and_a_layer_that_is_too_large_is_refused() -> None:
    random = Random(0)
    connections = np.array([random.sample(range(20), 6) for _ in range(30)], np.int32)
    tables = np.random.default_rng(0).integers(1, 2**64, 30, dtype=np.uint64)
    given = Input((1, 1, 20), high=1)
    network = chain(given, modulation(1, 20, high=1), Lut(connections, tables), class_sums(10))
    assert tallies(lower(network, None, Options()))["layer1"].tables == 30
    with pytest.raises(HardwareError, match="layer layer1 would take about 30 LUTs, above the"):
        lower(network, None, Options(max_luts=29))
    with pytest.raises(HardwareError, match="no layer with binary weights or tables; choose of la"):
        lower(network, None, Options(), only=("layer2", "layer2"))
