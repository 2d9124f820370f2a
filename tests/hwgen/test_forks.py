"""Designs that fork and join: the model, simulators with stalls, their queues and their rate."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crshare.hardware.architecture import Architecture, Unit
from crshare.hardware.beats import Vectors, bench, vectors
from crshare.hardware.lowering import Lowered, lower
from crshare.hardware.options import Options
from crshare.hardware.queues import clocks_an_image, queued
from crshare.hardware.timing import latency
from crshare.network.graph import Network
from hwgen import STALLS, Design, NetlistError, Pool, Queue, Windowing, files, lint, simulate
from hwgen.design import GIVEN
from hwgen.design_model import run
from hwgen.testbench import passed
from tests.hwgen.designs import random_hardware_network
from tests.hwgen.forks import random_forked_network
from tests.networks import random_images


def with_units(network: Network) -> Options:
    """Every other layer of bits a unit, so that paths differ in their clocks, too."""
    names = [layer.name for layer, _ in network.convs()][1:]
    built: dict[str, Architecture] = {name: Unit(1, 1) for name in names[::2]}
    return Options(architectures=built)


def made_of(seed: int) -> Lowered:
    network = random_forked_network(seed)
    options = with_units(network) if seed % 2 else Options(per_stage=1)
    return lower(network, None, options, name="dut")


def images_of(lowered: Lowered, n: int) -> npt.NDArray[Any]:
    return random_images(np.random.default_rng(1), lowered.network.input, n)


@pytest.mark.parametrize("seed", range(20))
def test_the_model_gives_the_executors_answers(seed: int) -> None:
    made = made_of(seed)
    beats = vectors(made, images_of(made, 2))
    assert run(made.design, beats.given) == beats.expected
    assert any(len(sources) > 1 for sources in made.design.links)


@pytest.mark.parametrize("seed", range(8))
def test_the_model_gives_the_answers_of_chains(seed: int) -> None:
    network = random_hardware_network(seed)
    made = lower(network, None, Options(fold=1 + seed % 3), name="dut")
    beats = vectors(made, random_images(np.random.default_rng(seed), network.input, 2))
    assert run(made.design, beats.given) == beats.expected
    assert made.design.sources == tuple((place - 1,) for place in range(len(made.design.stages)))


def expect_all(made: Lowered) -> None:
    """With stalls as long as several images; without them at the rate of the slowest stage."""
    beats = vectors(made, images_of(made, 5))
    steady, stalled = simulate("icarus", bench(made.design, beats), 600, ([], [STALLS]))
    found = passed(steady)
    assert found is not None and passed(stalled) is not None, stalled
    assert found.between <= clocks_an_image(made.design) + 1


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_stuck_or_slow(seed: int) -> None:
    expect_all(made_of(seed))


@pytest.mark.needs_tool("iverilog")
def test_the_latency_is_that_of_the_longest_path() -> None:
    made = made_of(2)
    beats = vectors(made, images_of(made, 1))
    (said,) = simulate("icarus", bench(made.design, beats), 600, ([],))
    found = passed(said)
    assert found is not None and found.clocks == latency(made.design)


@pytest.mark.slow
@pytest.mark.needs_tool("verilator")
def test_verilators_lint_finds_nothing() -> None:
    assert lint(files(made_of(1).design), "dut") == ""


def queues(design: Design) -> list[Queue]:
    return [stage for stage in design.stages if isinstance(stage, Queue)]


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
def test_shorter_queues_are_stuck() -> None:
    """A queue holds the rows that the windows of the other path keep back."""
    made = next(one for one in map(made_of, range(20)) if queues(one.design))
    stages = tuple(
        replace(stage, depth=1) if isinstance(stage, Queue) else stage
        for stage in made.design.stages
    )
    short = replace(made.design, stages=stages)
    (said,) = simulate("icarus", bench(short, vectors(made, images_of(made, 2))), 600, ([],))
    assert said.startswith("FAIL hangs")


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("seed", (1, 3, 7))
def test_narrow_queues_hold_nothing_up(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many words for a beat as its gap allows, whatever that saves."""
    monkeypatch.setattr("crshare.hardware.queues._price", lambda queue: -queue.words)
    made = made_of(seed)
    assert max(queue.words for queue in queues(made.design)) > 1
    expect_all(made)


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("words", "depth"), [(1, 3), (2, 3), (3, 30), (7, 2), (7, 40)])
def test_a_queue_gives_what_it_takes_in_time(words: int, depth: int) -> None:
    windowing = Windowing((3, 4), (1, 1))
    ends = [Pool(name, windowing, (False,) * 7) for name in ("before", "behind")]
    design = Design("dut", (ends[0], Queue("queue", 7, depth, words), ends[1]), 12, 12)
    given = np.random.default_rng(words).integers(0, 128, 36).tolist()
    beats = Vectors(given, run(design, given))
    assert beats.expected == given
    said = simulate("icarus", bench(design, beats), 600, ([], [STALLS]))
    assert all(passed(one) is not None for one in said)
    (alone,) = simulate("icarus", bench(design, Vectors(given[:12], given[:12])), 600, ([],))
    found = passed(alone)
    assert found is not None and found.clocks == latency(design)


def pool(name: str, kernel: int) -> Pool:
    pads = (kernel // 2,) * 4
    return Pool(name, Windowing((6, 6), (kernel, kernel), pads=pads), (False,))


def test_chains_have_no_queues() -> None:
    chain = Design("dut", (pool("a", 3), pool("b", 3)), 36, 36)
    assert queued(chain) is chain


def test_what_a_design_refuses() -> None:
    one, other = pool("a", 3), pool("b", 3)
    with pytest.raises(NetlistError, match=r"^dut: no stage reads a$"):
        Design("dut", (one, other), 36, 36, ((GIVEN,), (GIVEN,)))
    with pytest.raises(NetlistError, match=r"^b: reads 1 streams of stages before it$"):
        Design("dut", (one, other), 36, 36, ((GIVEN,), (1,)))
    with pytest.raises(NetlistError, match=r"^dut: a source for each of 2 stages$"):
        Design("dut", (one, other), 36, 36, ((GIVEN,),))
