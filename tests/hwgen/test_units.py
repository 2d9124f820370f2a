"""Layers as matrix-vector units: the model, the Verilog and the executor give the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.errors import HardwareError
from crshare.executor.execute import compile_network
from crshare.hardware.architecture import Graph, Turns, Unit, clocks, divisors, size_of
from crshare.hardware.folding_file import read_folding
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.left_out import LeftOut
from crshare.hardware.lowering import Lowered, Options, lower
from crshare.hardware.rtl import report, rtl_files, verify
from crshare.hardware.unit_stage import unit_stage
from crshare.hardware.wide_input import widened
from crshare.model.read import fingerprint
from crshare.network.graph import INPUT, Conv, Flatten, Input, Layer, Network, Threshold
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan
from crshare.report.hardware import slowest_line
from hwgen import MatrixVector, Range, files, lint
from hwgen.sources import foreign_word
from hwgen.targets import XILINX
from hwgen.unit_model import outputs
from tests.hwgen.designs import random_hardware_network
from tests.hwgen.test_architecture import clocks_an_image, small_network
from tests.hwgen.test_design import all_bits, quiet, similar_plan, target_of
from tests.networks import random_images, random_signs
from tests.plans import random_pattern_plan


def random_units(network: Network, seed: int) -> dict[str, Unit]:
    """A unit for every layer, of any number of lanes and inputs that divides."""
    rng = np.random.default_rng(seed)

    def unit(name: str) -> Unit:
        size = size_of(network, name)
        pe, simd = (int(rng.choice(divisors(n))) for n in (size.n_outputs, size.n_inputs))
        return Unit(pe, simd, ("distributed", "block")[int(rng.integers(2))])

    return {layer.name: unit(layer.name) for layer, _ in network.convs()}


def as_units(network: Network, seed: int) -> Lowered:
    plan = (None, similar_plan, pattern_plan)[seed % 3]
    units = random_units(network, seed)
    options = Options(target_of(seed), per_stage=1 + seed % 4, architectures=units)
    given = plan and plan(network)
    return lower(network, given, options, name="dut", only=all_bits(network, seed))


def pattern_plan(network: Network) -> SharingPlan:
    """Of groups of filters; some inputs are left out for some groups."""
    rng = np.random.default_rng(0)
    layers = tuple(random_pattern_plan(rng, table) for table in decompose(network))
    return SharingPlan(fingerprint(network), layers)


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(24))
def test_units_give_the_executors_answers(seed: int) -> None:
    network = random_hardware_network(seed)
    lowered = as_units(network, seed)
    assert {layer.architecture for layer in lowered.layers} == {"unit"}
    images = random_images(np.random.default_rng(seed), network.input, 4)
    verdicts = verify(lowered, images, ["icarus"], quiet)
    assert [verdict.passed for verdict in verdicts] == [True, True]


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("pe", "simd"), [(1, 24), (2, 4), (6, 1), (6, 24)])
def test_clocks_of_units_are_those_that_a_simulator_counts(pe: int, simd: int) -> None:
    network, unit = small_network(pe), Unit(pe, simd, "block")
    options = Options(architectures={"conv2": unit})
    assert clocks_an_image(network, "conv2", options) == clocks(network, "conv2", unit)


@pytest.mark.parametrize("seed", range(12))
def test_the_model_of_a_unit_gives_sums_and_thresholds(seed: int) -> None:
    """Word by word and bit by bit, against one sum of products."""
    network = random_hardware_network(seed)
    lowered = lower(network, None, Options(architectures=random_units(network, seed)), name="dut")
    rng = np.random.default_rng(seed)
    for unit in lowered.design.stages:
        if not isinstance(unit, MatrixVector) or any(unit.windowing.pads):
            continue
        window = rng.integers(unit.values.low, unit.values.high + 1, unit.n_inputs)
        kernel = network.conv(unit.name).kernel.reshape(unit.n_inputs, -1).astype(np.int64)
        signs = 2 * window - 1 if unit.values == Range(0, 1) else window
        sums = signs @ kernel
        following = network.threshold_of(unit.name)
        if following is None:
            assert outputs(unit, window.tolist()) == sums.tolist()
            continue
        assert isinstance(following.op, Threshold)
        at, rising = following.op.at, following.op.rising
        found = outputs(unit, window.tolist())
        assert found == np.where(rising, sums >= at, sums <= at).astype(int).tolist()


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("unit", "words"), [(Unit(1, 8), 18), (Unit(2, 2), 36), (Unit(1, 2), 72)])
def test_up_to_64_words_are_luts_of_the_device(unit: Unit, words: int) -> None:
    network = small_network(3)
    lowered = lower(network, None, Options(XILINX, architectures={"conv2": unit}), name="dut")
    text = files(lowered.design)["conv2.v"]
    assert ("word_1_2_lut" in text) == (words <= 64)
    stage = next(stage for stage in lowered.design.stages if stage.name == "conv2")
    assert isinstance(stage, MatrixVector) and stage.n_words == words
    images = random_images(np.random.default_rng(0), network.input, 3)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))


@pytest.mark.needs_tool("verilator")
@pytest.mark.parametrize("seed", range(4))
def test_verilators_lint_finds_nothing_in_units(seed: int) -> None:
    assert lint(files(as_units(random_hardware_network(seed), seed).design), "dut") == ""


def test_lanes_of_one_memory_are_one_module() -> None:
    network = small_network(0)
    options = Options(architectures={"conv2": Unit(6, 4, "block")})
    lowered = lower(network, None, options, name="dut", only=("conv2", "conv2"))
    texts = files(lowered.design)
    assert texts["conv2.v"].count("conv2_lane u_lane_") == 6
    assert texts["conv2.v"].count("weights[") == 6 + 1  # words, and one that is read
    assert report(lowered)["layers"][0]["architecture"] == "unit"
    assert foreign_word(texts["conv2.v"]) is None
    assert foreign_word(texts["conv2.v"].replace('"block"', '"$system"')) == '"'


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("memory", ["block", "distributed"])
@pytest.mark.parametrize(("pe", "n_masks"), [(1, 1), (2, 1), (3, 2), (6, 2)])
def test_inputs_left_out_are_masked_in_memory(pe: int, n_masks: int, memory: str) -> None:
    """Outputs 4 and 5 read all inputs, 0 and 3 leave one tap out, 1 and 2 another."""
    network, rng = small_network(0), np.random.default_rng(0)
    kernel = network.conv("conv2").kernel.copy()
    kernel[0, :, 1, ::3] = 0
    kernel[1, 0, 0, 1:3] = 0
    layers = tuple(
        replace(layer, op=replace(network.conv("conv2"), kernel=kernel))
        if layer.name == "conv2"
        else layer
        for layer in network.layers
    )
    network = Network(network.input, layers)
    found = size_of(network, "conv2").left_out
    assert found is not None and len(set(found.sets)) == 3
    arranged = found.arranged(pe)
    assert sorted(arranged.order) == list(range(6)) and arranged.n_masks == n_masks
    options = Options(architectures={"conv2": Unit(pe, 1, memory)}, per_stage=1)
    lowered = lower(network, None, options, name="dut", only=("conv1", "conv2"))
    images = random_images(rng, network.input, 6)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))


def test_outputs_that_leave_inputs_out_share_lanes_or_masks() -> None:
    """Sixteen of 64 outputs leave inputs out, each its own: in the turns of one lane of four."""
    few = LeftOut(tuple(range(1, 17)) + (0,) * 48)
    assert [few.arranged(pe).n_masks for pe in (1, 2, 4, 8, 64)] == [1, 1, 1, 2, 16]
    like = LeftOut(tuple(range(8)) * 8)
    assert [like.arranged(pe).n_masks for pe in (1, 2, 8, 16, 64)] == [1, 1, 1, 2, 7]


def test_scores_of_both_parities_are_no_unit() -> None:
    network = small_network(0)
    weights = np.ones((3, 6), np.int64)
    weights[1, 2] = 0
    layer = LayerInput(
        "dense2", network.conv("dense2"), network.signals["bits3"], Range(0, 1), weights
    )
    with pytest.raises(HardwareError) as error:
        unit_stage(layer, Unit(1, 1), None, 1, heaps=False)
    assert str(error.value) == (
        "layer dense2: gives scores of which some are even and some odd, its plan leaving inputs "
        'out, which a unit cannot; give it the architecture "graph"'
    )


def test_a_datapath_alone_is_no_unit() -> None:
    options = Options(architectures={"conv2": Unit(2, 4)})
    lowered = lower(small_network(0), None, options, only=("conv2", "conv2"))
    with pytest.raises(HardwareError, match="leave --fold and --folding out"):
        rtl_files(lowered, combinational_only=True)


def test_turns_and_graphs_are_built_where_they_are_named() -> None:
    network = small_network(0)
    options = Options(architectures={"conv2": Turns(3), "dense1": Graph()}, fold=2)
    found = {la.layer: la for la in lower(network, None, options, name="dut").layers}
    assert (found["conv2"].architecture, found["conv2"].phases) == ("turns", 3)
    assert (found["dense1"].architecture, found["dense1"].why) == ("graph", "")
    with pytest.raises(HardwareError, match="^layer dense2: only layers of bits before a thresh"):
        lower(network, None, Options(architectures={"dense2": Turns(2)}))


GOOD = '{"conv2": {"architecture": "unit", "pe": 2, "simd": 4, "memory": "block"}}'


def test_a_folding_file_names_architectures(tmp_path: Path) -> None:
    path = tmp_path / "folding.json"
    path.write_text(GOOD)
    assert read_folding(path, small_network(0)) == {"conv2": Unit(2, 4, "block")}
    path.write_text('{"conv1": {"architecture": "graph"}}')
    assert read_folding(path, small_network(0)) == {"conv1": Graph()}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "is no object of layers; "),
        ("{", "Expecting property name enclosed"),
        ('{"conv9": {"architecture": "graph"}}', "conv9 is no layer with binary weights that has"),
        ('{"conv2": 3}', "conv2: its \"architecture\" is 'None'; take one of graph, turns, unit"),
        (GOOD.replace("unit", "systolic"), "conv2: its \"architecture\" is 'systolic'; take one"),
        (GOOD.replace('"pe"', '"PE"'), "conv2: a unit has no 'PE'; "),
        (GOOD.replace(', "simd": 4', ""), "conv2: a unit needs 'simd'; "),
        (GOOD.replace("4", "5"), "layer conv2: simd 5 does not divide its 24 inputs of a window"),
        (GOOD.replace("4", "true"), "conv2: simd True: expected a whole number from 1"),
        (GOOD.replace("4", '"4"'), "conv2: simd 4: expected a whole number from 1"),
        (GOOD.replace("block", "cloud"), "conv2: memory 'cloud': expected one of distributed"),
        ('{"conv2": {"architecture": "turns", "turns": 0}}', "conv2: turns 0: expected a whole"),
    ],
)
def test_a_folding_file_that_does_not_fit_is_refused(
    text: str, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "folding.json"
    path.write_text(text)
    with pytest.raises(HardwareError) as error:
        read_folding(path, small_network(0))
    assert str(error.value).startswith(f"{path}: {sentence}")


def test_the_report_names_architectures_clocks_and_the_slowest_layer() -> None:
    units = {"conv2": Unit(2, 8, "block")}
    lowered = lower(small_network(0), None, Options(architectures=units), name="dut")
    said = {la.layer: (la.architecture, la.phases, la.clocks) for la in lowered.layers}
    assert said["conv1"] == ("graph", 1, 42)
    assert said["conv2"] == ("unit", 9, 5 * 6 + 15 * 8)
    assert slowest_line(lowered, 100).plain == (
        "conv2 is the slowest layer: an image every 150 clocks, 666,667 a second at 100 MHz."
    )


def flat_network(*, thresholds: bool) -> Network:
    """Pixels, perhaps thresholds, two dense layers."""
    rng = np.random.default_rng(5)
    at, rising = rng.integers(60, 200, 2).astype(np.int32), np.array([True, False])
    layers = [Layer("bits", Threshold(at, rising), INPUT)] if thresholds else []
    layers += [
        Layer("flat", Flatten(), "bits" if thresholds else INPUT),
        Layer("dense1", Conv(random_signs(rng, (1, 1, 24, 6))), "flat"),
        Layer("bits1", Threshold(np.zeros(6, np.int32), rng.random(6) < 0.5), "dense1"),
        Layer("dense2", Conv(random_signs(rng, (1, 1, 6, 3))), "bits1"),
    ]
    return Network(Input((3, 4, 2)), tuple(layers))


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("thresholds", [True, False])
def test_wide_beats_carry_several_positions(thresholds: bool) -> None:
    network = flat_network(thresholds=thresholds)
    wide = widened(network, 4)
    assert (wide.input.shape, wide.input.stored) == ((1, 3, 8), (3, 4, 2))
    images = random_images(np.random.default_rng(0), network.input, 8)
    wide_images = images.reshape(8, 1, 3, 8)
    classes = compile_network(network).classify(images)
    assert (compile_network(wide).classify(wide_images) == classes).all()
    unit = Unit(3, 12, "block")
    assert clocks(network, "dense1", unit) == 12
    assert clocks(wide, "dense1", unit) == 4
    lowered = lower(wide, None, Options(architectures={"dense1": unit}), name="dut")
    assert all(verdict.passed for verdict in verify(lowered, wide_images, ["icarus"], quiet))


def whole_map_network() -> Network:
    """A convolution whose one window is the map of 2x3 positions of four bits."""
    rng = np.random.default_rng(6)
    layers = (
        Layer(
            "bits", Threshold(rng.integers(60, 200, 4).astype(np.int32), np.ones(4, bool)), INPUT
        ),
        Layer("conv", Conv(random_signs(rng, (2, 3, 4, 6))), "bits"),
        Layer("bits1", Threshold(np.zeros(6, np.int32), rng.random(6) < 0.5), "conv"),
        Layer("dense", Conv(random_signs(rng, (1, 1, 6, 3))), "bits1"),
    )
    return Network(Input((2, 3, 4)), layers)


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 2), (3, 4), (6, 4), (2, 8)])
def test_a_window_that_is_the_map_is_read_in_memory(pe: int, simd: int) -> None:
    network, unit = whole_map_network(), Unit(pe, simd, "block")
    options = Options(architectures={"conv": unit})
    lowered = lower(network, None, options, name="dut")
    assert ("maps #" in files(lowered.design)["conv.v"]) == (simd != 8)
    images = random_images(np.random.default_rng(0), network.input, 8)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))
    assert clocks_an_image(network, None, options) == clocks(network, "conv", unit)


@pytest.mark.needs_tool("iverilog")
def test_a_map_is_gathered_while_a_dense_layer_computes() -> None:
    network, unit = flat_network(thresholds=True), Unit(1, 4, "block")
    options = Options(architectures={"dense1": unit})
    assert clocks(network, "dense1", unit) == 6 * 6
    assert clocks_an_image(network, None, options) == 6 * 6


def test_wide_beats_are_refused_where_positions_matter_or_do_not_divide() -> None:
    with pytest.raises(HardwareError) as error:
        widened(small_network(0), 2)
    assert str(error.value) == (
        "--beat is for networks that flatten their input first; this one reads it position by "
        "position, so leave it out"
    )
    with pytest.raises(HardwareError) as error:
        widened(flat_network(thresholds=True), 5)
    assert str(error.value) == (
        "--beat 5 does not divide the 12 positions of an image; take one of 1, 2, 3, 4, 6, 12"
    )


DIGITS = str(Path(__file__).resolve().parents[2] / "data" / "digits_bnn.h5")


def test_generate_follows_a_folding_file(tmp_path: Path) -> None:
    path, folder = tmp_path / "folding.json", tmp_path / "rtl"
    path.write_text(GOOD.replace("conv2", "dense2").replace("4", "16"))
    words = ["--folding", str(path), "--layers", "dense2", "-o", str(folder), "--json", "-"]
    done = CliRunner().invoke(main, ["generate", DIGITS, *words])
    assert done.exit_code == 0
    (layer,) = json.loads(done.stdout)["layers"]
    assert (layer["architecture"], layer["clocks"]) == ("unit", 128 // 16 * 10 // 2)
    assert "u_lane_1" in (folder / "dense2.v").read_text()


@pytest.mark.parametrize("text", ["", "\x00", '{"conv1": {}, "conv1": {}}', "[" * 1000])
def test_a_damaged_folding_file_ends_in_one_sentence(text: str, tmp_path: Path) -> None:
    path, folder = tmp_path / "folding.json", tmp_path / "rtl"
    path.write_text(text)
    done = CliRunner().invoke(main, ["generate", DIGITS, "--folding", str(path), "-o", str(folder)])
    assert done.exit_code == 2 and not folder.exists()
    assert done.stderr.startswith(f"crshare: {path}: ") and done.stderr.count("\n") == 1
