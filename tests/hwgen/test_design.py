"""Streaming designs in simulators against the executor: every beat of random networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytest import MonkeyPatch

from crshare.errors import HardwareError
from crshare.hardware.architecture import Turns
from crshare.hardware.lowering import Options, lower
from crshare.hardware.rtl import report, rtl_files, tallies, verify
from crshare.hardware.time_multiplex import Turned
from crshare.model.read import fingerprint
from crshare.network.graph import INPUT, Conv, Input, Layer, Modulate, Network, Threshold
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan, exact_layer, layer_from_weights
from hwgen import files, lint, simulate
from hwgen.targets import GENERIC, XILINX
from tests.hwgen.designs import random_hardware_network
from tests.networks import random_images, random_signs
from tests.plans import random_pattern_plan


def quiet(what: str, share: float) -> None:
    """No progress."""


def similar_plan(network: Network) -> SharingPlan:
    """The first filter's slices for every second filter, whatever that does to the answers."""
    layers = []
    for table in decompose(network):
        weights = table.matrix.copy()
        weights[:, 1::2] = weights[:, :1]
        layers.append(layer_from_weights(table, weights))
    return SharingPlan(fingerprint(network), tuple(layers))


def all_bits(network: Network, seed: int) -> tuple[str, str] | None:
    """For two seeds of three, the layers before the last: maps of bits say more than a class."""
    names = [layer.name for layer, _ in network.convs()]
    return (names[0], names[-2]) if seed % 3 and len(names) > 1 else None


MEASURES = (None, "additions", None)


def target_of(seed: int) -> str:
    return (XILINX, GENERIC)[seed // 2 % 2]


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(30))
def test_icarus_gives_the_executors_answers(seed: int) -> None:
    network = random_hardware_network(seed)
    plan = similar_plan(network) if seed % 2 else None
    options = Options(per_stage=1 + seed % 4, target=target_of(seed), measure=MEASURES[seed % 3])
    lowered = lower(network, plan, options, name="dut", only=all_bits(network, seed))
    images = random_images(np.random.default_rng(seed), network.input, 4)
    verdicts = verify(lowered, images, ["icarus"], quiet)
    assert [verdict.passed for verdict in verdicts] == [True, True]


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(6))
def test_patterns_and_inputs_left_out_are_built_as_planned(seed: int) -> None:
    network, rng = random_hardware_network(seed), np.random.default_rng(seed)
    layers = tuple(random_pattern_plan(rng, table) for table in decompose(network))
    plan = SharingPlan(fingerprint(network), layers)
    method = ("auto", "slices")[seed % 2]
    options = Options(target=target_of(seed), method=method)
    lowered = lower(network, plan, options, name="dut", only=all_bits(network, seed))
    images = random_images(rng, network.input, 4)
    verdicts = verify(lowered, images, ["icarus"], quiet)
    assert [verdict.passed for verdict in verdicts] == [True, True]


def test_weights_of_zero_are_not_folded() -> None:
    network, rng = random_hardware_network(3), np.random.default_rng(3)
    layers = tuple(random_pattern_plan(rng, table) for table in decompose(network))
    plan = SharingPlan(fingerprint(network), layers)
    lowered = lower(network, plan, Options(fold=2), name="dut")
    said = {layer.why for layer in lowered.layers}
    assert "unrolled: weights of 0 are not folded" in said
    assert not any(layer.phases > 1 for layer in lowered.layers)
    name = decompose(network)[1].layer
    with pytest.raises(HardwareError) as error:
        lower(network, plan, Options(architectures={name: Turns(2)}), name="dut")
    assert str(error.value) == (
        f"layer {name}: has weights of 0, inputs that the plan leaves out, which are not built in "
        'turns; give it the architecture "graph"'
    )


@pytest.mark.needs_tool("verilator", "iverilog")
@pytest.mark.slow
def test_verilator_and_icarus_agree() -> None:
    network = random_hardware_network(3)
    lowered = lower(network, None, Options(), name="dut")
    images = random_images(np.random.default_rng(3), network.input, 4)
    verdicts = verify(lowered, images, ["verilator", "icarus"], quiet, stalls=(False,))
    assert verdicts[0].said == verdicts[1].said  # the clocks as well


@pytest.mark.slow
@pytest.mark.needs_tool("verilator")
@pytest.mark.parametrize("seed", range(4))
def test_verilators_lint_finds_nothing(seed: int) -> None:
    options = Options(target=(XILINX, GENERIC)[seed % 2])
    lowered = lower(random_hardware_network(seed), None, options, name="dut")
    assert lint(files(lowered.design), "dut") == ""


@pytest.mark.needs_tool("iverilog")
def test_a_wrong_beat_is_found() -> None:
    network = random_hardware_network(7)
    names = [layer.name for layer, _ in network.convs()]
    other = network.replace(
        {la.name: Conv(-conv.kernel, conv.strides, conv.pad_value) for la, conv in network.convs()}
    )
    lowered = lower(network, None, Options(), name="dut", only=(names[0], names[0]))
    images = random_images(np.random.default_rng(0), network.input, 4)
    with pytest.raises(HardwareError, match="does not give the executor's answers"):
        verify(replace(lowered, network=other), images, ["icarus"], quiet)


@pytest.mark.needs_tool("iverilog")
def test_part_of_a_network_streams_bits() -> None:
    network = random_hardware_network(7)
    names = [layer.name for layer, _ in network.convs()]
    lowered = lower(network, None, Options(), name="dut", only=(names[1], names[1]))
    images = random_images(np.random.default_rng(7), network.input, 3)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))


@pytest.mark.needs_tool("iverilog")
def test_popcounts_count_all_sixty_four_ways() -> None:
    bench = """
module testbench;
  reg [5:0] bits; wire [2:0] count; integer k, wrong;
  popcount6 dut (.bits(bits), .count(count));
  initial begin
    wrong = 0;
    for (k = 0; k < 64; k = k + 1) begin
      bits = k[5:0]; #1;
      if (count !== bits[0] + bits[1] + bits[2] + bits[3] + bits[4] + bits[5]) wrong = wrong + 1;
    end
    if (wrong == 0) $display("PASS"); else $display("FAIL %0d", wrong);
    $finish;
  end
endmodule
"""
    source = Path(__file__).resolve().parents[2] / "hwgen" / "rtl" / "popcount6.v"
    contents = {"testbench.v": bench, "popcount6.v": source.read_text()}
    assert list(simulate("icarus", contents, 60)) == ["PASS"]


def test_reported_cells_are_those_of_the_graph_that_is_emitted() -> None:
    network = random_hardware_network(2)
    lowered = lower(network, None, Options(), name="dut")
    cells = tallies(lowered)
    for layer in lowered.layers:
        assert cells[layer.layer].additions == layer.additions
    text = "".join(rtl_files(lowered).values())
    assert text.count("popcount6 u_") == sum(found.popcounts for found in cells.values())
    assert report(lowered)["top"] == "dut"


def test_the_same_network_gives_the_same_files() -> None:
    network = random_hardware_network(5)
    texts = [rtl_files(lower(network, None, Options(), name="dut")) for _ in range(2)]
    assert texts[0] == texts[1]


def test_slices_follow_the_plan_and_need_one() -> None:
    network = random_hardware_network(6)
    plan = SharingPlan(fingerprint(network), tuple(map(exact_layer, decompose(network))))
    lowered = lower(network, plan, Options(method="slices"), name="dut")
    assert {layer.method for layer in lowered.layers} == {"slices"}
    with pytest.raises(HardwareError, match=r"^--method slices follows a plan; give one with"):
        lower(network, None, Options(method="slices"), name="dut")


def test_a_layer_that_is_too_large_is_refused_with_its_size() -> None:
    network = random_hardware_network(0)
    first = next(layer.name for layer, _ in network.convs())
    with pytest.raises(HardwareError) as error:
        lower(network, None, Options(max_luts=1), name="dut")
    assert str(error.value).startswith(f"layer {first} would take about ")
    assert str(error.value).endswith(
        "LUTs, above the limit of 1; raise --max-luts, fold it with --fold, or choose layers with "
        "--layers"
    )


def test_what_has_no_hardware_is_named() -> None:
    rng = np.random.default_rng(0)
    layers = (
        Layer("conv", Conv(random_signs(rng, (2, 2, 1, 2))), INPUT),
        Layer("frames", Modulate(np.zeros((2, 1, 2), np.int32)), "conv"),
    )
    with pytest.raises(HardwareError) as error:
        lower(Network(Input((6, 6, 1)), layers), None, Options(), name="dut")
    assert str(error.value) == (
        "layer frames (Modulate of integers) has no hardware; choose a part of the network with "
        "--layers"
    )


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        (
            ("none", "none"),
            "--layers: none is no layer with binary weights or tables; choose of",
        ),
        (("conv2", "conv0"), "--layers: conv2 comes after conv0; name the first one first"),
    ],
)
def test_unknown_and_turned_around_layers_are_refused(only: tuple[str, str], sentence: str) -> None:
    network = next(
        candidate
        for candidate in map(random_hardware_network, range(100))
        if [la.name for la, _ in candidate.convs()][:2] == ["conv0", "conv2"]
    )
    with pytest.raises(HardwareError) as error:
        lower(network, None, Options(), name="dut", only=only)
    assert str(error.value).startswith(sentence)


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(16))
def test_layers_in_turns_give_the_executors_answers(seed: int, monkeypatch: MonkeyPatch) -> None:
    """Folded whether it pays or not, so that small layers show every edge."""
    monkeypatch.setattr(Turned, "lut6", 0)
    network = random_hardware_network(seed)
    plan = similar_plan(network) if seed % 2 else None
    options = Options(per_stage=1 + seed % 3, fold=2 + seed % 4)
    lowered = lower(network, plan, options, name="dut", only=all_bits(network, seed))
    images = random_images(np.random.default_rng(seed), network.input, 4)
    verdicts = verify(lowered, images, ["icarus"], quiet)
    assert [verdict.passed for verdict in verdicts] == [True, True]
    assert not any(layer.why.startswith("unrolled: about") for layer in lowered.layers)


def layer_of_bits(filters: int) -> Network:
    rng = np.random.default_rng(0)
    layers = (
        Layer("bits", Threshold(np.zeros(8, np.int32), np.ones(8, np.bool_)), INPUT),
        Layer("conv", Conv(random_signs(rng, (3, 3, 8, filters))), "bits"),
        Layer("sign", Threshold(np.zeros(filters, np.int32), np.ones(filters, np.bool_)), "conv"),
    )
    return Network(Input((3, 3, 8)), layers)


def test_a_datapath_alone_is_not_folded() -> None:
    folded = lower(layer_of_bits(64), None, Options(fold=16), only=("conv", "conv"))
    with pytest.raises(HardwareError, match="--combinational writes all outputs .* leave --fold"):
        rtl_files(folded, combinational_only=True)


@pytest.mark.slow
@pytest.mark.parametrize(("fold", "phases"), [(1, 1), (2, 1), (16, 16)])
def test_a_layer_is_folded_only_where_that_is_smaller(fold: int, phases: int) -> None:
    (layer,) = lower(layer_of_bits(64), None, Options(fold=fold), only=("conv", "conv")).layers
    assert layer.phases == phases
    assert layer.why.startswith("" if fold == 1 else f"in {fold}" if phases > 1 else "unrolled")


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("filters", "phases"), [(1, 1), (3, 3), (32, 32), (33, 32)])
def test_a_layer_takes_no_more_turns_than_it_has_outputs(
    filters: int, phases: int, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(Turned, "lut6", 0)
    network = layer_of_bits(filters)
    lowered = lower(network, None, Options(fold=32), name="dut", only=("conv", "conv"))
    assert lowered.layers[0].phases == phases
    images = random_images(np.random.default_rng(0), network.input, 3)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))


@pytest.mark.slow
def test_a_layer_that_is_too_large_unrolled_may_be_small_enough_in_turns() -> None:
    network, only = layer_of_bits(64), ("conv", "conv")
    with pytest.raises(HardwareError, match="conv would take about .* fold it with --fold"):
        lower(network, None, Options(max_luts=1000), only=only)
    assert lower(network, None, Options(max_luts=1000, fold=16), only=only).layers[0].lut6 <= 1000


@pytest.mark.slow
@pytest.mark.needs_tool("verilator", "iverilog")
def test_a_folded_layer_gives_a_beat_every_so_many_clocks_and_lint_is_silent() -> None:
    network, only = layer_of_bits(24), ("conv", "conv")
    folded = lower(network, None, Options(fold=16), name="dut", only=only)
    images = random_images(np.random.default_rng(0), network.input, 30)
    said = [
        verify(made, images, ["icarus"], quiet, stalls=(False,))[0].said
        for made in (lower(network, None, Options(), name="dut", only=only), folded)
    ]
    clocks = [int(one.partition(" clocks")[0].split()[-1]) for one in said]
    assert clocks[1] - clocks[0] >= 29 * 6  # nine positions arrive in the shadow of 16 turns
    assert lint(files(folded.design), "dut") == ""
