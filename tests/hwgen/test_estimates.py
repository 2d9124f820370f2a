"""What stages are estimated to take, against what yosys maps them to."""

from pathlib import Path

import pytest

import crshare
from crshare.hardware.architecture import Resources, Unit
from crshare.hardware.around import window_cost
from crshare.hardware.lowering import lower
from crshare.hardware.options import Options
from crshare.hardware.unit_cost import unit_cost
from hwgen import Design, Pool, Windowing, files
from hwgen.identifiers import PRIMITIVES
from hwgen.sources import Sources
from hwgen.synthesis import Area, synthesise
from hwgen.targets import XILINX
from tests.hwgen.fixed import random_fixed_network

DIGITS = Path(__file__).parents[2] / "data" / "digits_bnn.h5"
pytestmark = [pytest.mark.slow, pytest.mark.needs_tool("yosys")]


def mapped(design: Design, place: int) -> Area:
    texts = {k: v for k, v in files(design).items() if Path(k).stem not in PRIMITIVES}
    return synthesise("xilinx", Sources(design.modules[place], texts), 300)


def agree(estimate: int, found: int) -> None:
    """Small stages within 15 %; whole networks come within 10 % (`scripts/choice_table.py`)."""
    assert estimate == pytest.approx(found, rel=0.15)


def test_the_windows_of_a_pool() -> None:
    lies, channels = Windowing((14, 14), (3, 3), (2, 2), (0, 0, 1, 1)), 24
    area = mapped(Design("dut", (Pool("pool", lies, (False,) * channels),), 196, 49), 0)
    estimate = window_cost(lies, channels) + Resources(2 * channels, channels, 0)
    agree(estimate.luts, area.sites)
    agree(estimate.registers, area.registers)


def test_products_are_multipliers_of_the_device() -> None:
    network = random_fixed_network(1, whole=False)
    first = network.layers[0].name
    lowered = lower(network, None, Options(XILINX, architectures={first: Unit(1, 3)}))
    place = next(k for k, stage in enumerate(lowered.design.stages) if stage.name == first)
    area = mapped(lowered.design, place)
    assert area.cells.get("DSP48E1", 0) == 3


def test_a_unit_of_weights_in_block_ram() -> None:
    network, unit = crshare.load(DIGITS).network, Unit(2, 32, "block")
    options = Options(XILINX, architectures={"dense2": unit})
    lowered = lower(network, None, options, only=("dense2", "dense2"))
    area = mapped(lowered.design, 0)
    agree(unit_cost(network, "dense2", unit, XILINX).luts, area.sites)
    halves = area.cells.get("RAMB18E1", 0) + 2 * area.cells.get("RAMB36E1", 0)
    assert halves == unit_cost(network, "dense2", unit, XILINX).block_rams == 2
