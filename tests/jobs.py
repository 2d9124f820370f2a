"""A small job of a search, which tests of the search and of its steps share."""

import numpy as np

from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet
from crshare.network.graph import Conv, Flatten, Input, Threshold
from crshare.planning.candidates import Job
from tests.networks import Builder, random_signs


def tiny_job(seed: int) -> Job:
    """Two binary convolutions of eight filters, and random images whose labels are its answers."""
    rng = np.random.default_rng(3)
    build = Builder(rng, Input((6, 6, 1)))
    for channels in (1, 8, 8):
        build.add(Conv(random_signs(rng, (3, 3, channels, 8)), pad_value=0))
        at = rng.integers(-4, 5, 8).astype(np.int32)
        build.add(Threshold(at, np.ones(8, np.bool_)))
    build.add(Flatten())
    build.add(Conv(random_signs(rng, (1, 1, 288, 5))))
    network = build.network
    pixels = np.random.default_rng(seed).integers(0, 256, (80, 6, 6, 1)).astype(np.uint8)
    labels = compile_network(network).classify(pixels)
    images = ImageSet("random images", pixels, labels)
    return Job(network, "0" * 64, images, images)
