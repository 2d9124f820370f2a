"""Where a quantiser rounds to, in the reference, the executor and what a file may say."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.executor.execute import outputs
from crshare.frontend.lut_container import contents_of, network_of
from crshare.network import reference
from crshare.network.graph import INPUT, Halves, Input, Layer, Network, Quantise, Scale


def of_pixels(halves: Halves) -> Network:
    """Sixteenths from -4 to 4, to quarters between -3 and 2.75."""
    layers = (
        Layer("sixteenths", Scale(np.array([1 / 16]), np.array([-4.0])), INPUT),
        Layer("quarters", Quantise(0.25, -3.0, 2.75, halves), "sixteenths"),
    )
    return Network(Input((1, 129, 1), low=0, high=128), layers)


PIXELS = np.arange(129).reshape(1, 1, 129, 1)


def by_fractions(halves: Halves) -> list[float]:
    found = []
    for pixel in range(129):
        quarters = (Fraction(pixel, 16) - 4) * 4
        step = round(quarters) if halves == "even" else floor(quarters + Fraction(1, 2))
        found.append(float(min(max(Fraction(step, 4), Fraction(-3)), Fraction(11, 4))))
    return found


@pytest.mark.parametrize("halves", ["even", "up"])
def test_halves_go_where_the_field_says(halves: Halves) -> None:
    network = of_pixels(halves)
    expected = by_fractions(halves)
    assert reference.run(network, PIXELS)["quarters"].reshape(-1).tolist() == expected
    found = outputs(network, PIXELS, ["quarters"])["quarters"]
    assert found.reshape(-1).tolist() == expected


def test_the_two_rules_differ_at_every_other_half() -> None:
    even, up = (np.array(by_fractions(halves)) for halves in ("even", "up"))
    halves = np.arange(129) % 4 == 2
    inside = np.abs(np.arange(129) - 64) < 40
    assert ((even != up) & inside).sum() == (halves & inside).sum() / 2
    assert (up >= even).all()


def test_a_file_names_one_of_the_two() -> None:
    contents = contents_of(of_pixels("up"))
    read, _ = network_of(contents)
    assert read.layer("quarters").op == Quantise(0.25, -3.0, 2.75, "up")
    del contents.header["layers"][1]["values"]["halves"]
    assert network_of(contents)[0].layer("quarters").op == Quantise(0.25, -3.0, 2.75)
    contents.header["layers"][1]["values"]["halves"] = "down"
    with pytest.raises(ModelFormatError, match="its header is none"):
        network_of(contents)
