"""BinaryBrain's files: what must be read of them is, and what is none of them is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from crshare.accuracy import compare
from crshare.errors import ModelFormatError
from crshare.executor.execute import compile_network
from crshare.frontend.bb_net import hardened, read_bb_net
from crshare.frontend.verilog_luts import read_verilog
from crshare.images.image_set import load_images
from crshare.model.read import read_model
from crshare.network.graph import Lut, Network

LUTNET = Path(__file__).parents[3] / "shared" / "models" / "lutnet"
PUBLISHED = "models/lutnet/mnist_stochastic_lut6_mlp.v.gz"
EXPORTS = ("export_m.v.gz", "export_m_rtl.v.gz", "export_m_x.v.gz")

INSTANCE = """bb_lut #(.N({n}), .INIT({size}'b{table:0{size}b}), .DEVICE(DEVICE)) i_{i}
    (.in_data({{{inputs}}}), .out_data(lut_{i}));"""
LUT6 = """LUT6 #(.INIT({size}'b{table:0{size}b})) i_{i} (.O(lut_{i}), {ports});"""
INDEXED = """wire [{size}-1:0] table_{i} = {size}'b{table:0{size}b};
  wire [{n}-1:0] select_{i} = {{{inputs}}};  /* most significant first */
  wire lut_{i} = table_{i}[select_{i}];"""
LAYER = """
module {name} #(parameter INIT_REG = 1'bx) (
  input wire reset, input wire clk,
  input wire [{given}-1:0] in_data, output wire [{last}:0] out_data
);
{nodes}
endmodule
"""
REGISTER = """  generate
  if ( USE_REG ) begin : ff_{i}
    reg lut_{i}_ff;
    always @(posedge clk) begin
      if ( reset ) begin lut_{i}_ff <= INIT_REG; end
      else begin lut_{i}_ff <= lut_{i}; end
    end
    assign out_data[{i}] = lut_{i}_ff;
  end
  else begin : no_ff_{i}
    assign out_data[{i}] = lut_{i};
  end
  endgenerate"""
TOP = """`timescale 1ns / 1ps
// a network
module Net (input wire clk, input wire [{given}-1:0] in_data, output wire [{last}:0] out_data);
wire [9:0] middle;
wire [{last}:0] end_data;
Net_sub0 #(.INIT_REG(1'bx)) i_0 (.clk(clk), .in_data(in_data), .out_data(middle));
Net_sub1 i_1 (.clk(clk), .in_data(middle), .out_data(end_data));
assign out_data = end_data;
endmodule
"""


def node(form: str, i: int, places: list[int], table: int) -> str:
    """One table in one of the three forms, and its register."""
    bits = [f"in_data[{place}]" for place in places]
    ports = ", ".join(f".I{k} ({bit})" for k, bit in enumerate(bits))
    inputs = ", ".join(reversed(bits))
    n = len(places)
    text = form.format(i=i, n=n, size=1 << n, table=table, inputs=inputs, ports=ports)
    return f"{text}\n{REGISTER.format(i=i)}"


def exported(form: str, k: int) -> tuple[str, list[Lut]]:
    """A network of two layers of k-input tables as Verilog, and its tables."""
    rng, text, layers = np.random.default_rng(k), TOP.format(given=9, last=3), []
    for number, (given, n) in enumerate(((9, 10), (10, 4))):
        connections = rng.integers(0, given, (n, k)).astype(np.int32)
        tables = rng.integers(0, 2**64, n, dtype=np.uint64) >> np.uint64(64 - (1 << k))
        rows = zip(connections.tolist(), tables.tolist(), strict=True)
        nodes = "\n".join(node(form, i, *row) for i, row in enumerate(rows))
        text += LAYER.format(name=f"Net_sub{number}", given=given, last=n - 1, nodes=nodes)
        layers.append(Lut(connections, tables))
    return text, layers


def luts(network: Network) -> list[Lut]:
    return [layer.op for layer in network.layers if isinstance(layer.op, Lut)]


def expect_same(found: list[Lut], wanted: list[Lut]) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(one.connections, other.connections)
        assert np.array_equal(one.tables, other.tables)


FORMS = [(INSTANCE, 6), (INSTANCE, 4), (LUT6, 6), (INDEXED, 3)]


@pytest.mark.parametrize(("form", "k"), FORMS, ids=["bb_lut", "bb_lut of 4", "LUT6", "indexed"])
def test_each_form_of_verilog_is_read(form: str, k: int, tmp_path: Path) -> None:
    text, layers = exported(form, k)
    for name, content in (("a.v", text.encode()), ("a.v.gz", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(content)
        model = read_model(tmp_path / name, frames=5)
        expect_same(luts(model.network), layers)
        assert model.library == "BinaryBrain, Verilog"
        assert model.network.input.shape == (3, 3, 1)
        assert model.network.signals["modulation"].frames == 5
        assert model.network.output.shape == (1, 1, 4)


WHOLE, _ = exported(INSTANCE, 2)
BROKEN = [
    (WHOLE.replace("in_data[0]", "in_data[9]"), "module Net_sub0 reads past its 9 inputs"),
    (WHOLE.replace("bb_lut", "DSP48"), "module Net_sub1 uses DSP48; crshare reads layers of"),
    (WHOLE.replace(".INIT(4'b", ".INIT(8'b0000", 1), "a table of 8 bits for 2 inputs"),
    (WHOLE.replace("assign out_data[3]", "assign other[3]"), "no table that drives out_data[3]"),
    (WHOLE.replace("= lut_2;", "= lut_1;", 1), "module Net_sub0 drives out_data[2] by several"),
    (WHOLE.replace(".in_data(middle)", ".in_data(clk)"), "module Net is no chain of layers"),
    (WHOLE + "module Other (); endmodule", "has no single top module with ports in_data"),
    (WHOLE.replace("endgenerate", "$display;", 1), "has '$' in line"),
    (WHOLE.replace("endgenerate", "`include", 1), "has '`' in line"),
    (WHOLE.replace("endgenerate", "initial x;", 1), "has ';' where Verilog of"),
    (WHOLE[: len(WHOLE) // 2], "where"),
    (WHOLE + "module Net_sub0 (); endmodule", "has two modules Net_sub0"),
    ("", "has no single top module"),
]


@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=[said for _, said in BROKEN])
def test_verilog_of_another_kind_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ModelFormatError) as refused:
        read_verilog(text, 1)
    assert sentence in str(refused.value)


def test_a_differentiable_table_is_hardened_by_its_definition() -> None:
    rng = np.random.default_rng(0)
    weights, mean = rng.random((5, 8)), rng.normal(0.5, 0.05, 5)
    for bits, row, limit in zip(hardened(weights, 0.25, mean).tolist(), weights, mean, strict=True):
        for entry in range(8):
            expected = 0.0
            for k in range(8):
                agree = [0.75 if (entry >> j & 1) == (k >> j & 1) else 0.25 for j in range(3)]
                expected += row[k] * agree[0] * agree[1] * agree[2]
            assert (bits >> entry & 1) == (expected > limit)


@pytest.mark.needs_shared(
    "models/lutnet/Sequential.bb_net", *(f"models/lutnet/{name}" for name in EXPORTS)
)
@pytest.mark.slow
def test_a_saved_file_and_its_exports_give_the_expected_tables() -> None:
    expected = np.load(LUTNET / "bb_net_expected.npz")
    powers = np.uint64(1) << np.arange(64, dtype=np.uint64)
    wanted = [
        Lut(
            expected[f"c{k}"].astype(np.int32),
            (expected[f"t{k}"] * powers).sum(axis=1, dtype=np.uint64),
        )
        for k in range(4)
    ]
    for name in ("Sequential.bb_net", *EXPORTS):
        expect_same(luts(read_model(LUTNET / name).network), wanted)
    assert read_model(LUTNET / "Sequential.bb_net").network.signals["modulation"].frames == 7


@pytest.mark.needs_shared("models/lutnet/Sequential.bb_net")
def test_a_damaged_file_of_binarybrain_is_one_sentence() -> None:
    whole = (LUTNET / "Sequential.bb_net").read_bytes()
    rng = np.random.default_rng(0)
    for cut in (0, 5, 60, 300, len(whole) - 1):
        with pytest.raises(ModelFormatError):
            read_bb_net(whole[:cut])
    with pytest.raises(ModelFormatError, match="goes on after its last layer"):
        read_bb_net(whole + b"\0")
    for place in rng.integers(0, 520, 150).tolist():
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << int(rng.integers(8))
        try:
            read_bb_net(bytes(spoiled))
        except (ModelFormatError, ValueError) as error:
            assert str(error)


@pytest.mark.needs_shared(PUBLISHED, "data/mnist_test.npz")
@pytest.mark.slow
@pytest.mark.parametrize(("frames", "n_right"), [(1, 8374), (15, 9263)])
def test_the_published_network_has_its_published_accuracy(frames: int, n_right: int) -> None:
    network = read_model(LUTNET / "mnist_stochastic_lut6_mlp.v.gz", frames=frames).network
    assert [lut.n_nodes for lut in luts(network)] == [1024, 360, 60, 10]
    images = load_images(LUTNET.parents[1] / "data" / "mnist_test.npz", network)
    classes = compile_network(network).classify(images.images)
    assert compare(classes, classes, images.labels).n_right_before == n_right
