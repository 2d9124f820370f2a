"""Grids and bounds of signals, against what networks really give."""

import numpy as np
import pytest

from crshare.errors import HardwareError
from crshare.network.fixed_point import Grid, formats, fraction_of, integers_of, rounded
from crshare.network.graph import INPUT, Curve, Input, Layer, Network, Quantise, Scale, Sign
from crshare.network.ops import Halves
from crshare.network.reference import run
from tests.hwgen.fixed import random_fixed_network
from tests.networks import random_images


@pytest.mark.parametrize("seed", range(30))
def test_all_values_lie_on_their_grid(seed: int) -> None:
    network = random_fixed_network(seed)
    grids = formats(network)
    found = run(network, random_images(np.random.default_rng(seed), network.input, 4))
    for name, values in found.items():
        if isinstance(network.op_of(name), Curve):
            continue  # what reads it is on a grid
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
    tanh = Layer("tanh", Curve("tanh"), "half")
    assert refused(half, tanh) == (
        "layer tanh (Curve) is not in fixed point: it gives values of any fraction, and nothing "
        f"rounds them; {advice}"
    )
    twice = Layer("twice", Scale(np.array([2.0]), np.zeros(1)), "tanh")
    assert refused(half, tanh, twice) == (
        "layer tanh (Curve) is not in fixed point: it gives values of any fraction, and twice "
        f"reads them unrounded; {advice}"
    )
    fine = Layer("half", Scale(np.array([2.0**-6]), np.full(1, 2.0**-12)), INPUT)
    assert refused(fine, tanh, Layer("q", Quantise(0.5, -1.0, 1.0), "tanh")) == (
        "layer tanh (Curve) is not in fixed point: it is a table of 16,321 entries, of at most "
        f"4,096; {advice}"
    )
    assert refused(half, Layer("q", Quantise(0.3, -3.0, 3.0), "half")) == (
        f"layer q (Quantise) is not in fixed point: its unit 0.3 is no power of two; {advice}"
    )
    third = Layer("third", Scale(np.array([1 / 3]), np.zeros(1)), INPUT)
    assert refused(third).startswith("layer third (Scale) is not in fixed point: its values take ")


@pytest.mark.parametrize("halves", ["even", "up"])
@pytest.mark.parametrize("unit", [0.125, 1.0, 2.0])
def test_bounds_of_a_curve_are_those_of_what_rounds_it(halves: Halves, unit: float) -> None:
    layers = (
        Layer("small", Scale(np.array([1 / 64]), np.array([-2.0])), INPUT),
        Layer("elu", Curve("elu"), "small"),
        Layer("rounded", Quantise(unit, -4.0, 100.0, halves), "elu"),
        Layer("sign", Sign(), "elu"),
    )
    network = Network(Input((1, 1, 1)), layers)
    grids = formats(network)
    found = run(network, np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1))
    whole = np.ldexp(found["rounded"], grids["rounded"].fraction)
    assert grids["elu"] == grids["small"]
    assert (grids["rounded"].low, grids["rounded"].high) == (whole.min(), whole.max())
