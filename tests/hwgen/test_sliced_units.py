"""Units that store slices: the model, the Verilog and the executor give the same."""

from dataclasses import replace

import numpy as np
import pytest

from crshare.errors import HardwareError
from crshare.hardware.architecture import Unit, check, divisors, in_memory, size_of
from crshare.hardware.around import block_rams
from crshare.hardware.lowering import Lowered, Options, lower
from crshare.hardware.rtl import verify
from crshare.hardware.sliced import sliced
from crshare.hardware.unit_cost import choices, ported, unit_cost
from crshare.network.graph import INPUT, Conv, Input, Layer, Network, Threshold
from hwgen import MatrixVector, files, lint
from hwgen.unit_model import outputs
from tests.hwgen.designs import random_hardware_network
from tests.hwgen.test_architecture import small_network
from tests.hwgen.test_design import all_bits, quiet, similar_plan, target_of
from tests.networks import random_images, random_signs


def sliced_units(network: Network, seed: int) -> dict[str, Unit]:
    """For every layer with slices a unit of any lanes and slices."""
    rng, found = np.random.default_rng(seed), {}
    for layer, _ in network.convs():
        size = size_of(network, layer.name)
        taps = size.n_inputs // size.channels
        pe, n = (int(rng.choice(divisors(count))) for count in (size.n_outputs, size.channels))
        unit = Unit(pe, n * taps, ("distributed", "block")[int(rng.integers(2))], slices=True)
        if taps > 1:
            found[layer.name] = unit if in_memory(size, unit) else replace(unit, memory="block")
    return found


def as_units(network: Network, seed: int) -> Lowered:
    options = Options(
        target_of(seed), per_stage=1 + seed % 3, architectures=sliced_units(network, seed)
    )
    plan = similar_plan(network) if seed % 2 else None
    return lower(network, plan, options, name="dut", only=all_bits(network, seed))


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(10))
def test_stored_slices_give_the_executors_answers(seed: int) -> None:
    network = random_hardware_network(seed)
    lowered = as_units(network, seed)
    images = random_images(np.random.default_rng(seed), network.input, 4)
    assert all(verdict.passed for verdict in verify(lowered, images, ["icarus"], quiet))


@pytest.mark.parametrize("seed", range(6))
def test_the_model_reads_slices_as_weights(seed: int) -> None:
    """The same windows through a unit of weights."""
    network, rng = random_hardware_network(seed), np.random.default_rng(seed)
    units = sliced_units(network, seed)
    plain = {layer: replace(unit, slices=False, memory="block") for layer, unit in units.items()}
    two = [lower(network, None, Options(architectures=own)) for own in (units, plain)]
    for one, other in zip(two[0].design.stages, two[1].design.stages, strict=True):
        if isinstance(one, MatrixVector) and isinstance(other, MatrixVector):
            assert one.slices and not other.slices
            window = rng.integers(one.values.low, one.values.high + 1, one.n_inputs).tolist()
            assert outputs(one, window) == outputs(other, window)
    assert units


@pytest.mark.parametrize("pe", [1, 2, 3, 6])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_block_ram_of_tables_is_counted_as_it_is_built(pe: int, n: int) -> None:
    """In the memories of the stage, each as yosys shapes one of two ports."""
    network, unit = small_network(0), Unit(pe, 6 * n, "block", slices=True)
    lowered = lower(network, None, Options(architectures={"conv2": unit}), only=("conv2", "conv2"))
    stage = lowered.design.stages[0]
    assert isinstance(stage, MatrixVector) and stage.weights and stage.slices
    slices = stage.slices
    tables = [ported(len(slices.joined(pair)), slices.taps) for pair in slices.pairs(pe)]
    words = block_rams(stage.n_words, stage.memory_width)
    assert unit_cost(network, "conv2", unit).block_rams == words + sum(tables)


def test_slices_are_stored_where_a_plan_has_few_of_them() -> None:
    """A memory of 64 filters of one channel's two patterns against one of their weights."""
    rng = np.random.default_rng(0)
    two = random_signs(rng, (3, 3, 8, 2))
    kernel = two[..., rng.integers(0, 2, 64)] * random_signs(rng, (1, 1, 8, 64))
    wide = np.zeros(64, np.int32)
    layers = (
        Layer("pixels", Threshold(np.zeros(8, np.int32), np.ones(8, bool)), INPUT),
        Layer("conv", Conv(kernel), "pixels"),
        Layer("sign", Threshold(wide, wide >= 0), "conv"),
    )
    network = Network(Input((8, 8, 8)), layers)
    stored = {unit: unit_cost(network, "conv", unit).luts for unit in choices(network, "conv")}
    cheapest = min(stored, key=stored.__getitem__)
    assert size_of(network, "conv").index_bits == (1,) * 8
    few = {unit: luts for unit, luts in stored.items() if unit.memory == "distributed"}
    assert min(few, key=few.__getitem__).slices and cheapest.memory == "block"


def test_representatives_and_signs_give_the_weights_back() -> None:
    weights = random_signs(np.random.default_rng(0), (20, 5, 4)).astype(np.int64)
    found = sliced(weights)
    assert sorted(found.order) == list(range(5)) and max(map(len, found.patterns)) <= 8
    for output in range(20):
        for channel in range(5):
            pattern = found.patterns[channel][found.numbers[output, channel]]
            taps = [1 if pattern >> tap & 1 else -1 for tap in range(4)]
            sign = -1 if found.negated[output, channel] else 1
            assert [sign * tap for tap in taps] == weights[output, channel].tolist()


@pytest.mark.parametrize(
    ("layer", "unit", "sentence"),
    [
        ("dense1", Unit(1, 5, "block", slices=True), "has no slices of +1 and -1 to store; "),
        ("conv2", Unit(1, 4, "block", slices=True), "simd 4 is no number of slices of 6 weights"),
        ("conv2", Unit(6, 24, slices=True), "so few words have no memory in which slices save"),
    ],
)
def test_what_cannot_store_slices_is_refused(layer: str, unit: Unit, sentence: str) -> None:
    network = small_network(0)
    with pytest.raises(HardwareError) as error:
        check(network, layer, unit)
    assert str(error.value).startswith(f"layer {layer}: {sentence}")
    with pytest.raises(HardwareError, match="^slices 1: expected true or false$"):
        Unit(1, 1, slices=1)  # type: ignore[arg-type]


@pytest.mark.needs_tool("verilator")
@pytest.mark.parametrize("seed", range(2))
def test_verilators_lint_finds_nothing_in_stored_slices(seed: int) -> None:
    assert lint(files(as_units(random_hardware_network(seed), seed).design), "dut") == ""
