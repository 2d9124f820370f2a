"""scripts/simulate_heaps.py: small heaps with every input, and what it says of a wrong one."""

from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

from crshare.hardware.heap_cells import heap_netlist
from hwgen import Head, Netlist
from solver.adder_graph import AdderGraph, build
from tests.conftest import ROOT

MATRIX = np.random.default_rng(1).choice([-1, 1], (3, 5))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return import_module("simulate_heaps")


@pytest.mark.needs_tool("iverilog")
@pytest.mark.parametrize("span", [(0, 1), (-1, 2)])
def test_small_heaps_are_right_for_every_input(script: ModuleType, span: tuple[int, int]) -> None:
    found = list(script.heaps(build(MATRIX, measure="lut6", input_range=span)))
    small = [heap for heap in found if heap.n_bits <= 10]
    assert {heap.compared for heap in found} == {True, False} and small
    assert script.wrong_heaps(small, "icarus") == 0


@pytest.mark.needs_tool("iverilog")
def test_a_wrong_heap_is_told(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = script.heaps(build(np.ones((1, 6), np.int64), measure="lut6"))
    other, *_ = script.heaps(build(np.array([[1, 1, 1, 1, 1, -1]]), measure="lut6"))

    def another(_: AdderGraph, heads: tuple[Head, ...], n_classes: int) -> Netlist:
        return heap_netlist(other.graph, heads, n_classes)

    monkeypatch.setattr(script, "heap_netlist", another)
    assert script.wrong_heaps([first], "icarus") == 1
