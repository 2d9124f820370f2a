"""Slices corrected from representatives: same weights, fewer additions, as the netlist counts."""

import numpy as np
import pytest

from crshare.network.graph import Conv, Input
from crshare.network.slices import SliceTable, decompose
from crshare.plan.corrections import corrected_layer, group_additions
from crshare.plan.cost import count_layer
from crshare.plan.plan import LayerPlan, exact_layer, layer_from_weights
from tests.networks import Builder, conv_network, grouped_conv, random_network, random_signs
from tests.plans import random_plan


def slice_additions(layers: list[LayerPlan], tables: list[SliceTable]) -> int:
    """Additions of all layers for one image, computed as their slices say."""
    return sum(
        table.positions * layer_additions(layer, table)
        for layer, table in zip(layers, tables, strict=True)
    )


def layer_additions(layer: LayerPlan, table: SliceTable) -> int:
    weights = layer.effective(table)
    shared = zip(layer.representatives, layer.use, layer.corrected, strict=True)
    slices = sum(
        group_additions(each, weights[table.rows(group)]) for group, each in enumerate(shared)
    )
    return slices + table.n_filters * (table.n_groups - table.parts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_weights_stay_and_additions_never_rise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = ((3, 3), (2, 2), (1, 1))[seed % 3]
    (table,) = decompose(conv_network(Conv(random_signs(rng, (*shape, 17, 40))), (5, 5, 17)))
    weights = table.matrix.copy()
    flipped = rng.random(weights.shape) < (0, 0.02)[seed % 2]  # then some slices are similar
    weights[flipped] *= -1
    plan = corrected_layer(table, weights)
    assert np.array_equal(plan.effective(table), weights)
    assert not (plan.corrected & (plan.differing(table) == 0)).any()
    shared = layer_from_weights(table, weights)
    assert slice_additions([plan], [table]) <= slice_additions([shared], [table])
    if shape == (3, 3):
        assert slice_additions([plan], [table]) < slice_additions([shared], [table])
        assert plan.corrected.any()


def test_a_slice_that_no_other_shares_a_half_with_is_corrected() -> None:
    one = np.ones((3, 3), np.int8)
    other = one.copy()
    other[0, 0] = -1  # in the half of four weights: three additions and one, or one correction
    (table,) = decompose(conv_network(Conv(np.stack([one, other], -1)[:, :, None]), (3, 3, 1)))
    plan = corrected_layer(table, table.matrix)
    assert plan.n_computed == 1
    assert slice_additions([plan], [table]) == 8 + 1
    assert slice_additions([exact_layer(table)], [table]) == 8 + 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_additions_are_those_of_the_netlist(seed: int) -> None:
    network = random_network(seed)
    rng = np.random.default_rng(seed)
    for table in decompose(network):
        given = network.input_of(network.layer(table.layer))
        for plan in (exact_layer(table), random_plan(rng, table)):
            counted = count_layer(table, plan, given).after.additions
            assert counted <= slice_additions([plan], [table])
            columns = np.unique(plan.effective(table), axis=1)
            if columns.shape[1] == table.n_filters and table.parts == 1:
                assert counted == slice_additions([plan], [table])


def test_groups_of_channels_are_added_up_apart() -> None:
    rng = np.random.default_rng(0)
    conv = grouped_conv(rng, 4, 6)
    network = Builder(rng, Input((5, 5, 4))).add(conv).network
    (table,) = decompose(network)
    plan = corrected_layer(table, table.matrix)
    assert np.array_equal(plan.effective(table), table.matrix)
    given = network.input_of(network.layer(table.layer))
    assert count_layer(table, plan, given).after.additions <= slice_additions([plan], [table])
