"""Lanes in turns: what they count against plain sums, the Verilog, and what they take."""

import numpy as np
import pytest

from crshare.hardware.architecture import Turns, clocks, size_of
from crshare.hardware.lowering import lower
from crshare.hardware.options import Options
from crshare.hardware.rtl import verify
from crshare.hardware.turn_lanes import TurnLanes, turn_lanes
from crshare.hardware.turns_cost import turns_cost, turns_estimate
from crshare.network.graph import INPUT, Conv, Input, Layer, Network, Threshold
from hwgen import Compute, interpret, tally
from hwgen.targets import XILINX
from tests.hwgen.test_architecture import clocks_an_image, small_network
from tests.hwgen.test_design import quiet
from tests.networks import random_images, random_signs


def given_by(made: TurnLanes, window: list[int], turn: int, at: int) -> list[int]:
    """What the lanes give in a turn; at: the number of their limits."""
    return interpret(made.netlist, [gate.value(window, turn) for gate in made.gates], at)


@pytest.mark.parametrize("seed", range(16))
def test_lanes_count_inputs_that_agree_in_each_turn(seed: int) -> None:
    """Limits about the middle, and beyond both ends; few inputs and many that change alike."""
    rng = np.random.default_rng(seed)
    turns, n_lanes, n_classes = (int(n) for n in rng.integers(1, (9, 4, 4)))
    n_inputs = int(rng.choice([1, 2, 9, 40, 120]))
    weights = random_signs(rng, (turns, n_lanes, n_inputs)).astype(np.int64)
    spread = n_inputs if seed % 2 else max(1, n_inputs // 4)
    limits = n_inputs // 2 + rng.integers(-spread, spread + 1, (n_classes, turns, n_lanes))
    made = turn_lanes(weights, limits)
    for _ in range(8):
        window = rng.integers(0, 2, n_inputs)
        for turn in range(turns):
            agreeing = ((2 * window - 1) == weights[turn]).sum(axis=1)
            for kind in range(n_classes):
                expected = (agreeing >= limits[kind, turn]).astype(int).tolist()
                found = given_by(made, window.tolist(), turn, kind * turns + turn)
                assert found == expected


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(3))
def test_layers_in_turns_take_the_clocks_that_are_told(seed: int) -> None:
    """Strided and padded with nothing, zeros and ones; the last turn may have fewer outputs."""
    network = small_network(seed)
    architectures = {"conv2": Turns(4), "dense1": Turns(2 + seed)}
    options = Options(XILINX, per_stage=1 + seed, architectures=architectures)
    lowered = lower(network, None, options, name="dut")
    assert [layer.phases for layer in lowered.layers] == [1, 4, 2 + seed, 1]
    images = random_images(np.random.default_rng(1), network.input, 4)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))
    told = clocks(network, "conv2", Turns(4))
    assert clocks_an_image(network, "conv2", options) == told


@pytest.mark.parametrize("turns", [2, 5, 8])
def test_the_estimate_of_lanes_is_within_a_tenth(turns: int) -> None:
    rng, n = np.random.default_rng(turns), 16
    threshold = Threshold(rng.integers(-9, 10, n).astype(np.int32), rng.random(n) < 0.5)
    layers = (
        Layer("bits", Threshold(np.zeros(32, np.int32), np.ones(32, np.bool_)), INPUT),
        Layer("conv", Conv(random_signs(rng, (3, 3, 32, n))), "bits"),
        Layer("sign", threshold, "conv"),
    )
    network = Network(Input((6, 6, 32)), layers)
    options = Options(XILINX, architectures={"conv": Turns(turns)})
    lowered = lower(network, None, options, only=("conv", "conv"))
    (stage,) = (one for one in lowered.design.stages if one.name == "conv")
    assert isinstance(stage, Compute) and stage.folding is not None
    size, luts = size_of(network, "conv"), lowered.layers[0].lut6
    assert luts == tally(stage.netlist).chain_luts
    built = turns_cost(size, luts, 0, stage.folding)
    assert turns_estimate(size, turns).luts == pytest.approx(built.luts, rel=0.1)
