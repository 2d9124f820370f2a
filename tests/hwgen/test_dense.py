"""Grouped and dilated convolutions as they are built, against the reference."""

import numpy as np
import pytest

from crshare.hardware.dense import dense, dense_kernel
from crshare.hardware.parts import part_of
from crshare.network.graph import INPUT, Conv, Input, Layer, Network
from crshare.network.reference import run
from tests.networks import random_images, random_signs


def network_of(conv: Conv) -> Network:
    channels = conv.kernel.shape[2] * conv.groups
    return Network(Input((9, 8, channels), 2, -255), (Layer("conv", conv, INPUT),))


@pytest.mark.parametrize("pad", [None, 0, 1, -1])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize(("groups", "channels", "filters"), [(1, 3, 4), (2, 3, 6), (4, 1, 4)])
def test_the_sums_are_those_of_the_reference(
    pad: int | None, dilation: tuple[int, int], groups: int, channels: int, filters: int
) -> None:
    rng = np.random.default_rng(filters)
    kernel = random_signs(rng, (3, 2, channels, filters))
    given = network_of(Conv(kernel, (2, 1), pad, groups, dilation))
    built, images = dense(given), random_images(rng, given.input, 2)
    assert np.array_equal(run(given, images)["conv"], run(built, images)["conv"])
    assert built.signals["conv"].shape == given.signals["conv"].shape
    assert part_of(given, None).network.conv("conv").is_standard


def test_as_many_weights_are_left() -> None:
    kernel = random_signs(np.random.default_rng(0), (3, 3, 2, 6))
    found = dense_kernel(Conv(kernel, groups=3, dilation=(2, 2)))
    assert found.shape == (5, 5, 6, 6) and np.abs(found).sum() == kernel.size


def test_a_network_of_plain_convolutions_stays_the_same() -> None:
    given = network_of(Conv(random_signs(np.random.default_rng(0), (3, 3, 2, 4))))
    assert dense(given) is given
