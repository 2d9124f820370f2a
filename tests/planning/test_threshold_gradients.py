"""Gradients of thresholds, against the chain rule over matrices made by probing each layer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from crshare.network.graph import BitPool, Conv, Flatten, Input, Network, Scale, Shape, Threshold
from crshare.network.reference import apply, run
from crshare.planning.threshold_gradients import (
    EXACT_BITS,
    LastLayers,
    gradients,
    last_layers_of,
    on_grid,
    scattered,
)
from tests.networks import Builder, random_images, random_signs, random_threshold

Array = npt.NDArray[Any]
NO_LIMIT = 10**9
SEEDS = st.integers(0, 2**32 - 1)


def random_chain(seed: int) -> Network:
    """Plain binary layers one behind the other, with strides, borders and pools, up to scores."""
    rng = np.random.default_rng(seed)
    shape = int(rng.integers(4, 8)), int(rng.integers(4, 8)), int(rng.choice([1, 3]))
    build = Builder(rng, Input(shape, multiplier=2, offset=-255))
    for _ in range(int(rng.integers(1, 4))):
        build.add(random_conv(build, int(rng.choice([1, 2, 5, 9]))))
        build.add(random_threshold(rng, build.signal))
        if build.chance(0.5):
            build.add(random_pool(build))
    build.add(Flatten())
    build.add(Conv(random_signs(rng, (1, 1, build.signal.shape[2], 3))))
    if build.chance(0.5):
        build.add(Scale(rng.normal(size=3), rng.normal(size=3)))
    return build.network


def random_conv(build: Builder, filters: int) -> Conv:
    rng, (height, width, channels) = build.rng, build.signal.shape
    size = int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1))
    kernel = random_signs(rng, (*size, channels, filters))
    strides = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    return Conv(kernel, strides, build.pick([None, -1, 0, 1]))


def random_pool(build: Builder) -> BitPool:
    rng, (height, width, channels) = build.rng, build.signal.shape
    size = int(rng.integers(1, min(3, height) + 1)), int(rng.integers(1, min(3, width) + 1))
    strides = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    return BitPool(size, strides, build.chance(0.5), rng.random(channels) < 0.5)


def cross_entropy_slopes(
    network: Network,
    last_layers: LastLayers,
    image: Array,
    wanted: Array,
    temperature: float,
    spread: Any,
) -> dict[str, Array]:
    """Of one image: a comparison's slope is 1 / spread where its sum is near, in place of a step;
    a pool passes the bit of its deciding sum."""
    values = {name: x[0] for name, x in run(network, image[None]).items()}
    scale = last_layers.scale / temperature
    scores = values[last_layers.last.name].reshape(-1) * scale
    g = (softmax(scores) - wanted) * scale
    found = {}
    for block in reversed(last_layers.blocks):
        sums, threshold = values[block.conv.name], network.layer(block.threshold.name).op
        assert isinstance(threshold, Threshold)
        given = network.input_of(block.reader).shape
        g = g @ matrix(partial(linear, block.reader.op), given)
        if block.pool:
            g = g @ deciding(block.pool.op, threshold, sums)
        slope = (np.abs(sums - threshold.at) <= spread[block.threshold.name]).reshape(-1)
        signs = np.broadcast_to(np.where(threshold.rising, 1, -1), sums.shape).reshape(-1)
        g = g * slope * signs
        found[block.threshold.name] = -g.reshape(-1, sums.shape[2]).sum(axis=0)
        g = g / np.broadcast_to(spread[block.threshold.name], sums.shape).reshape(-1)
    return found


def linear(op: Any, x: Array) -> Array:
    """A convolution without what its border adds, also of a map that is flattened before it."""
    assert isinstance(op, Conv)
    given = x if x.shape[3] == op.kernel.shape[2] else x.reshape(1, 1, 1, -1)
    zero = replace(op, pad_value=None if op.pad_value is None else 0)
    return np.asarray(apply(zero, given))


def matrix(function: Callable[[Array], Array], shape: Shape) -> Array:
    """Of a linear function of maps of a shape, by every map with a single 1."""
    size = int(np.prod(shape))
    probes = np.eye(size, dtype=np.int64).reshape(size, 1, *shape)
    return np.stack([function(probe).reshape(-1) for probe in probes], axis=1)


def deciding(op: Any, threshold: Threshold, sums: Array) -> Array:
    """For each output of a pool, which sum decides it: [outputs, sums] of 0 and 1."""
    assert isinstance(op, BitPool)
    height, width, channels = sums.shape
    rows = list(windows(height, op.size[0], op.strides[0], same=op.same))
    columns = list(windows(width, op.size[1], op.strides[1], same=op.same))
    found = np.zeros((len(rows), len(columns), channels, *sums.shape))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            for c in range(channels):
                greatest = op.all_of[c] != threshold.rising[c]
                places = [(r, k) for r in row for k in column]
                best = (max if greatest else min)(places, key=lambda at: sums[at[0], at[1], c])
                found[i, j, c, best[0], best[1], c] = 1
    return found.reshape(-1, sums.size)


def windows(size: int, window: int, stride: int, *, same: bool) -> Iterator[range]:
    """The places within a map that each window reaches."""
    count = -(-size // stride) if same else (size - window) // stride + 1
    before = max((count - 1) * stride + window - size, 0) // 2 if same else 0
    for position in range(count):
        start = position * stride - before
        yield range(max(start, 0), min(start + window, size))


@pytest.mark.slow
@given(SEEDS)
def test_gradients_are_those_of_the_chain_rule(seed: int) -> None:
    network = random_chain(seed)
    rng = np.random.default_rng(seed)
    last_layers = last_layers_of(network, NO_LIMIT)
    assert last_layers is not None
    images = random_images(rng, network.input, 3)
    wanted = softmax(rng.normal(size=(3, 3)), axis=1)
    values = run(network, images)
    sums = [values[name] for name in last_layers.sums]
    spread = {
        block.threshold.name: 1 + x.std(axis=(0, 1, 2))
        for block, x in zip(last_layers.blocks, sums, strict=False)
    }
    found = gradients(network, last_layers, sums, spread, wanted, temperature=2.0)
    each = [
        cross_entropy_slopes(network, last_layers, image, row, 2.0, spread)
        for image, row in zip(images, wanted, strict=True)
    ]
    for name, slopes in found.items():
        expected = np.mean([one[name] for one in each], axis=0)
        size = max(float(np.abs(one[name]).max(initial=0)) for one in each)
        rounded = 1e-3 * size + 1e-5 * float(np.abs(last_layers.scale).max())
        np.testing.assert_allclose(slopes, expected, atol=rounded)


@given(SEEDS, st.integers(1, 5000))
def test_what_is_on_the_grid_adds_up_the_same_in_any_order(seed: int, terms: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=terms).astype(np.float32) * np.float32(10.0 ** rng.integers(-8, 8))
    rounded = on_grid(values, terms)
    unit = np.abs(values).max() * terms * 2.0 ** (2 - EXACT_BITS)
    np.testing.assert_allclose(rounded, values, atol=unit)
    totals = {float(np.add.accumulate(rng.permutation(rounded))[-1]) for _ in range(5)}
    assert totals == {float(rounded.sum(dtype=np.float64))}


@given(SEEDS)
def test_a_tail_goes_back_through_weights_as_far_as_its_limit(seed: int) -> None:
    network = random_chain(seed)
    whole = last_layers_of(network, NO_LIMIT)
    assert whole is not None
    costs = [
        int(np.prod(network.signals[block.reader.name].shape[:2])) * block.reader.op.kernel.size
        for block in whole.blocks
        if isinstance(block.reader.op, Conv)
    ]
    for kept in range(len(costs) + 1):
        limit = sum(costs[kept:])
        for most, blocks in ((limit, whole.blocks[kept:]), (limit - 1, whole.blocks[kept + 1 :])):
            last_layers = last_layers_of(network, most)
            assert last_layers is not None
            assert last_layers.sums == (*(block.conv.name for block in blocks), whole.last.name)


def test_no_tail_where_scores_are_no_sums() -> None:
    build = Builder(np.random.default_rng(0), Input((2, 2, 1)))
    build.add(Conv(random_signs(build.rng, (1, 1, 1, 3))))
    assert last_layers_of(build.network, NO_LIMIT) is None
    build.add(random_threshold(build.rng, build.signal))
    build.add(Conv(random_signs(build.rng, (2, 2, 3, 3))))
    assert last_layers_of(build.network, NO_LIMIT) is not None
    build.add(random_threshold(build.rng, build.signal))
    assert last_layers_of(build.network, NO_LIMIT) is None


def test_a_tail_ends_where_two_layers_read_the_same_bits() -> None:
    build = Builder(np.random.default_rng(0), Input((1, 1, 3)))
    for _ in range(2):
        build.add(Conv(random_signs(build.rng, (1, 1, build.signal.shape[2], 4))))
        build.add(random_threshold(build.rng, build.signal))
    first = build.layers[1].name
    build.add(Conv(random_signs(build.rng, (1, 1, 4, 2))))
    alone = last_layers_of(build.network, NO_LIMIT)
    build.add(Conv(random_signs(build.rng, (1, 1, 4, 2))), after=first)
    last = build.last
    assert alone is not None
    assert [block.threshold.name for block in alone.blocks] == [first, build.layers[3].name]
    beside = last_layers_of(build.network, NO_LIMIT)
    assert beside is not None
    assert beside.last.name == last
    assert beside.blocks == ()


@pytest.mark.parametrize("same", [False, True])
def test_scattering_adds_up_what_windows_took(same: bool) -> None:
    parts = np.ones((9, 1, 3, 3, 1) if same else (9, 1, 1, 1, 1), np.float32)
    total = scattered(list(parts), (1, 3, 3, 1), (3, 3), (1, 1), same=same)
    often = np.array([[4, 6, 4], [6, 9, 6], [4, 6, 4]]) if same else np.ones((3, 3))
    np.testing.assert_array_equal(total[0, :, :, 0], often)
