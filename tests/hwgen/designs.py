"""Random small networks that have hardware: every padding, stride, pooling and end."""

import numpy as np

from crshare.network.graph import (
    INPUT,
    NEVER,
    BitPool,
    Conv,
    Flatten,
    Input,
    Kind,
    Layer,
    Network,
    Op,
    Scale,
    Threshold,
)
from tests.networks import random_signs

Generator = np.random.Generator


def random_hardware_network(seed: int) -> Network:
    """Pixels, one or two convolutions of bits behind the first, a dense layer, perhaps a scale."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(4, 8)), int(rng.integers(4, 8)), int(rng.integers(1, 3))
    given = [Input(shape), Input(shape, 2, -255), Input(shape, 1, -8, 0, 16)][seed % 3]
    build = _Chain(rng, given)
    if seed % 5 == 4:
        build.threshold()
    else:
        build.conv()
        build.threshold()
    for _ in range(int(rng.integers(0, 3))):
        if rng.random() < 0.4:
            build.pool()
        build.conv()
        build.threshold()
    build.add(Flatten())
    build.dense(3)
    if rng.random() < 0.5:
        build.add(Scale(rng.normal(size=3), rng.normal(size=3)))
    return build.network


class _Chain:
    def __init__(self, rng: Generator, given: Input) -> None:
        self.rng, self.input = rng, given
        self.layers: list[Layer] = []

    @property
    def network(self) -> Network:
        return Network(self.input, tuple(self.layers))

    def add(self, op: Op) -> None:
        source = self.layers[-1].name if self.layers else INPUT
        name = f"{type(op).__name__.lower()}{len(self.layers)}"
        self.layers.append(Layer(name, op, source))

    def conv(self) -> None:
        signal, rng = self.network.output, self.rng
        height, width, channels = signal.shape
        kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        pads: tuple[int | None, ...] = (None, 0, 1, -1)
        if signal.kind is Kind.INTEGERS:
            pads = (None, 0, 3)
        pad = pads[int(rng.integers(len(pads)))]
        if kernel[0] > height or kernel[1] > width:
            pad = 0
        strides = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        filters = int(rng.integers(1, 7))
        self.add(Conv(random_signs(rng, (*kernel, channels, filters)), strides, pad))

    def dense(self, n: int) -> None:
        channels = self.network.output.shape[2]
        self.add(Conv(random_signs(self.rng, (1, 1, channels, n))))

    def threshold(self) -> None:
        signal, rng = self.network.output, self.rng
        channels = signal.shape[2]
        spread = max(2, int(np.sqrt(signal.bound)))
        at = rng.integers(-spread, spread + 1, channels)
        ends = np.array([NEVER, -NEVER, -signal.bound, signal.bound, signal.bound + 1])
        at = np.where(rng.random(channels) < 0.15, rng.choice(ends, channels), at)
        self.add(Threshold(at.astype(np.int32), rng.random(channels) < 0.6))

    def pool(self) -> None:
        height, width, channels = self.network.output.shape
        size = 2, int(self.rng.integers(1, 4))
        strides = (2, 2) if self.rng.random() < 0.5 else (1, 1)
        same = size[0] > height or size[1] > width or bool(self.rng.random() < 0.5)
        self.add(BitPool(size, strides, same, self.rng.random(channels) < 0.5))
