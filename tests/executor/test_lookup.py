"""LUT networks by the compiled loops equal the reference, bit for bit."""

import numpy as np
import pytest

from crshare.executor.execute import compile_network, compile_part
from crshare.executor.kernels.native import values_of
from crshare.network import reference
from crshare.network.graph import INPUT
from tests.lut_networks import random_lut_network
from tests.networks import random_images


@pytest.mark.parametrize("seed", range(40))
def test_every_layer_equals_the_reference(seed: int) -> None:
    network = random_lut_network(seed)
    images = random_images(np.random.default_rng(seed), network.input, 3 + 20 * (seed % 3))
    expected = reference.run(network, images)
    names = [layer.name for layer in network.layers]
    for targets in (names, names[-1:]):
        part = compile_part(network, start=INPUT, targets=targets, n_threads=1)
        for name, found in part.run(images).items():
            values = values_of(found, network.signals[name])
            assert values.dtype == expected[name].dtype
            assert np.array_equal(values, expected[name]), name


def test_batches_hold_all_frames_of_their_images() -> None:
    drawn = map(random_lut_network, range(100))
    network = next(found for found in drawn if found.signals["modulate0"].frames > 2)
    images = random_images(np.random.default_rng(1), network.input, 700)
    scores = compile_network(network, n_threads=2).scores(images)
    expected = reference.run(network, images)[network.layers[-1].name]
    assert np.array_equal(scores, expected[:, 0, 0])
    middle = network.layers[1].name
    bits = compile_part(network, start=INPUT, targets=[middle], n_threads=2).run(images)[middle]
    rest = compile_part(network, start=middle, targets=[network.layers[-1].name], n_threads=2)
    assert np.array_equal(rest.run(bits)[network.layers[-1].name], expected)
