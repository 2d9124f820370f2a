"""The last layers of a network, and the gradient of its loss with respect to their thresholds.

A comparison passes gradients where its sum lies within a standard deviation of the threshold, as if
it rose in proportion there: the straight-through estimator (I. Hubara et al., "Binarized Neural
Networks", 2016). Gradients are rounded to a grid on which float32 adds up without error, so that
they are the same in whatever order a processor adds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from scipy.special import softmax

from crshare.arrays import Array, Float32Array, Float64Array
from crshare.network.graph import (
    BitPool,
    Conv,
    Flatten,
    Layer,
    Network,
    Scale,
    Signal,
    Threshold,
    extent,
)
from crshare.network.reference import pad, window_taps

Window = tuple[int, int]

EXACT_BITS = 23  # of a float32, one left for rounding
OUTSIDE = -np.inf  # of a pool's map


@dataclass(frozen=True, eq=False)
class Block:
    """A convolution or dense layer on bits or pixels, its threshold and the pool of bits behind it.

    reader: the convolution that reads the bits.
    """

    conv: Layer
    threshold: Layer
    pool: Layer | None
    reader: Layer


@dataclass(frozen=True, eq=False)
class LastLayers:
    """Blocks one behind the other up to the scores, scale * sums of the last layer."""

    blocks: tuple[Block, ...]
    last: Layer
    scale: Float64Array

    @property
    def sums(self) -> tuple[str, ...]:
        """The layers whose sums its gradients are made of, the last one behind all others."""
        return (*(block.conv.name for block in self.blocks), self.last.name)


def last_layers_of(network: Network, most_products: int) -> LastLayers | None:
    """The most last layers through whose weights gradients take at most so many products an image.

    None where the scores are no sums of a standard binary layer, one for each class.
    """
    layers = {layer.name: layer for layer in network.layers}
    reader, scale = network.layers[-1], np.ones(1)
    if isinstance(reader.op, Scale):
        scale, reader = reader.op.scale, layers.get(reader.source, reader)
    if not _is_plain(reader) or network.signals[reader.name].shape[:2] != (1, 1):
        return None
    last, blocks, left = reader, list[Block](), most_products
    while block := _before(network, layers, reader):
        left -= _products(network, reader)
        if left < 0:
            break
        blocks.insert(0, block)
        reader = block.conv
    return LastLayers(tuple(blocks), last, scale)


def _is_plain(layer: Layer) -> bool:
    return isinstance(layer.op, Conv) and layer.op.is_standard


def _before(network: Network, layers: Mapping[str, Layer], reader: Layer) -> Block | None:
    """The block whose bits alone a convolution reads, and that no other layer reads."""
    above: list[Layer] = []
    for kind in (Flatten, BitPool, Threshold, Conv):
        name = above[-1].source if above else reader.source
        layer = layers.get(name)
        if layer and isinstance(layer.op, kind) and len(network.readers_of(name)) == 1:
            above.append(layer)
        elif kind in (Threshold, Conv):
            return None
    pool = next((layer for layer in above if isinstance(layer.op, BitPool)), None)
    threshold, conv = above[-2:]
    return Block(conv, threshold, pool, reader) if _is_plain(conv) else None


def _products(network: Network, layer: Layer) -> int:
    assert isinstance(layer.op, Conv)
    height, width, _ = network.signals[layer.name].shape
    return height * width * int(layer.op.kernel.size)


def gradients(
    network: Network,
    last_layers: LastLayers,
    sums: Sequence[Array],
    spread: Mapping[str, Float32Array],
    wanted: Array,
    temperature: float,
) -> dict[str, Float64Array]:
    """Of the mean cross-entropy with respect to each threshold, in standard deviations of its sum.

    sums: of these layers, integers [n, height, width, channels]. spread: by threshold, float32
    standard deviations of each channel's sum. wanted: [n, classes]; scores are divided by
    temperature before softmax. network: with its present thresholds.
    """
    scale = last_layers.scale / temperature
    scores = sums[-1].reshape(len(wanted), -1) * scale
    error = (softmax(scores, axis=1) - wanted) * scale
    g = error.reshape(sums[-1].shape).astype(np.float32)
    found = {}
    for block, x in zip(reversed(last_layers.blocks), reversed(sums[:-1]), strict=True):
        name = block.threshold.name
        threshold = network.layer(name).op
        assert isinstance(threshold, Threshold) and isinstance(block.reader.op, Conv)
        g = through_weights(block.reader.op, g, network.input_of(block.reader))
        pooled = Pooled.of(network, block, threshold, x)
        near = np.abs(pooled.sums - threshold.at.astype(np.float32)) <= spread[name]
        signs = np.where(threshold.rising, np.float32(1), np.float32(-1))
        g = g.reshape(pooled.sums.shape) * (near * signs)
        found[name] = -g.sum(axis=(0, 1, 2), dtype=np.float64) / len(wanted)
        g = pooled.back(g / spread[name])
    return found


def through_weights(conv: Conv, g: Float32Array, given: Signal) -> Float32Array:
    """Gradients of a convolution's sums as gradients of its inputs: [n, *given.shape]."""
    kh, kw, channels, filters = conv.kernel.shape
    g = on_grid(g, filters * kh * kw)
    weights = conv.kernel.reshape(-1, filters).T.astype(np.float32)
    products = g.reshape(-1, filters) @ np.ascontiguousarray(weights)
    parts = [*np.moveaxis(products.reshape(*g.shape[:3], kh * kw, channels), 3, 0)]
    same = conv.pad_value is not None
    return scattered(parts, (len(g), *given.shape), (kh, kw), conv.strides, same=same)


def on_grid(g: Float32Array, terms: int) -> Float32Array:
    """Rounded so that as many terms add up in float32 without error, in any order."""
    largest = float(np.abs(g).max(initial=0))
    if largest == 0:
        return g
    unit = np.float32(2.0 ** (ceil(log2(largest)) + ceil(log2(terms)) - EXACT_BITS))
    return np.asarray(np.rint(g / unit) * unit)


def scattered(
    parts: Sequence[Float32Array],
    shape: tuple[int, ...],
    window: Window,
    strides: Window,
    *,
    same: bool,
) -> Float32Array:
    """What windows took from each of their places, added up where they took it.

    parts: for each place of a window [n, rows, columns, channels]. shape: of the map it took from.
    """
    sizes = zip(shape[1:3], window, strides, strict=True)
    top, left = (extent(size, taps, step, same=same)[1] for size, taps, step in sizes)
    reach = [(n - 1) * step + 1 for n, step in zip(parts[0].shape[1:3], strides, strict=True)]
    height = max(top + shape[1], reach[0] + window[0] - 1)
    width = max(left + shape[2], reach[1] + window[1] - 1)
    total = np.zeros((shape[0], height, width, shape[3]), np.float32)
    for place, part in enumerate(parts):
        i, j = divmod(place, window[1])
        total[:, i : i + reach[0] : strides[0], j : j + reach[1] : strides[1]] += part
    return total[:, top : top + shape[1], left : left + shape[2]]


@dataclass(frozen=True, eq=False)
class Pooled:
    """The sums that decide a block's bits: of each window of its pool the greatest, or the least.

    pool and taken: None without a pool; else which place of its window each sum is from.
    """

    sums: Float32Array
    shape: tuple[int, ...]
    pool: BitPool | None = None
    taken: Array | None = None

    @classmethod
    def of(cls, network: Network, block: Block, threshold: Threshold, x: Array) -> "Pooled":
        x = x.astype(np.float32)
        if block.pool is None:
            return cls(x, x.shape)
        pool = block.pool.op
        assert isinstance(pool, BitPool)
        signs = np.where(pool.all_of == threshold.rising, np.float32(-1), np.float32(1))
        padded = pad(x * signs, pool.size, pool.strides, OUTSIDE if pool.same else None)
        first, *others = window_taps(padded, pool.size, pool.strides)
        greatest, taken = first.copy(), np.zeros(first.shape, np.int16)
        for place, tap in enumerate(others, 1):
            taken[tap > greatest] = place
            np.maximum(greatest, tap, out=greatest)
        return cls(greatest * signs, x.shape, pool, taken)

    def back(self, g: Float32Array) -> Float32Array:
        """Gradients of the deciding sums as gradients of all sums."""
        if self.pool is None or self.taken is None:
            return g
        pool, places = self.pool, range(self.pool.size[0] * self.pool.size[1])
        parts = [g * (self.taken == place) for place in places]
        return scattered(parts, self.shape, pool.size, pool.strides, same=pool.same)
