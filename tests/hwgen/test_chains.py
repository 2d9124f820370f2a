"""Cells of compressor trees: their meaning, their Verilog, and the primitives of a device."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import HardwareError
from crshare.hardware.folder import prove, read_folder
from crshare.hardware.heap_cells import heap_netlist
from crshare.hardware.lowering import Options, lower
from crshare.hardware.manifest import replace_files
from crshare.hardware.rtl import rtl_files, tallies
from hwgen import Compare, Linear, Netlist, Range, combinational, interpret, simulate, tally
from hwgen.cells import Bit
from hwgen.chains import ByClass, Chain, Counter, Join, Reaches
from hwgen.equivalence import Proof
from hwgen.links import Link, LinkKind
from hwgen.synthesis import read, run_yosys
from hwgen.tools import workspace
from hwgen.verilog import RTL, primitives
from solver.adder_graph import build
from solver.adder_graph import interpret as interpret_graph
from tests.hwgen.test_synthesis import ONLY, slice_network

BIT = Range(0, 1)
MODELS = {name: (RTL / name).read_text() for name in ("LUT6_2.v", "CARRY4.v")}


def bits(rng: np.random.Generator, n: int, n_inputs: int) -> tuple[Bit, ...]:
    return tuple(
        Bit(int(net), bool(rng.integers(2))) for net in rng.choice(n_inputs, n, replace=False)
    )


def random_chain(rng: np.random.Generator, n_inputs: int) -> Chain:
    """Links as heaps have them, with any inversions and constants."""
    links, routed = list[Link](), False
    for _ in range(int(rng.integers(1, 6))):
        kind = (LinkKind.ADD, LinkKind.TERNARY, LinkKind.SIX, LinkKind.GROUP)[int(rng.integers(4))]
        one = int(rng.integers(2))
        columns: tuple[tuple[Bit, ...], ...]
        if kind is LinkKind.ADD:
            columns = (bits(rng, int(rng.integers(0, 3 - one - routed)), n_inputs),)
        elif kind is LinkKind.TERNARY:
            columns = (bits(rng, int(rng.integers(1, 4 - one)), n_inputs),)
        elif kind is LinkKind.SIX:
            columns = (bits(rng, int(rng.integers(3, 7 - one - routed)), n_inputs), ())
        else:
            columns = (bits(rng, 2 - one - routed, n_inputs), bits(rng, 2, n_inputs))
        free = kind is LinkKind.TERNARY and not routed and not one and rng.integers(2)
        extra = bits(rng, 1, n_inputs)[0] if free else None
        links.append(Link(kind, columns, one, extra))
        routed = kind is LinkKind.TERNARY
    carry = bits(rng, 1, n_inputs)[0] if rng.integers(2) else int(rng.integers(2))
    return Chain(tuple(links), carry, any(link.kind is LinkKind.GROUP for link in links))


def total(chain: Chain, values: list[int]) -> int:
    """What a chain without groups adds up, by weight."""
    carry = chain.carry_in
    found = carry.value(values) if isinstance(carry, Bit) else carry
    place = 0
    for link in chain.links:
        found += link.constant << place
        found += sum(bit.value(values) << place for bit in link.bits)
        place += link.positions
    return found


@pytest.mark.parametrize("seed", range(40))
def test_a_chain_adds_up_the_bits_of_its_links(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chain = random_chain(rng, 9)
    chain = Chain(
        tuple(link for link in chain.links if link.kind is not LinkKind.GROUP), chain.carry_in
    )
    if not chain.links:
        return
    n = chain.n_positions
    for _ in range(20):
        values = rng.integers(0, 2, 9).tolist()
        made = chain.value(values)
        carries = (made >> n & 1) + (made >> n + 1 & 1)  # carry and routed bit are of one weight
        assert (made & (1 << n) - 1) + (carries << n) == total(chain, values)


def wrong_beats(netlist: Netlist, rng: np.random.Generator, n_beats: int = 60) -> str:
    """What Icarus says of a datapath whose heads are bits, or numbers of one width."""
    width = netlist.score_range.width if isinstance(netlist.heads[0], Linear) else 1
    text = combinational("dut", netlist, width)
    spans = netlist.ranges[: netlist.n_values]
    n_in, n_out = sum(span.width for span in spans), width * len(netlist.heads)
    classes = max(1, (netlist.n_classes - 1).bit_length())
    lines = [
        f"module testbench; reg [{n_in - 1}:0] x; reg [{classes - 1}:0] k; integer wrong;",
        f"wire [{n_out - 1}:0] y; dut d(.window(x), .window_class(k), .out(y));",
        "initial begin wrong = 0;",
    ]
    for _ in range(n_beats):
        given = [int(rng.integers(span.low, span.high + 1)) for span in spans]
        kind = int(rng.integers(netlist.n_classes))
        word, first = 0, 0
        for value, span in zip(given, spans, strict=True):
            word |= (value & (1 << span.width) - 1) << first
            first += span.width
        made = interpret(netlist, given, kind)
        expected = sum((v & (1 << width) - 1) << place * width for place, v in enumerate(made))
        lines.append(
            f"x = {n_in}'h{word:x}; k = {classes}'d{kind}; #1; "
            f"if (y !== {n_out}'h{expected:x}) wrong = wrong + 1;"
        )
    lines.append('if (wrong == 0) $display("PASS"); else $display("FAIL %0d", wrong);')
    lines.append("$finish; end endmodule")
    popcount = (RTL / "popcount6.v").read_text()
    files = {"dut.v": text, "popcount6.v": popcount, "testbench.v": "\n".join(lines) + "\n"}
    (said,) = simulate("icarus", files | primitives({"dut.v": text}), 60)
    return said


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(8))
def test_the_verilog_of_chains_means_the_same(seed: int) -> None:
    """Many chains side by side, each read bit by bit."""
    rng = np.random.default_rng(seed)
    cells = [random_chain(rng, 9) for _ in range(12)]
    ranges = (*[BIT] * 9, *(cell.range for cell in cells))
    heads = tuple(Linear(9 + place, 1, 0) for place in range(len(cells)))
    assert wrong_beats(Netlist(9, ranges, tuple(cells), heads), rng) == "PASS"


@pytest.mark.needs_tool("iverilog")
def test_the_verilog_of_the_other_cells_means_the_same() -> None:
    rng, n = np.random.default_rng(1), 7
    cells = (
        Counter(bits(rng, 3, n)),
        Counter(bits(rng, 2, n), 1),
        Reaches(bits(rng, 6, n), (1, 1, 2, 2, 4, 4), 7),
        Join((Bit(0, True), None, Bit(3, False))),
        ByClass(n, tuple(rng.integers(0, 8, 9).tolist())),
        ByClass(n, (1, 0, 1, 1, 0, 1, 0, 0, 1)),
    )
    spans = (Range(0, 3), Range(0, 3), BIT, Range(0, 7), Range(0, 7), BIT)
    heads = tuple(Linear(n + 1 + place, 1, 0) for place in range(len(cells)))
    ranges = (*[BIT] * n, Range(0, 8), *spans)
    netlist = Netlist(n + 1, ranges, cells, heads, 9, reads_class=True)
    assert wrong_beats(netlist, rng) == "PASS"


@pytest.mark.needs_tool("iverilog")
def test_a_number_of_more_classes_than_a_lut_tells_apart_is_a_table() -> None:
    rng, n = np.random.default_rng(1), 2
    numbers = tuple(rng.integers(0, 32, 81).tolist())
    spans = (*[BIT] * n, Range(0, 80), Range(0, 31))
    netlist = Netlist(n + 1, spans, (ByClass(n, numbers),), (Linear(3, 1, 0),), 81, True)
    assert wrong_beats(netlist, rng) == "PASS"


def random_heaps(seed: int, *, scores: bool) -> Netlist:
    rng = np.random.default_rng(seed)
    matrix = rng.choice([-1, 0, 1], (int(rng.integers(1, 8)), int(rng.integers(2, 50))))
    matrix[:, 0] = 1
    graph = build(matrix, measure="lut6", input_range=[(0, 1), (-3, 5), (0, 255)][seed % 3])
    outputs, n_classes = list(graph.outputs()), 1 + 2 * (seed % 4)
    if scores:
        heads = tuple(Linear(o.edge, -1 if o.negative else 1, o.offset) for o in outputs)
        return heap_netlist(graph, heads, 1)
    found = list[Compare]()
    for output in outputs:
        assert output.edge is not None
        low, high = int(graph.low[output.edge]), int(graph.high[output.edge])
        spread = [int(n) for n in rng.integers(low - 1, high + 2, n_classes)]
        limits = spread if seed % 2 else [spread[0]] * n_classes
        found.append(Compare(output.edge, bool(rng.integers(2)), tuple(limits)))
    return heap_netlist(graph, tuple(found), n_classes)


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scores", [True, False])
def test_heaps_of_a_graph_mean_the_same_in_verilog(seed: int, scores: bool) -> None:
    netlist = random_heaps(seed, scores=scores)
    assert wrong_beats(netlist, np.random.default_rng(seed), 30) == "PASS"


@pytest.mark.parametrize("seed", range(24))
def test_heads_of_heaps_are_those_of_the_graph(seed: int) -> None:
    """Limits within the range and beyond it, one for all classes or one for each."""
    rng = np.random.default_rng(seed)
    matrix = rng.choice([-1, 0, 1], (int(rng.integers(1, 8)), int(rng.integers(2, 50))))
    matrix[:, 0] = 1
    span = [(0, 1), (-3, 5), (0, 255)][seed % 3]
    graph = build(matrix, measure="lut6", input_range=span)
    outputs, n_classes = list(graph.outputs()), 1 + 2 * (seed % 4)
    heads = list[Compare]()
    for output in outputs:
        assert output.edge is not None
        low, high = int(graph.low[output.edge]), int(graph.high[output.edge])
        limits = [int(n) for n in rng.integers(low - 1, high + 2, n_classes)]
        if seed % 5 < 3:
            limits = [limits[0]] * n_classes
        heads.append(Compare(output.edge, bool(rng.integers(2)), tuple(limits)))
    netlist = heap_netlist(graph, tuple(heads), n_classes)
    for _ in range(20):
        inputs = rng.integers(span[0], span[1] + 1, matrix.shape[1])
        kind = int(rng.integers(n_classes))
        sums = interpret_graph(graph, inputs)
        expected = []
        for head, output, value in zip(heads, outputs, sums.tolist(), strict=True):
            edge = (output.offset - value) if output.negative else (value - output.offset)
            limit = head.limits[kind]
            expected.append(int(edge >= limit if head.at_least else edge <= limit))
        assert interpret(netlist, inputs.tolist(), kind) == expected


def test_the_text_names_every_cell() -> None:
    link = Link(LinkKind.ADD, ((Bit(0, False), Bit(1, True)),))
    cells = (Chain((link,), Bit(2, False)), Join((Bit(3, False, 1), None)))
    assert [cell.text() for cell in cells] == ["chain n2 -> add n0 ~n1", "join n3[1] 0"]


@pytest.mark.slow
@pytest.mark.needs_tool("yosys")
@pytest.mark.parametrize("init", ["6996966996696996", "8117177E17FEE8E0"])
def test_models_of_primitives_are_proved_equal_to_yosys_cells(init: str) -> None:
    """yosys's own simulation cells of Xilinx devices, for every input."""
    both = {
        "LUT6_2": (f"#(.INIT(64'h{init}))", "I0 I1 I2 I3 I4 I5", "O5 O6", 1),
        "CARRY4": ("", "CI CYINIT", "", 1),
    }
    for name, (parameters, ins, outs, _) in both.items():
        ports = [f"input {port}" for port in ins.split()] + [f"output {p}" for p in outs.split()]
        if name == "CARRY4":
            ports += ["input [3:0] DI", "input [3:0] S", "output [3:0] O", "output [3:0] CO"]
        names = [port.split()[-1] for port in ports]
        links = ", ".join(f".{port}({port})" for port in names)
        wrapper = f"module top({', '.join(ports)}); {name} {parameters} u ({links}); endmodule\n"
        script = [
            "read_verilog wrapper.v model.v; hierarchy -top top; proc; flatten; rename top gold",
            "design -stash ours",
            "read_verilog wrapper.v +/xilinx/cells_sim.v; hierarchy -top top; proc; flatten",
            "rename top gate; design -stash theirs",
            "design -copy-from ours gold; design -copy-from theirs gate",
            "miter -equiv -flatten -make_assert gold gate both; hierarchy -top both; opt -full",
            "sat -verify -prove-asserts -set-assumes both"
            if name == "LUT6_2"
            else "sat -verify -prove-asserts -set in_CI 0 both",
        ]
        with workspace({"wrapper.v": wrapper, "model.v": MODELS[f"{name}.v"]}) as folder:
            run_yosys(script, folder, 60, "both")
    assert read(["a.v"]) == "read_verilog a.v"


@pytest.mark.slow
@pytest.mark.needs_tool("yosys")
@pytest.mark.parametrize("binary", [True, False])
def test_a_layer_of_primitives_is_proved_equal_and_takes_the_sites_it_says(
    tmp_path: Path, binary: bool
) -> None:
    folders, network = list[Path](), slice_network(1, bits=binary)
    for target in ("xilinx", "generic"):
        lowered = lower(network, None, Options(target=target), name="dut", only=ONLY)
        replace_files(tmp_path / target, rtl_files(lowered, combinational_only=True))
        folders.append(tmp_path / target)
        if target == "xilinx":
            sites = tallies(lowered)["conv"].chain_luts
    one, other = (read_folder(folder) for folder in folders)
    assert prove(one, other, 120) is Proof.EQUAL
    done = CliRunner().invoke(main, ["synth", str(folders[0]), "--json", "-"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["areas"][0]["area"]["sites"] == sites


def test_primitives_of_one_device_are_not_mapped_to_another(tmp_path: Path) -> None:
    lowered = lower(slice_network(1), None, Options(target="xilinx"), name="dut", only=ONLY)
    replace_files(tmp_path / "a", rtl_files(lowered))
    with pytest.raises(HardwareError, match="primitives of xilinx devices, which ecp5 does not"):
        read_folder(tmp_path / "a").must_suit("ecp5")
    done = CliRunner().invoke(main, ["synth", str(tmp_path / "a"), "--target", "ice40"])
    assert done.exit_code == 2
    assert "make it anew with `crshare generate --target generic`" in " ".join(done.output.split())


def test_a_measure_of_another_target_is_refused() -> None:
    with pytest.raises(HardwareError, match="--measure lut6 counts sites of compressor trees"):
        Options(measure="lut6")
    with pytest.raises(HardwareError, match="target 'asic' is none of generic, xilinx"):
        Options(target="asic")
    assert (Options().goal, Options(target="xilinx").goal) == ("adder_luts", "lut6")


def test_sites_are_counted_in_the_netlist() -> None:
    graph = build(np.random.default_rng(0).choice([-1, 1], (4, 30)), measure="lut6")
    heads = tuple(Linear(output.edge, 1, 0) for output in graph.outputs())
    netlist = heap_netlist(graph, heads, 1)
    text = combinational("dut", netlist, 8)
    assert text.count("LUT6_2 #") == tally(netlist).chain_luts
