"""What each objective counts, against what is counted where the plan is built or run."""

import numpy as np
import pytest

from crshare.errors import PlanError
from crshare.evaluation.plan_run import follow
from crshare.network.graph import Network
from crshare.network.slices import decompose
from crshare.plan.cost import count_layer
from crshare.plan.plan import SharingPlan
from crshare.planning.layerwise import exact_plan
from crshare.planning.objective import Objective, plan_cost
from crshare.planning.objectives import OBJECTIVES, objective
from tests.networks import random_images, random_network
from tests.plans import random_plan

SEEDS = range(1, 4)


def silent(what: str, done: float) -> None:
    pass


def planned(seed: int) -> tuple[Network, SharingPlan]:
    """A network that has layers to share, and any plan of it."""
    network = next(made for n in range(100) if decompose(made := random_network(100 * seed + n)))
    rng = np.random.default_rng(seed)
    layers = tuple(random_plan(rng, table) for table in decompose(network))
    return network, SharingPlan("", layers)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_name_gives_its_objective(name: str) -> None:
    found: Objective = objective(name)
    assert found.name == name
    assert found == objective(name)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(PlanError, match="'luck': no such measure; choose slice_operations or add"):
        objective("luck")


@pytest.mark.parametrize("seed", SEEDS)
def test_slice_operations_are_what_a_run_counts(seed: int) -> None:
    network, plan = planned(seed)
    tables = decompose(network)
    run = follow(network, plan, random_images(np.random.default_rng(seed), network.input, 1))
    counted = sum(layer.slice_operations for layer in run.values())
    assert plan_cost(objective("slice_operations"), plan, tables) == counted


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_additions_are_no_fewer_than_the_netlist_takes(seed: int) -> None:
    """The netlist may save more, where whole filters or halves of several groups are equal."""
    network, any_plan = planned(seed)
    found = objective("additions")
    for plan in (any_plan, exact_plan(network, "")):
        for table, layer in zip(decompose(network), plan.layers, strict=True):
            given = network.input_of(network.layer(table.layer))
            built = count_layer(table, layer, given).after.additions
            assert built <= found.layer_cost(table, layer)


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_refined_plan_costs_no_more_and_applies_the_same_weights(name: str, seed: int) -> None:
    network, _ = planned(seed)
    plan, tables, found = exact_plan(network, ""), decompose(network), objective(name)
    refined = found.refined(network, plan, silent)
    assert plan_cost(found, refined, tables) <= plan_cost(found, plan, tables)
    for table, before, after in zip(tables, plan.layers, refined.layers, strict=True):
        assert np.array_equal(before.effective(table), after.effective(table))
