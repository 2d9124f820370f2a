"""Counted operations: small layers worked out by hand, and the sums over layers."""

import numpy as np
import pytest

from crshare.arrays import Array
from crshare.network.graph import INPUT, Conv, Input, Layer, Network, Signal
from crshare.network.slices import SliceTable, decompose
from crshare.plan.cost import Totals, count_layer
from crshare.plan.plan import exact_layer, layer_from_weights
from solver.adder_graph import build, measure
from tests.networks import conv_network

A = np.array([[1, 1], [-1, 1]], np.int8)


def table_of(kernel: Array, shape: tuple[int, int, int]) -> tuple[SliceTable, Signal]:
    network = conv_network(Conv(kernel.astype(np.int8)), shape)
    (table,) = decompose(network)
    return table, network.input_of(network.layer("conv"))


def test_a_copied_and_an_inverse_slice_cost_no_addition_of_their_own() -> None:
    kernel = np.stack([A, A, -A], axis=-1)[:, :, None, :]  # one channel, three filters
    table, given = table_of(kernel, (3, 4, 1))  # 2 x 3 = 6 positions
    counts = count_layer(table, exact_layer(table), given)
    assert counts.n_slices == 3
    assert (counts.origins.computed, counts.origins.copied, counts.origins.negated) == (1, 1, 1)
    assert counts.before.slice_operations == 6 * 4 * 3
    assert counts.after.slice_operations == 6 * 4
    assert counts.before.additions == 6 * 3 * (4 - 1)
    assert counts.after.additions == 6 * (4 - 1)
    assert counts.graph.additions == 6 * (4 - 1)
    assert (counts.exact, counts.exact_graph) == (counts.after, counts.graph)


def test_channels_are_added_up_for_each_filter() -> None:
    kernel = np.stack([np.stack([A, A], axis=-1), np.stack([A, -A], axis=-1)], axis=-2)
    table, given = table_of(kernel, (2, 2, 2))  # filters (A, A) and (A, -A), one position
    counts = count_layer(table, exact_layer(table), given)
    assert counts.before.additions == 2 * (8 - 1)
    assert counts.after.additions == 2 * 3 + 2  # each channel's slice once, then two sums
    assert counts.after.slice_operations == 2 * 4
    assert counts.graph.additions <= counts.after.additions


def test_similar_slices_are_counted_as_such() -> None:
    other = A.copy()
    other[0, 0] = -1
    kernel = np.stack([A, other], axis=-1)[:, :, None, :]
    table, given = table_of(kernel, (2, 2, 1))
    plan = layer_from_weights(table, np.repeat(table.matrix[:, :1], 2, axis=1))
    counts = count_layer(table, plan, given)
    assert (counts.origins.computed, counts.origins.similar) == (1, 1)
    assert counts.after.slice_operations == 4
    assert counts.before.slice_operations == counts.exact.slice_operations == 8
    assert counts.exact.additions <= counts.before.additions == 2 * 3
    assert counts.after.additions == counts.graph.additions == 3
    assert counts.exact_graph.additions <= counts.exact.additions


def test_a_layer_of_pixels_adds_as_often_and_wider_numbers() -> None:
    kernel = np.stack([A, -A, A], axis=-1)[:, :, None, :]
    table, bits = table_of(kernel, (2, 2, 1))
    narrow = count_layer(table, exact_layer(table), bits)
    first = Network(Input((2, 2, 1)), (Layer("conv", Conv(kernel), INPUT),))
    (table,) = decompose(first)
    wide = count_layer(table, exact_layer(table), first.input_of(first.layers[0]))
    assert (narrow.integer_input, wide.integer_input) == (False, True)
    assert wide.before.additions == narrow.before.additions
    assert wide.before.full_adders > narrow.before.full_adders
    assert wide.after.full_adders < wide.before.full_adders


def test_totals_add_up() -> None:
    assert Totals(1, 2, 3) + Totals(10, 20, 30) == Totals(11, 22, 33)


@pytest.mark.parametrize("first", [False, True])
def test_unshared_filters_cost_what_they_cost_in_one_graph(first: bool) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.choice(np.array([-1, 1], np.int8), (3, 3, 3, 40))
    table, bits = table_of(kernel, (3, 3, 3))
    given, inputs = bits, (0, 1)
    if first:
        pixels = Network(Input((3, 3, 3)), (Layer("conv", Conv(kernel), INPUT),))
        (table,) = decompose(pixels)
        given = pixels.input_of(pixels.layers[0])
        inputs = (-given.bound, given.bound)
    counts = count_layer(table, exact_layer(table), given)
    whole = measure(build(table.matrix.T.astype(int), method="separate", input_range=inputs))
    assert counts.before.additions == whole.additions
    assert counts.before.full_adders == whole.full_adders
