"""The top between AXI4-Streams: words, TLAST, back pressure, and the page that tells of them."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crshare.arrays import Int64Array
from crshare.hardware.beats import axi_bench, in_words, vectors
from crshare.hardware.lowering import Lowered, Options, lower
from crshare.hardware.manifest import listed, replace_files
from crshare.hardware.rtl import rtl_files
from crshare.hardware.take_home import Home, axi_top
from hwgen import STALLS, NetlistError, files, lint, simulate
from hwgen.axi import AxiTop, Words, words_of
from hwgen.targets import GENERIC, XILINX
from tests.hwgen.designs import random_hardware_network
from tests.networks import random_images

SEEDS = range(6)


def lowered_of(seed: int, target: str = GENERIC) -> Lowered:
    return lower(random_hardware_network(seed), None, Options(target=target), name="dut")


def images_of(lowered: Lowered, n: int) -> Int64Array:
    return random_images(np.random.default_rng(1), lowered.network.input, n)


def wide(lowered: Lowered) -> AxiTop:
    """A top whose beats take several words, which no small network's do by itself."""

    class Narrow(AxiTop):
        given = property(lambda top: Words(top.design.stages[0].in_width, 8, top.design.beats_in))
        made = property(lambda top: Words(top.design.stages[-1].out_width, 8, 1))

    return Narrow(lowered.design)


def run(lowered: Lowered, top: AxiTop, simulator: str, n: int = 3) -> list[str]:
    texts = files(lowered.design) | top.files() | axi_bench(lowered, top, images_of(lowered, n))
    return list(simulate(simulator, texts, 600, ([], [STALLS])))


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_top_gives_the_executors_answers_with_tlast_with_and_without_stalls(seed: int) -> None:
    lowered = lowered_of(seed)
    top = axi_top(lowered, Home()) if seed % 2 else wide(lowered)
    assert all(said.startswith("PASS 3 beats in") for said in run(lowered, top, "icarus"))


@pytest.mark.slow
@pytest.mark.needs_tool("verilator")
def test_verilator_agrees() -> None:
    lowered = lowered_of(1, XILINX)
    top = axi_top(lowered, Home())
    assert all(said.startswith("PASS") for said in run(lowered, top, "verilator"))


@pytest.mark.needs_tool("verilator")
@pytest.mark.parametrize("seed", [0, 1])
def test_verilators_lint_finds_nothing(seed: int) -> None:
    lowered = lowered_of(seed)
    top = axi_top(lowered, Home()) if seed else wide(lowered)
    assert lint(files(lowered.design) | top.files(), top.name) == ""


@pytest.mark.needs_tool("iverilog")
def test_the_testbench_says_which_layer_differs_first() -> None:
    lowered = lowered_of(0)
    top = axi_top(lowered, Home())
    texts = files(lowered.design) | top.files() | axi_bench(lowered, top, images_of(lowered, 2))
    probed = sorted(
        (name for name in texts if re.fullmatch(r"beats_\d+\.hex", name)),
        key=lambda name: int(name[6:-4]),
    )
    for name in (*probed, "beats_out.hex"):
        texts[name] = changed(texts[name])
    module = lowered.design.modules[int(probed[0][6:-4])]
    n = texts[probed[0]].count("\n")
    assert list(simulate("icarus", texts, 600, ([],))) == [
        f"FAIL 1 of 2 beats are wrong; {module} differs in 1 of {n} beats, first in beat 1"
    ]


def changed(text: str) -> str:
    """Another second beat."""
    lines = text.splitlines()
    lines[1] = f"{int(lines[1], 16) ^ 1:x}"
    return "\n".join(lines) + "\n"


PACKETS = """`timescale 1ns/1ps
module testbench;
  reg clk = 0, rst = 1;
  always #5 clk = ~clk;
  reg s_last = 0;
  wire open, last;
  integer k;
  packets #(.EVERY_IMAGE(0), .PLACE(2), .WORDS_IN(16'd2), .WORDS_OUT(16'd1)) dut (
    .clk(clk), .rst(rst), .s_taken(go && open), .s_last(s_last), .s_open(open),
    .m_taken(take), .m_last(last));
  reg go = 0, take = 0;
  reg [3:0] seen = 0;
  initial begin
    repeat (2) @(negedge clk);
    rst = 0; go = 1;
    for (k = 0; k < 6; k = k + 1) begin
      s_last = (k == 1 || k == 5 || k == 2);  // of images 0 and 2; within image 1
      @(negedge clk);
    end
    go = 0;
    for (k = 0; k < 3; k = k + 1) begin
      take = 1; seen = {seen[2:0], last}; @(negedge clk);
    end
    take = 0; go = 1; s_last = 0;
    repeat (20) @(negedge clk);
    if (seen == 4'b0101 && !open) $display("PASS 1 beats in 1 clocks, the first after 1");
    else $display("FAIL %b %b", seen, open);
    $finish;
  end
endmodule
"""


@pytest.mark.needs_tool("iverilog")
def test_a_packet_ends_where_the_image_came_in_with_tlast_and_waits_where_none_is_known() -> None:
    top = axi_top(lowered_of(0), Home())
    texts = {name: text for name, text in top.files().items() if name != f"{top.name}.v"}
    assert list(simulate("icarus", texts | {"testbench.v": PACKETS}, 60, ([],))) == [
        "PASS 1 beats in 1 clocks, the first after 1"
    ]


@given(st.integers(1, 3000), st.integers(1, 2000), st.none() | st.integers(1, 10_000))
def test_words_are_as_wide_as_the_rate_wants(beat: int, image: int, clocks: int | None) -> None:
    words = words_of(beat, image, clocks)
    assert words.a_beat * words.word >= beat > (words.a_beat - 1) * words.word
    in_time = clocks is not None and words.an_image <= clocks
    assert words.a_beat == 1 or words.word == 1024 or (words.word >= 64 and in_time)
    assert words.word <= 64 or words.word < 2 * beat


@pytest.mark.parametrize("word", [0, 4, 12, 24])
def test_words_are_bytes_by_powers_of_two(word: int) -> None:
    with pytest.raises(NetlistError, match=rf"words of 8, 16, 32, ... bits, not of {word}$"):
        Words(3, word, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_page_packs_images_into_the_words_of_the_testbench(seed: int) -> None:
    lowered = lowered_of(seed)
    page, top = rtl_files(lowered, home=Home())["README.md"], axi_top(lowered, Home())
    code = page.split("```python\n")[1].split("```")[0]
    space: dict[str, object] = {}
    exec(code, space)
    images = images_of(lowered, 3)
    packed = space["packed"](images)  # type: ignore[operator]
    size = top.given.word // 8
    words = packed.reshape(-1, size)
    numbers = [int.from_bytes(word.tobytes(), "little") for word in words]
    mask = (1 << top.given.word) - 1
    assert numbers == [word & mask for word in in_words(vectors(lowered, images).given, top.given)]
    assert f"allocate((n, {packed.shape[1]}), np.uint8)" in page
    assert not re.search(r" 1 (beats|bits|words|bytes)\b", page)


def test_a_folder_holds_what_the_tools_read_and_is_written_again(tmp_path: Path) -> None:
    lowered = lowered_of(0, XILINX)
    texts = rtl_files(lowered, home=Home(125, "ecp5-85k"))
    assert "quartus.tcl" not in texts and "constraints.sdc" not in texts
    assert texts["constraints.xdc"] == "create_clock -name aclk -period 8.000 [get_ports aclk]\n"
    names = texts["files.f"].split()
    for script in ("vivado.tcl", "synth.ys"):
        assert " ".join(names) in texts[script] and "dut_axi" in texts[script]
    assert "LUT6_2.v" not in names and "dut_axi.v" in names
    generic = rtl_files(lowered_of(0), home=Home())
    assert " ".join(generic["files.f"].split()) in generic["quartus.tcl"]
    bench = axi_bench(lowered, axi_top(lowered, Home()), images_of(lowered, 1))
    for _ in range(2):
        replace_files(tmp_path, texts | bench)
    assert listed(tmp_path).keys() == texts.keys() | bench.keys()


@pytest.mark.needs_tool("yosys")
def test_the_script_of_yosys_runs(tmp_path: Path) -> None:
    texts = rtl_files(lowered_of(0), home=Home())
    mapping = "synth_xilinx -flatten -noiopad -top dut_axi\n"
    assert mapping in texts["synth.ys"]
    quick = texts["synth.ys"].replace(mapping, "hierarchy -check -top dut_axi\nproc\n")
    replace_files(tmp_path, {**texts, "synth.ys": quick})
    done = subprocess.run(
        ["yosys", "-q", "-s", "synth.ys"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
