"""Architectures as values: clocks as a simulator counts them, sensible units, and refusals."""

from itertools import product

import numpy as np
import pytest

from crshare.errors import ArgumentError, HardwareError
from crshare.hardware.architecture import (
    Architecture,
    Graph,
    Turns,
    Unit,
    check,
    clocks,
)
from crshare.hardware.beats import bench, vectors
from crshare.hardware.lowering import Options, lower
from crshare.hardware.unit_cost import choices, unit_cost
from crshare.network.graph import INPUT, Conv, Flatten, Input, Layer, Network, Threshold
from hwgen import simulate
from hwgen.testbench import passed
from tests.networks import random_images, random_signs


def small_network(seed: int, filters: int = 6) -> Network:
    """Pixels to bits, a strided and padded convolution of bits, and two dense layers."""
    rng = np.random.default_rng(seed)

    def threshold(n: int) -> Threshold:
        return Threshold(rng.integers(-2, 3, n).astype(np.int32), rng.random(n) < 0.5)

    pad = (None, 0, 1)[seed % 3]
    strides = 1 + seed % 2, 1 + seed // 2 % 2
    layers = [
        Layer("conv1", Conv(random_signs(rng, (2, 2, 1, 4))), INPUT),
        Layer("bits1", threshold(4), "conv1"),
        Layer("conv2", Conv(random_signs(rng, (3, 2, 4, filters)), strides, pad), "bits1"),
        Layer("bits2", threshold(filters), "conv2"),
        Layer("flat", Flatten(), "bits2"),
    ]
    n = int(np.prod(Network(Input((6, 7, 1)), tuple(layers)).output.shape))
    layers += [
        Layer("dense1", Conv(random_signs(rng, (1, 1, n, 6))), "flat"),
        Layer("bits3", threshold(6), "dense1"),
        Layer("dense2", Conv(random_signs(rng, (1, 1, 6, 3))), "bits3"),
    ]
    return Network(Input((6, 7, 1)), tuple(layers))


def clocks_an_image(network: Network, layer: str | None, options: Options) -> int:
    """Of a layer alone, or of the network: what Icarus counts for one image more."""
    only = None if layer is None else (layer, layer)
    lowered = lower(network, None, options, name="dut", only=only)
    counted = []
    for n in (3, 4):
        images = random_images(np.random.default_rng(1), network.input, n)
        said = next(simulate("icarus", bench(lowered.design, vectors(lowered, images)), 60))
        found = passed(said)
        assert found is not None
        counted.append(found.clocks)
    return counted[1] - counted[0]


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(3))
def test_clocks_of_graphs_are_those_that_a_simulator_counts(seed: int) -> None:
    network = small_network(seed)
    for layer in ("conv1", "conv2"):
        assert clocks_an_image(network, layer, Options()) == clocks(network, layer, Graph())


def test_a_unit_takes_a_clock_for_each_of_its_words() -> None:
    network = small_network(0)  # conv2: 4 x 5 windows of 24 inputs and 6 outputs on a map of 5 x 6
    assert clocks(network, "conv2", Graph()) == 5 * 6
    # ten positions of the map end no window
    assert clocks(network, "conv2", Unit(2, 8)) == 3 * 3 * 3 * 5 - 3 * 5 + 5 * 6


def test_units_to_choose_from_fall_in_size_as_they_grow_in_clocks() -> None:
    network = small_network(1)
    for layer in ("conv1", "conv2", "dense1", "dense2"):
        found = choices(network, layer)
        for memory, slices in product(("distributed", "block"), (False, True)):
            units = [unit for unit in found if (unit.memory, unit.slices) == (memory, slices)]
            figures = [
                (clocks(network, layer, unit), unit_cost(network, layer, unit).luts)
                for unit in units
            ]
            assert slices or len(figures) > (layer == "conv2")
            assert figures == sorted(figures, key=lambda one: (one[0], -one[1]))
            assert len({luts for _, luts in figures}) == len(figures)


def test_weights_in_block_ram_take_blocks_and_spare_luts() -> None:
    network = small_network(0, filters=512)
    luts = unit_cost(network, "conv2", Unit(2, 24))
    blocks = unit_cost(network, "conv2", Unit(2, 24, "block"))
    assert luts.block_rams == 0 and luts.luts > blocks.luts
    assert blocks.block_rams == 2  # 256 words of 48 bits, in blocks 36 bits wide


@pytest.mark.parametrize(
    ("layer", "architecture", "sentence"),
    [
        (
            "conv9",
            Graph(),
            "conv9 is no layer with binary weights that has hardware; choose of conv1, conv2, "
            "dense1, dense2",
        ),
        (
            "conv2",
            Unit(4, 8),
            "layer conv2: pe 4 does not divide its 6 outputs; take 3 or 6",
        ),
        (
            "conv2",
            Unit(2, 9),
            "layer conv2: simd 9 does not divide its 24 inputs of a window; take 8 or 12",
        ),
        (
            "conv2",
            Unit(2, 99),
            "layer conv2: simd 99 does not divide its 24 inputs of a window; take 24",
        ),
        ("conv2", Turns(7), "layer conv2: 7 turns are more than its 6 outputs; take fewer"),
    ],
)
def test_what_does_not_fit_a_layer_is_refused(
    layer: str, architecture: Architecture, sentence: str
) -> None:
    with pytest.raises(HardwareError) as error:
        check(small_network(0), layer, architecture)
    assert str(error.value) == sentence


def test_values_refuse_to_be_wrong() -> None:
    with pytest.raises(HardwareError, match=r"^pe 0: expected a whole number from 1$"):
        Unit(0, 1)
    with pytest.raises(HardwareError, match=r"^memory 'ultra': expected one of distributed, block"):
        Unit(1, 1, "ultra")
    with pytest.raises(ArgumentError, match=r"^turns 0: expected a whole number from 1 to 32$"):
        Turns(0)
