"""The script of whole networks in fixed point: what is chosen, and its answers in a simulator."""

from importlib import import_module
from itertools import pairwise
from math import prod
from types import ModuleType

import pytest

from crshare.hardware.architecture import Unit
from crshare.hardware.lowering import lower
from crshare.hardware.options import Options
from crshare.hardware.timing import held_back, passed
from crshare.network.fixed_point import formats
from crshare.network.graph import Conv, RealConv
from hwgen import MatrixVector, Pointwise, Queue, Stage
from tests.conftest import ROOT


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return import_module("fixed_networks")


def test_blendnet20_has_the_layers_of_the_recipe(script: ModuleType) -> None:
    network = script.drawn(script.ROWS["blendnet20"])
    mains = [conv.kernel.shape[3] for _, conv in network.convs()]
    skips = [la.op for la in network.layers if isinstance(la.op, RealConv)]
    assert mains == [16] * 6 + [32] * 6 + [64] * 6 and len(skips) == 18 + 2
    assert not any(isinstance(op, Conv) for op in skips)
    grids = formats(network)
    assert {grids[la.name].fraction for la in network.layers if la.name.endswith("_fixed")} == {4}


@pytest.fixture(scope="module")
def skips() -> list[tuple[Queue, MatrixVector, Stage]]:
    """Of a small blend network: units of skip paths, the queues before them, and who reads them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        script = import_module("fixed_networks")
    network = script.drawn(script.ROWS["blend-small"])
    built = {
        layer.name: Unit(1, 1) for layer in network.layers if layer.name.endswith(("skip", "main"))
    }
    design = lower(network, None, Options(skip="dsp", architectures=built)).design
    found = []
    for place, (stage, links) in enumerate(zip(design.stages, design.links, strict=True)):
        if isinstance(stage, MatrixVector) and stage.name.endswith("skip"):
            before = design.stages[links[0]]
            behind = design.stages[next(k for k, one in enumerate(design.links) if place in one)]
            assert isinstance(before, Queue)
            found.append((before, stage, behind))
    return found


def test_beats_wait_before_units_of_skip_paths(
    skips: list[tuple[Queue, MatrixVector, Stage]],
) -> None:
    """There they are narrower than the unit's sums, and the unit keeps one until it is taken."""
    assert len(skips) > 2
    for before, unit, behind in skips:
        assert before.width < unit.out_width and before.depth > 3, unit.name
        assert isinstance(behind, Pointwise), unit.name


def test_a_unit_that_is_held_back_gives_nothing_early(
    skips: list[tuple[Queue, MatrixVector, Stage]],
) -> None:
    for _, unit, _ in skips:
        arrivals = [40 * beat for beat in range(2 * prod(unit.windowing.size))]
        soon = passed(unit, arrivals)
        assert held_back(unit, arrivals, [0] * len(soon.given)) == soon
        until = [clock + 30 * (beat % 3) for beat, clock in enumerate(soon.given)]
        late = held_back(unit, arrivals, until)
        assert all(a <= b for a, b in zip(until, late.given, strict=True))
        assert all(a <= b for a, b in zip(soon.taken, late.taken, strict=True))
        gaps = [b - a for a, b in pairwise(late.given)]
        assert min(gaps) >= unit.n_words


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("row", "skip"), [("blend-small", "dsp"), ("bireal-small", "adders")])
def test_whole_networks_answer_in_time(script: ModuleType, row: str, skip: str) -> None:
    network = script.drawn(script.ROWS[row])
    chosen = script.chosen_for(network, 2000, skip)
    assert script.simulated(network, chosen, 3, skip, "icarus")
