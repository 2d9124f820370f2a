"""Sharing as the result-sharing paper has it, which crshare's own is compared with."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from crshare.network.graph import Conv
from crshare.network.slices import SliceTable, decompose
from crshare.plan.plan import exact_layer
from tests.networks import conv_network, random_signs

SCRIPT = Path(__file__).parents[1] / "scripts" / "paper_table.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("paper_table", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table() -> SliceTable:
    rng = np.random.default_rng(0)
    (found,) = decompose(conv_network(Conv(random_signs(rng, (3, 3, 6, 50))), (5, 5, 6)))
    return found


def test_below_the_price_of_a_flip_sharing_is_exact(script: ModuleType, table: SliceTable) -> None:
    plan = script.similar_by_hamming(table, 0.5)
    assert np.array_equal(plan.effective(table), table.matrix)
    assert plan.n_computed == exact_layer(table).n_computed


def test_slices_take_others_of_their_channel_and_fewer_as_the_price_rises(
    script: ModuleType, table: SliceTable
) -> None:
    computed, flipped = [], []
    for cost in (0.5, 1.0, 2.0, 4.0, 16.0):
        plan = script.similar_by_hamming(table, cost)
        weights = plan.effective(table)
        for group in range(table.n_groups):
            own = {row.tobytes() for row in table.slices_of(group)}
            own |= {(-row).tobytes() for row in table.slices_of(group)}
            assert {row.tobytes() for row in weights[table.rows(group)].T} <= own
        computed.append(plan.n_computed)
        flipped.append(int((weights != table.matrix).sum()))
    assert computed == sorted(computed, reverse=True)
    assert flipped == sorted(flipped)
    assert computed[-1] < computed[0] / 4


def test_serving_costs_no_more_than_a_slice_for_each_pattern(
    script: ModuleType, table: SliceTable
) -> None:
    for classes in table.classes:
        for cost in (1.5, 3.0):
            taken = script.served(classes, cost)
            own = (classes.patterns[np.abs(classes.use) - 1].T * np.sign(classes.use)).astype(int)
            opened = len(np.unique(np.abs((taken * taken[:1]).T @ (3 ** np.arange(9)))))
            assert cost * opened + (taken != own).sum() <= cost * len(classes.patterns)


def test_a_search_tells_how_far_it_is(script: ModuleType) -> None:
    told: list[float] = []

    class Shared:
        def shared(self, opening_cost: float) -> float:
            return opening_cost

    best, beyond = script.Experiment.around(Shared(), lambda cost: cost < 3.0, told.append)
    assert best < 3.0 <= beyond < 1.3 * best
    assert told == sorted(told) and (told[0], len(told)) == (0.0, script.N_HALVINGS + 1)
