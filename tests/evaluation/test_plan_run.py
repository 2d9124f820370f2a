"""Which changed images may stand for images that a network does not know."""

import numpy as np

from crshare.evaluation.plan_run import knows_mirrored, knows_moved
from crshare.images.image_set import ImageSet
from crshare.network.graph import Conv, Input, Network
from tests.networks import Builder

PATTERNS = {
    "sides": np.array([[1, 1, 1, -1, -1, -1]] * 6),
    "stripes": np.array([[1, -1, 1, -1, 1, -1]] * 6),
    "levels": np.array([[1] * 6] * 3 + [[-1] * 6] * 3),
}


def telling(name: str) -> tuple[Network, ImageSet]:
    """A network that tells a pattern from its negative, and both of them as images."""
    pattern = PATTERNS[name]
    kernel = np.stack([pattern, -pattern], axis=2).reshape(6, 6, 1, 2).astype(np.int8)
    network = Builder(np.random.default_rng(0), Input((6, 6, 1))).add(Conv(kernel)).network
    pixels = np.stack([pattern, -pattern])[..., None] * 100 + 100
    return network, ImageSet(name, pixels.astype(np.uint8), np.array([0, 1]))


def test_images_that_a_network_still_gets_right_may_stand_for_new_ones() -> None:
    known = {
        name: (knows_mirrored(*telling(name)), knows_moved(*telling(name))) for name in PATTERNS
    }
    assert known == {"sides": (False, True), "stripes": (False, False), "levels": (True, True)}
