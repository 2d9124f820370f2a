"""Networks in fixed point as hardware: the executor, the model, and simulators with stalls."""

from io import StringIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from crshare.errors import HardwareError
from crshare.hardware.architecture import Architecture, Channels, Turns, Unit
from crshare.hardware.around import queue_cost
from crshare.hardware.beats import bench, vectors
from crshare.hardware.lowering import Lowered, lower
from crshare.hardware.options import SKIPS, Options
from crshare.hardware.rtl import tallies
from crshare.hardware.timing import latency
from crshare.network.graph import INPUT, Clamp, Conv, Input, Layer, Network, Scale
from crshare.report.hardware import hardware_table
from hwgen import STALLS, Queue, files, lint, simulate
from hwgen.design_model import run
from hwgen.testbench import passed
from tests.hwgen.fixed import drawn_architectures, random_fixed_network
from tests.hwgen.test_design import similar_plan
from tests.networks import random_images, random_signs


def made_of(seed: int) -> Lowered:
    """Every fourth ends with a class; of the others every number of the last map is an answer."""
    network = random_fixed_network(seed, whole=seed % 4 == 0)
    built = drawn_architectures(network, seed) if seed % 2 else {}
    options = Options(architectures=built, skip=SKIPS[seed // 2 % 2], per_stage=1 + seed % 3)
    return lower(network, None, options, name="dut")


def images_of(made: Lowered, n: int) -> npt.NDArray[Any]:
    return random_images(np.random.default_rng(1), made.network.input, n)


@pytest.mark.parametrize("seed", range(60))
def test_the_model_gives_the_executors_answers(seed: int) -> None:
    made = made_of(seed)
    beats = vectors(made, images_of(made, 3))
    assert run(made.design, beats.given) == beats.expected


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", (*range(6), 10, 16, 21, 22))
def test_icarus_gives_them_with_stalls_and_in_time(seed: int) -> None:
    made = made_of(seed)
    beats = vectors(made, images_of(made, 4))
    said = list(simulate("icarus", bench(made.design, beats), 600, ([], [STALLS])))
    assert [passed(one) is not None for one in said] == [True, True], said
    (alone,) = simulate("icarus", bench(made.design, vectors(made, images_of(made, 1))), 600, ([],))
    found, alike = passed(alone), latency(made.design)
    assert found is not None
    if any(conv.kernel.shape[1] > 3 for _, conv in made.network.convs()):  # unlike borders
        assert alike <= found.clocks <= alike + 8
    else:
        assert found.clocks == alike


@pytest.mark.slow
@pytest.mark.needs_tool("verilator")
@pytest.mark.parametrize("seed", (1, 2))
def test_verilators_lint_finds_nothing(seed: int) -> None:
    assert lint(files(made_of(seed).design), "dut") == ""


@pytest.mark.parametrize("seed", range(6))
def test_plans_of_the_main_path_are_built(seed: int) -> None:
    network = random_fixed_network(seed, whole=False)
    made = lower(network, similar_plan(network), Options(per_stage=2), name="dut")
    beats = vectors(made, images_of(made, 2))
    assert run(made.design, beats.given) == beats.expected


def test_queues_are_counted_in_the_table() -> None:
    made = made_of(2)
    queues = [stage for stage in made.design.stages if isinstance(stage, Queue)]
    assert queues and f"{sum(queue_cost(one).luts for one in queues):,}" in shown(made)


def shown(made: Lowered) -> str:
    written = StringIO()
    Console(width=100, file=written).print(hardware_table(made))
    return written.getvalue()


def test_products_are_counted() -> None:
    network = random_fixed_network(1, whole=False)
    made = lower(network, None, Options(skip="dsp"), name="dut")
    real = next(layer for layer in made.layers if layer.method == "products")
    assert tallies(made)[real.layer].products == real.dsps > 0


def scaled(scale: float, *behind: Layer) -> Network:
    """A convolution of pixels, a scale of its sums, and perhaps more."""
    conv = Conv(random_signs(np.random.default_rng(0), (2, 2, 1, 2)))
    layers = Layer("conv", conv, INPUT), Layer("bn", Scale(np.full(2, scale), np.zeros(2)), "conv")
    return Network(Input((4, 4, 1)), (*layers, *behind))


def test_what_is_not_in_fixed_point_is_named() -> None:
    network = scaled(0.1, Layer("relu", Clamp(0.0, np.inf), "bn"))
    with pytest.raises(HardwareError) as error:
        lower(network, None, Options())
    assert str(error.value) == (
        "layer bn (Scale) is not in fixed point: its values take 62 bits, 55 of them behind the "
        "point; write the network in fixed point with `crshare export --fixed-point`"
    )


def test_part_of_such_a_network_gives_its_sums() -> None:
    network = scaled(0.1, Layer("relu", Clamp(0.0, np.inf), "bn"))
    assert lower(network, None, Options(), only=("conv", "conv")).end == "conv"


@pytest.mark.parametrize(
    ("built", "sentence"),
    [
        (Channels(3), "layer relu: turns 3 does not divide its 2 channels; take 2"),
        (Turns(2), "relu is no layer with binary weights that has hardware; choose of conv"),
    ],
)
def test_architectures_that_do_not_fit(built: Architecture, sentence: str) -> None:
    network = scaled(0.5, Layer("relu", Clamp(0.0, np.inf), "bn"))
    with pytest.raises(HardwareError) as error:
        lower(network, None, Options(architectures={"relu": built}))
    assert str(error.value) == sentence


def test_units_divide_real_weights() -> None:
    network = random_fixed_network(1, whole=False)
    name = network.layers[0].name
    with pytest.raises(HardwareError, match=rf"^layer {name}: pe 99 does not divide its"):
        lower(network, None, Options(architectures={name: Unit(99, 1)}))
