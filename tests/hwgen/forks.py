"""Random small networks of bits whose paths fork and meet: strides, odd channels, nested forks."""

import numpy as np

from crshare.network.graph import (
    INPUT,
    BitPool,
    Concatenate,
    Conv,
    Flatten,
    Input,
    Layer,
    Network,
    Op,
    Threshold,
)
from tests.networks import random_signs

Generator = np.random.Generator


class Forked:
    """Appends layers by name; what is appended last is `last`."""

    def __init__(self, rng: Generator, given: Input) -> None:
        self.rng, self.input = rng, given
        self.layers: list[Layer] = []

    @property
    def network(self) -> Network:
        return Network(self.input, tuple(self.layers))

    def add(self, op: Op, *sources: str) -> str:
        name = f"{type(op).__name__.lower()}{len(self.layers)}"
        self.layers.append(Layer(name, op, sources[0], sources[1:]))
        return name

    def shape(self, name: str) -> tuple[int, int, int]:
        return self.network.signals[name].shape

    def bits(self, source: str, kernel: int, stride: int, pad: int | None = 0) -> str:
        """A convolution and thresholds behind it."""
        channels, filters = self.shape(source)[2], int(self.rng.integers(1, 5))
        weights = random_signs(self.rng, (kernel, kernel, channels, filters))
        sums = self.add(Conv(weights, (stride, stride), pad), source)
        at = self.rng.integers(-2, 3, filters).astype(np.int32)
        return self.add(Threshold(at, self.rng.random(filters) < 0.6), sums)


def random_forked_network(seed: int) -> Network:
    """Pixels, blocks that fork and meet again, one inside the other, and a dense layer."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(5, 9)), int(rng.integers(5, 9)), int(rng.integers(1, 3))
    build = Forked(rng, Input(shape))
    at = build.bits(INPUT, 3, 1)
    for place in range(int(rng.integers(1, 3))):
        at = _block(build, at, nested=place == 0)
    at = build.add(Flatten(), at)
    build.add(Conv(random_signs(rng, (1, 1, build.shape(at)[2], 3))), at)
    return build.network


def _block(build: Forked, at: str, *, nested: bool) -> str:
    """A long path and a short one, both with the strides of the block."""
    rng, stride = build.rng, int(build.rng.integers(1, 3))
    pad = (0, 1, -1)[int(rng.integers(3))]
    long = build.bits(at, 3, stride, pad)
    if nested:
        long = _block(build, long, nested=False)
    long = build.bits(long, 3, 1, pad)
    short, behind = at, build.shape(long)
    while build.shape(short)[:2] != behind[:2]:
        if rng.random() < 0.5:
            short = build.bits(short, 1, 2, 0)
        else:
            every = rng.random(build.shape(short)[2]) < 0.5
            short = build.add(BitPool((2, 2), (2, 2), True, every), short)
    others = [short, at] if build.shape(at)[:2] == behind[:2] and rng.random() < 0.5 else [short]
    return build.add(Concatenate(), long, *others)
