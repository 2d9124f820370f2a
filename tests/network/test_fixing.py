"""Networks in fixed point: every value on a grid, and as near to the real ones as bits allow."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crshare.errors import NetworkError
from crshare.executor.execute import outputs
from crshare.network import reference
from crshare.network.fixed_point import formats
from crshare.network.fixing import Format, on_grid, rounded_at, to_fixed_point
from crshare.network.gathered_scales import gathered
from crshare.network.graph import (
    Add,
    Curve,
    Kind,
    Network,
    Op,
    Quantise,
    Scale,
    Sign,
    alike,
)
from tests.networks import gated_network, random_blend, random_graph, random_images, random_network

SEEDS = st.integers(0, 2**32 - 1)
Q4_4 = Format(8, 4)


def fixed(network: Network, form: Format = Q4_4, bits: int = 8) -> Network:
    whole = gathered(network)
    return to_fixed_point(whole, dict.fromkeys(rounded_at(whole), form), bits)


def same(one: Network, other: Network) -> bool:
    pairs = zip(one.layers, other.layers, strict=True)
    return all(alike(a.op, b.op) and (a.name, a.sources) == (b.name, b.sources) for a, b in pairs)


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=9), st.integers(2, 12))
def test_a_grid_is_the_finest_that_fits(values: list[float], bits: int) -> None:
    array = np.array(values)
    found, fraction = on_grid(array, bits)
    steps, top = np.ldexp(found, fraction), 2 ** (bits - 1) - 1
    assert (steps == np.rint(steps)).all() and np.abs(steps).max() <= top
    assert (np.abs(found - array) <= np.ldexp(0.5, -fraction)).all()
    finer = np.rint(np.ldexp(array, fraction + 1))
    assert np.abs(finer).max() > top or np.array_equal(np.ldexp(finer, -fraction - 1), found)


def test_the_grid_of_a_few_values() -> None:
    for values, bits, expected, fraction in (
        ([0.5, -0.25], 8, [0.5, -0.25], 2),
        ([1.0, 0.3], 4, [1.0, 0.25], 2),
        ([200.0, 3.0], 8, [200.0, 4.0], -2),
        ([0.0], 8, [0.0], 0),
    ):
        found, at = on_grid(np.array(values), bits)
        assert (found.tolist(), at) == (expected, fraction)


def dyadic(network: Network) -> Network:
    """With factors and offsets of few bits, so that products and sums are exact in any order."""
    ops: dict[str, Op] = {
        layer.name: Scale(*(np.rint(np.ldexp(part, 6)) / 64 for part in (op.scale, op.offset)))
        for layer in network.layers
        if isinstance(op := layer.op, Scale)
    }
    return network.replace(ops)


@pytest.mark.parametrize("seed", range(10))
def test_gathered_scales_change_no_value(seed: int) -> None:
    network = fixed(dyadic(random_blend(seed)), Format(12, 6), 12)
    again = dyadic(random_blend(seed))
    images = random_images(np.random.default_rng(seed), network.input, 3)
    found, expected = (reference.run(one, images) for one in (gathered(again), again))
    last = again.layers[-1].name
    np.testing.assert_allclose(found[last], expected[last], rtol=1e-9)
    scales = [sum(isinstance(la.op, Scale) for la in n.layers) for n in (gathered(again), again)]
    assert scales == [6, 8]
    sums = [la for la in gathered(again).layers if isinstance(la.op, Add)]
    assert not any(
        isinstance(r.op, Scale) for la in sums for r in gathered(again).readers_of(la.name)
    )


def lies_on_grids(network: Network, seed: int) -> None:
    """Values are those that the formats of hardware say, which end where a curve begins."""
    images = random_images(np.random.default_rng(seed), network.input, 3)
    values = reference.run(network, images)
    curves = [isinstance(layer.op, Curve) for layer in network.layers]
    n_whole = curves.index(True) if True in curves else len(curves)
    found = formats(network, network.layers[:n_whole])
    for layer in network.layers[:n_whole]:
        if network.signals[layer.name].kind is Kind.REALS:
            grid = found[layer.name]
            steps = np.ldexp(values[layer.name], grid.fraction)
            assert np.array_equal(steps, np.rint(steps)), layer
            assert grid.low <= steps.min() and steps.max() <= grid.high, layer


@pytest.mark.parametrize("seed", range(12))
def test_every_real_value_lies_on_a_grid(seed: int) -> None:
    lies_on_grids(fixed(random_blend(seed)), seed)
    lies_on_grids(fixed(gated_network(seed)), seed)
    lies_on_grids(fixed(random_graph(seed)), seed)
    lies_on_grids(fixed(random_network(seed)), seed)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_more_networks_lie_on_grids_and_run_as_the_reference(seed: int) -> None:
    for network in (random_graph(seed), random_network(seed)):
        made = fixed(network)
        lies_on_grids(made, seed)
        images = random_images(np.random.default_rng(seed), made.input, 3)
        last = made.layers[-1].name
        expected = reference.run(made, images)[last]
        assert np.array_equal(outputs(made, images, [last])[last], expected)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_in_fixed_point_stays_as_it_is(seed: int) -> None:
    for network in (random_blend(seed), random_graph(seed)):
        once = fixed(network)
        curves = [la.name for la in once.layers if isinstance(la.op, Curve)]
        assert [name for name in rounded_at(once) if name not in curves] == []
        if not curves:
            assert same(fixed(once), once)


def test_what_a_curve_gives_is_rounded_and_what_it_takes() -> None:
    """So it is a table of as many entries as a value has."""
    made = fixed(gated_network(0))
    curve = next(layer for layer in made.layers if isinstance(layer.op, Curve))
    assert made.layer(curve.source).op == Q4_4.quantise
    assert [reader.op for reader in made.readers_of(curve.name)] == [Q4_4.quantise]


def test_more_bits_come_nearer_to_the_real_scores() -> None:
    errors = np.zeros(3)
    for seed in range(6):
        network = random_blend(seed, n_modules=0)
        images = random_images(np.random.default_rng(1), network.input, 20)
        last = network.layers[-1].name
        real = reference.run(network, images)[last]
        for place, form in enumerate((Format(8, 4), Format(12, 8), Format(16, 12))):
            found = reference.run(fixed(network, form, form.bits), images)[last]
            errors[place] += np.abs(found - real).max() / np.abs(real).max()
    assert (errors[1:] < errors[:-1] / 6).all() and errors[2] < 0.01


def test_signs_see_values_before_they_are_rounded() -> None:
    made = fixed(random_blend(0))
    signs = [layer for layer in made.layers if isinstance(layer.op, Sign)]
    assert len(signs) == 2
    for layer in signs:
        assert not isinstance(made.layer(layer.source).op, Quantise)
        others = [r.op for r in made.readers_of(layer.source) if r is not layer]
        assert others == [Q4_4.quantise]
    assert Q4_4.quantise == Quantise(1 / 16, -8.0, 127 / 16, "up") and str(Q4_4) == "4.4"


def test_own_quantisers_round_halves_up_and_others_get_a_format() -> None:
    network = random_blend(1, n_modules=1)
    scale = network.layers[1]
    for own, expected in (
        (Quantise(0.25, -4.0, 3.75), Quantise(0.25, -4.0, 3.75, "up")),
        (Quantise(0.3, -3.0, 3.0), Q4_4.quantise),
        (Quantise(0.25, -4.0, np.inf), Q4_4.quantise),
    ):
        layers = [
            replace(la, source="own") if la.source == scale.name else la for la in network.layers
        ]
        layers.insert(2, replace(scale, name="own", op=own, source=scale.name))
        made = fixed(Network(network.input, tuple(layers)))
        assert made.layer("own").op == expected
        assert [r.name for r in made.readers_of("own")] == ["sign2", "realconv5"]


def test_formats_of_no_sense_are_refused() -> None:
    for bits, fraction in ((1, 0), (17, 4), (8, 40)):
        with pytest.raises(NetworkError, match="a format has 2 to 16 bits"):
            Format(bits, fraction)
