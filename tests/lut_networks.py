"""Random small LUT networks for tests: frames, depth, windows, pooling, binarised layers."""

import numpy as np

from crshare.network.graph import (
    INPUT,
    BitPool,
    ClassSums,
    Conv,
    Flatten,
    Input,
    Layer,
    Lut,
    Modulate,
    Network,
    Op,
    signal_after,
)
from crshare.network.lut_ops import class_sums, modulation
from tests.networks import Builder, random_signs, random_threshold

NODES = (1, 2, 5, 31, 63, 64, 65, 130)


def random_lut(build: Builder, nodes: int, size: tuple[int, int] = (1, 1)) -> Lut:
    rng, channels = build.rng, build.signal.shape[2]
    k = int(rng.integers(1, 7))
    connections = rng.integers(0, size[0] * size[1] * channels, (nodes, k)).astype(np.int32)
    tables = rng.integers(0, 2**64, nodes, dtype=np.uint64)
    if k < 6:
        tables &= np.uint64((1 << (1 << k)) - 1)
    strides = (1, 1) if size == (1, 1) else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    fits = all(s <= whole for s, whole in zip(size, build.signal.shape, strict=False))
    return Lut(connections, tables, size, strides, same=not fits or build.chance(0.5))


def random_lut_network(seed: int) -> Network:
    """Frames in time or side by side, LUT layers on windows or not, and sums of classes."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(1, 7)), int(rng.integers(1, 7)), int(rng.integers(1, 4))
    given = Input(shape, low=-3, high=12) if rng.random() < 0.3 else Input(shape)
    build = Builder(rng, given)
    build.add(_random_modulation(build))
    for _ in range(int(rng.integers(0, 3))):
        _add_windowed(build)
    build.add(Flatten())
    if build.chance(0.3):
        _add_binarised(build, int(rng.choice(NODES)))
    for _ in range(int(rng.integers(0, 3))):
        build.add(random_lut(build, int(rng.choice(NODES))))
    _add_sums(build)
    return build.network


def _random_modulation(build: Builder) -> Modulate:
    rng, given = build.rng, build.input
    n, channels = int(rng.integers(1, 5)), given.shape[2]
    if build.chance(0.6):
        in_time = build.chance(0.5)
        return modulation(n, channels, low=given.low, high=given.high, in_time=in_time)
    at = rng.integers(given.low - 1, given.high + 2, (n, int(rng.integers(1, 4)), channels))
    return Modulate(at.astype(np.int32))


def _add_windowed(build: Builder) -> None:
    size = int(build.rng.integers(1, 4)), int(build.rng.integers(1, 4))
    build.add(random_lut(build, int(build.rng.choice(NODES)), size))
    if build.chance(0.5):
        build.add(random_lut(build, int(build.rng.choice(NODES))))
    if build.chance(0.4) and min(build.signal.shape[:2]) > 1:
        build.add(BitPool((2, 2), (2, 2), False, np.zeros(build.signal.shape[2], np.bool_)))


def _add_binarised(build: Builder, nodes: int) -> None:
    build.add(Conv(random_signs(build.rng, (1, 1, build.signal.shape[2], nodes))))
    build.add(random_threshold(build.rng, build.signal))


def _add_sums(build: Builder) -> None:
    rng, frames = build.rng, build.signal.frames
    n_classes = int(rng.integers(1, min(10, build.signal.shape[2]) + 1))
    if build.chance(0.5):
        build.add(class_sums(n_classes, frames))
        return
    weights, offsets = rng.integers(-5, 6, (2, n_classes)).astype(np.int32)
    build.add(ClassSums(weights, offsets, frames))


def one_table(table: int, n_inputs: int) -> Network:
    """A node that reads the first pixels, each +1 where it is 1, and a class for its bit."""
    lut = Lut(np.arange(n_inputs, dtype=np.int32)[None], np.array([table], np.uint64))
    return chain(Input((1, 1, n_inputs), high=1), modulation(1, n_inputs, high=1), lut)


def chain(given: Input, *ops: Op) -> Network:
    """Layers one behind the other, named by their place."""
    names = [INPUT, *(f"layer{place}" for place in range(len(ops)))]
    layers = (Layer(names[i + 1], op, names[i]) for i, op in enumerate(ops))
    network = Network(given, tuple(layers))
    assert network.output == signal_after(ops[-1], network.signals[names[-2]])
    return network
