"""An image on its way: its latency, and the rate of a pipeline, as a simulator counts them."""

from pathlib import Path

import numpy as np
import pytest

import crshare
from crshare.hardware.architecture import Architecture, Graph, Turns, Unit, clocks
from crshare.hardware.beats import bench, vectors
from crshare.hardware.lowering import Lowered, Options, lower
from crshare.hardware.timing import latency, passed
from crshare.network.graph import (
    INPUT,
    BitPool,
    Conv,
    Flatten,
    Input,
    Layer,
    Lut,
    Network,
    Threshold,
)
from crshare.network.lut_ops import class_sums, modulation
from crshare.report.hardware import slowest_line
from hwgen import STALLS, Compute, Decide, Range, Windowing, simulate
from hwgen.netlist import Linear, Netlist
from hwgen.testbench import passed as passed_beats
from tests.lut_networks import chain
from tests.networks import random_images, random_signs

DIGITS = Path(__file__).parents[2] / "data" / "digits_bnn.h5"
BUILT: dict[str, Architecture] = {"a": Graph(), "b": Unit(1, 9), "c": Unit(1, 1)}


def network() -> Network:
    """A quick layer and a pool before slow ones, so that beats come in bursts."""
    rng = np.random.default_rng(0)
    zero = np.zeros(4, np.int32)

    def threshold(name: str, source: str) -> Layer:
        return Layer(name, Threshold(zero, zero >= 0), source)

    return Network(
        Input((12, 12, 1)),
        (
            Layer("a", Conv(random_signs(rng, (3, 3, 1, 4)), pad_value=0), INPUT),
            threshold("sa", "a"),
            Layer("pool", BitPool((2, 2), (2, 2), False, zero == 1), "sa"),
            Layer("b", Conv(random_signs(rng, (3, 3, 4, 4))), "pool"),
            threshold("sb", "b"),
            Layer("c", Conv(random_signs(rng, (2, 2, 4, 4)), strides=(2, 2)), "sb"),
            threshold("sc", "c"),
        ),
    )


def lowered() -> Lowered:
    return lower(network(), None, Options(architectures=BUILT), name="dut")


def measured(design: Lowered, n: int) -> int:
    images = random_images(np.random.default_rng(1), design.network.input, n)
    texts = bench(design.design, vectors(design, images))
    (said,) = simulate("icarus", texts, 600, ([],))
    found = passed_beats(said)
    assert found is not None
    return found.clocks


@pytest.mark.needs_tool("iverilog")
def test_a_pipeline_takes_an_image_in_the_clocks_of_its_slowest_layer() -> None:
    slowest = max(clocks(network(), layer, built) for layer, built in BUILT.items())
    made = lowered()
    assert (measured(made, 5) - measured(made, 3)) / 2 == pytest.approx(slowest, abs=1)


def test_a_stage_gives_a_window_after_its_clocks() -> None:
    netlist = Netlist(4, (Range(0, 1),) * 4, (), (Linear(0, 1, 0),))
    windowing = Windowing((2, 3), (2, 2))
    stage = Compute("s", windowing, 1, Range(0, 1), netlist, (0,), (0, 0), 1)
    timed = passed(stage, [0, 1, 2, 10, 11, 12])
    assert timed.taken == [0, 1, 2, 10, 11, 12] and timed.given == [13, 14]
    assert passed(Decide("d", Range(0, 1), 2), [5]).given == [6]


TURNED: dict[str, Architecture] = {"a": Graph(), "b": Turns(3), "c": Unit(2, 4, "block")}


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("built", [BUILT, TURNED])
@pytest.mark.parametrize("per_stage", [1, 3])
def test_the_latency_is_that_of_one_image(built: dict[str, Architecture], per_stage: int) -> None:
    options = Options(architectures=built, per_stage=per_stage)
    made = lower(network(), None, options, name="dut")
    assert latency(made.design) == measured(made, 1)


@pytest.mark.needs_tool("iverilog")
def test_the_latency_of_dense_layers_and_a_decision() -> None:
    built = {"dense1": Unit(4, 256, "block"), "dense2": Unit(1, 32)}
    options, network = Options(architectures=built), crshare.load(DIGITS).network
    made = lower(network, None, options, name="dut", only=("dense1", "dense2"))
    assert isinstance(made.design.stages[-1], Decide)
    assert latency(made.design) == measured(made, 1)


@pytest.mark.needs_tool("iverilog")
def test_an_image_of_several_frames_takes_the_beats_of_all_of_them() -> None:
    """Tables are quicker than pixels come in, which come anew for every frame."""
    inputs, frames = np.tile(np.arange(6, dtype=np.int32), (2, 1)), 4
    tables = Lut(inputs, np.array([0x123456789ABCDEF0, 0x0FED], np.uint64))
    ops = (modulation(frames, 1, high=3), Flatten(), tables, class_sums(2, frames))
    made = lower(chain(Input((2, 3, 1), high=3), *ops), None, Options(), name="dut")
    assert latency(made.design) == measured(made, 1)
    assert (measured(made, 5) - measured(made, 3)) / 2 == made.design.beats_in == 6 * frames
    said = "The input takes longest: an image every 24 clocks, 4,166,667 a second at 100 MHz."
    assert slowest_line(made, 100).plain == said
    assert made.layers[0].clocks == frames


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
def test_stalls_find_a_queue_that_overflows() -> None:
    """In front of a quick unit behind a slow one, where it never fills up by itself."""
    built = {"a": Unit(1, 9), "b": Unit(2, 36)}
    made = lower(network(), None, Options(architectures=built), name="dut")
    images = random_images(np.random.default_rng(1), made.network.input, 12)
    right = bench(made.design, vectors(made, images))
    wrong = right | {"fifo.v": right["fifo.v"].replace("s_ready = !full", "s_ready = 1'b1")}
    passes = [
        [said.startswith("PASS") for said in simulate("icarus", texts, 60, ([], [STALLS]))]
        for texts in (right, wrong)
    ]
    assert passes == [[True, True], [True, False]]
