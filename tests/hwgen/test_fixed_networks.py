"""The script of whole networks in fixed point: what is chosen, and its answers in a simulator."""

from importlib import import_module
from types import ModuleType

import pytest

from crshare.network.fixed_point import formats
from crshare.network.graph import Conv, RealConv
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


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize(("row", "skip"), [("blend-small", "dsp"), ("bireal-small", "adders")])
def test_whole_networks_answer_in_time(script: ModuleType, row: str, skip: str) -> None:
    network = script.drawn(script.ROWS[row])
    chosen = script.chosen_for(network, 2000, skip)
    assert script.simulated(network, chosen, 5, skip, "icarus")
