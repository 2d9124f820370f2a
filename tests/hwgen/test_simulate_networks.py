"""The script that simulates whole networks: on a small one, and what it calls equal and in time."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hwgen.testbench import passed
from tests.conftest import ROOT
from tests.keras_files import write_h5
from tests.small_model import SHAPE, small

PASS = "PASS 3 beats in 70 clocks, the first after 30"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return import_module("simulate_networks")


@pytest.mark.slow
@pytest.mark.needs_tool("iverilog")
def test_a_small_network_keeps_its_promise(script: ModuleType, tmp_path: Path) -> None:
    model = write_h5(tmp_path / "small.h5", small(), SHAPE)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, *SHAPE)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.zeros(8, np.uint8))
    row, run = script.Row(model, 80), script.Run(6, tmp_path / "images.npz")
    found = script.measure(row, run, "icarus")
    assert found.equal and found.in_time and found.n == 6
    assert 36 <= found.measured <= found.promised <= 80
    assert found.memory > 0


def test_a_promise_is_broken_by_a_wrong_answer_or_a_late_one(script: ModuleType) -> None:
    def measured(said: str, between: float) -> tuple[bool, bool]:
        one = script.Measured(20, between, 3, (PASS, said), 1.0, 1.0, 1)
        return one.equal, one.in_time

    assert measured(PASS, 20.0) == (True, True)
    assert measured("FAIL 1 of 3 beats are wrong", 22.0) == (False, False)


def test_clocks_between_beats_are_those_after_the_first() -> None:
    found = passed(PASS)
    assert found is not None and found.between == 20.0
    assert passed("FAIL 1 of 3 beats are wrong") is None
