"""Grids and bounds of signals, against what networks really give."""

import numpy as np
import pytest

from crshare.errors import HardwareError
from crshare.network.fixed_point import Grid, formats, fraction_of, integers_of, rounded
from crshare.network.graph import INPUT, Curve, Input, Layer, Network, Quantise, Scale
from crshare.network.reference import run
from tests.hwgen.fixed import random_fixed_network
from tests.networks import random_images


@pytest.mark.parametrize("seed", range(30))
def test_all_values_lie_on_their_grid(seed: int) -> None:
    network = random_fixed_network(seed)
    grids = formats(network)
    found = run(network, random_images(np.random.default_rng(seed), network.input, 4))
    for name, values in found.items():
        whole = np.ldexp(values.astype(np.float64), grids[name].fraction)
        assert (whole == np.rint(whole)).all(), name
        assert grids[name].low <= whole.min() <= whole.max() <= grids[name].high, name


@pytest.mark.parametrize(
    ("values", "fraction"),
    [([0.0], 0), ([3.0, -8.0], 0), ([0.5], 1), ([3.25, 1.0], 2), ([-(2.0**-20)], 20), ([], 0)],
)
def test_the_fewest_fraction_bits(values: list[float], fraction: int) -> None:
    array = np.array(values)
    assert fraction_of(array) == fraction
    assert integers_of(array, fraction) == [value * 2**fraction for value in values]


@pytest.mark.parametrize("value", range(-12, 13))
def test_rounding_is_that_of_the_executor(value: int) -> None:
    assert rounded(value, 2, even=True) == int(np.rint(value / 4))
    assert rounded(value, 2, even=False) == int(np.floor(value / 4 + 0.5))


def test_bounds_of_a_scale_and_a_rounding() -> None:
    layers = (
        Layer("scale", Scale(np.array([0.5, -0.25]), np.array([1.0, 0.0])), INPUT),
        Layer("round", Quantise(1.0, -4.0, 100.0), "scale"),
    )
    grids = formats(Network(Input((2, 2, 2)), layers))
    assert grids["scale"] == Grid(2, -255, 514)
    assert grids["round"] == Grid(0, -4, 100)


def refused(*layers: Layer) -> str:
    with pytest.raises(HardwareError) as error:
        formats(Network(Input((2, 2, 1)), layers))
    return str(error.value)


def test_the_first_layer_off_the_grid_is_named() -> None:
    half = Layer("half", Scale(np.array([0.5]), np.zeros(1)), INPUT)
    advice = "write the network in fixed point with `crshare export --fixed-point`"
    assert refused(half, Layer("tanh", Curve("tanh"), "half")) == (
        f"layer tanh (Curve) is not in fixed point: it gives values of any fraction; {advice}"
    )
    assert refused(half, Layer("q", Quantise(0.3, -3.0, 3.0), "half")) == (
        f"layer q (Quantise) is not in fixed point: its unit 0.3 is no power of two; {advice}"
    )
    third = Layer("third", Scale(np.array([1 / 3]), np.zeros(1)), INPUT)
    assert refused(third).startswith("layer third (Scale) is not in fixed point: its values take ")
