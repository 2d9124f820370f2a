"""What is wanted of a network under a plan, on the digits that come with crshare."""

import numpy as np
import pytest

import crshare
from crshare.executor.execute import compile_network
from crshare.images import digits
from crshare.images.image_set import ImageSet
from crshare.network.graph import Network
from crshare.planning.teacher import Teacher, cross_entropy, teacher_of

pytestmark = pytest.mark.needs_package("sklearn")


@pytest.fixture(scope="module")
def network() -> Network:
    return crshare.load(digits.demo_model()).network


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return digits.demo_images()[0]


def test_what_is_wanted_is_a_mixture_of_the_label_and_what_the_network_says(
    network: Network, images: ImageSet
) -> None:
    some, scale = images.take(slice(20), "few"), 8.0
    executor = compile_network(network)
    scores = executor.scores(some.images).reshape(20, 10) / scale
    said = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    label = np.eye(10)[some.labels]
    for share in (0.0, 0.3, 1.0):
        wanted = Teacher(executor, share, scale).wanted(some.labels, some.images)
        assert wanted == pytest.approx(share * said + (1 - share) * label, abs=1e-6)


def test_the_temperature_is_that_of_the_least_cross_entropy(
    network: Network, images: ImageSet
) -> None:
    found = teacher_of(network, images, 0.5).temperature
    scores = compile_network(network).scores(images.images).reshape(len(images), 10)
    costs = [cross_entropy(scores / t, images.labels) for t in (found / 2, found, 2 * found)]
    assert costs[1] < costs[0] and costs[1] < costs[2]
