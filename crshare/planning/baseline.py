"""The baseline of a search: statistics of the original network on the calibration images."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, Float64Array
from crshare.executor.execute import Histogram, compile_part, sum_histograms, usable_cores
from crshare.executor.kernels.native import values_of
from crshare.images.image_set import ImageSet
from crshare.network.fixing import on_grid_of
from crshare.network.graph import INPUT, BitPool, Kind, Layer, Network, Scale, Threshold
from crshare.network.shortcuts import (
    ChannelMoments,
    RealSign,
    importance_of_reals,
    norm_behind,
    real_sign,
)
from crshare.network.slices import SliceTable, decompose
from crshare.planning.calibrate import firing

MOST_BYTES = 400 * 2**20  # of the original network's maps held at a time
REAL_IMAGES, A_FEW = 500, 50  # on which reals are looked at, and how many are held at a time
LEAST_SHARE = 0.02  # of all slice operations, that a layer without 2-D slices needs to be tried


@dataclass(frozen=True, eq=False)
class BaselineLayer:
    """One layer with binary weights on bits, as the original network runs it.

    threshold: the comparison that reads its sums, None for the scores. fired: how often each
    channel fires over all images and positions. importance: what an error's variance costs, for
    each filter. similar: whether similar slices are worth a try here. positions_read: of the map
    that the next layer reads, after pooling. norm: of a layer whose sums reach a sign as reals, the
    scale behind them, whose offset may move; means: of what that reads, for each channel.
    """

    layer: Layer
    table: SliceTable
    threshold: Layer | None
    fired: npt.NDArray[np.int64]
    importance: Float64Array
    similar: bool
    inputs: Array
    positions_read: int
    norm: Layer | None = None
    means: Float64Array = field(default_factory=lambda: np.zeros(0))

    @property
    def movable(self) -> Threshold | None:
        """The threshold, where it may be moved."""
        op = self.threshold.op if self.threshold else None
        return op if isinstance(op, Threshold) and op.adjustable else None


@dataclass(frozen=True, eq=False)
class Baseline:
    """The original network, and what its layers do on the calibration images."""

    network: Network
    images: ImageSet
    tables: tuple[SliceTable, ...]
    layers: tuple[BaselineLayer, ...]


def baseline_of(network: Network, images: ImageSet) -> Baseline:
    """Run the original network on the calibration images, as many as memory allows."""
    images = _that_fit(network, images)
    tables = decompose(network)
    total = sum(table.slice_operations for table in tables)
    planned = [table for table in tables if _on_bits(network, table.layer)]
    sources = {network.layer(table.layer).source for table in planned}
    inputs = compile_part(network, start=INPUT, targets=sources).run(images.images)
    signs = _real_signs(network, [table.layer for table in planned])
    norms = {name: norm for name in signs if (norm := norm_behind(network, name))}
    before = {found.sign.source for found in signs.values()}
    before |= {norm.source for norm in norms.values()}
    moments = moments_of(network, INPUT, images.images, before)
    layers = list[BaselineLayer]()
    for table in planned:
        layer, sign = network.layer(table.layer), signs.get(table.layer)
        reals = _coarse(importance_of_reals(sign, moments[sign.sign.source])) if sign else None
        made = _baseline_layer(network, layer, table, inputs[layer.source], total, reals)
        if norm := norms.get(layer.name):
            made = replace(made, norm=norm, means=moments[norm.source].mean)
        layers.append(made)
    return Baseline(network, images, tables, tuple(layers))


def _on_bits(network: Network, name: str) -> bool:
    kind = network.input_of(network.layer(name)).kind
    return kind is Kind.BITS and network.conv(name).is_standard


def layer_histogram(network: Network, layer: Layer, values: Array) -> Histogram:
    """How often each sum of a Conv layer occurs on these inputs."""
    conv = network.conv(layer.name)
    given = network.input_of(layer)
    return sum_histograms(conv, given, values, n_threads=usable_cores())


def _real_signs(network: Network, layers: Sequence[str]) -> dict[str, RealSign]:
    """Of the layers whose sums reach a sign as reals, beside a shortcut."""
    found = dict[str, RealSign]()
    for name in layers:
        sign = None if network.threshold_of(name) else real_sign(network, name)
        if sign is not None:
            found[name] = sign
    return found


def moments_of(
    network: Network, start: str, values: Array, names: Collection[str]
) -> dict[str, ChannelMoments]:
    """Of what these layers give for the first images, a few of which are held at a time.

    values: of layer `start`, an image each, or images.
    """
    found = {name: ChannelMoments.none(network.signals[name].shape[2]) for name in names}
    if not found:
        return found
    part = compile_part(network, start=start, targets=found)
    for first in range(0, min(REAL_IMAGES, len(values)), A_FEW):
        for name, x in part.run(values[first : min(first + A_FEW, REAL_IMAGES)]).items():
            found[name].add(values_of(x, network.signals[name]))
    return found


def norm_for(layer: BaselineLayer, planned: Network, inputs: Array) -> Scale | None:
    """The norm behind a layer with the offset that gives each channel the mean of the original
    network; None where there is none. inputs: of the layer, in the planned network."""
    if layer.norm is None or not isinstance(layer.norm.op, Scale):
        return None
    scale, name = layer.norm.op, layer.norm.source
    now = moments_of(planned, layer.layer.source, inputs, {name})[name].mean
    moved = scale.offset + scale.scale * _coarse(layer.means - now)
    return replace(scale, offset=on_grid_of(scale, moved))


def _baseline_layer(
    network: Network,
    layer: Layer,
    table: SliceTable,
    values: Array,
    total: int,
    reals: Float64Array | None,
) -> BaselineLayer:
    threshold = network.threshold_of(layer.name)
    fired = np.zeros(0, np.int64)
    importance = np.zeros(table.n_filters) if reals is None else reals
    if threshold is not None and isinstance(threshold.op, Threshold):
        histogram = layer_histogram(network, layer, values)
        fired = firing(histogram, threshold.op)
        importance = _importance(histogram, threshold.op)
    decides = threshold is not None or reals is not None
    height, width = network.conv(layer.name).kernel.shape[:2]
    worth = decides and (height * width > 1 or table.slice_operations >= LEAST_SHARE * total)
    read = _positions_read(network, threshold or layer)
    return BaselineLayer(layer, table, threshold, fired, importance, worth, values, read)


def _positions_read(network: Network, layer: Layer) -> int:
    """Positions of this layer's map, or of the pooled one where pooling of bits follows."""
    name = layer.name
    for later in network.layers:
        if later.source == name and isinstance(later.op, BitPool):
            name = later.name
    height, width, _ = network.signals[name].shape
    return height * width


def _importance(histogram: Histogram, threshold: Threshold) -> Float64Array:
    """The density of a normal sum at its threshold, over its variance."""
    counts = histogram.counts.astype(np.float64)
    values = histogram.lowest + np.arange(counts.shape[1])
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    varies = variance > 0
    spread = np.where(varies, variance, 1.0)
    density = np.exp(-((threshold.at - mean) ** 2) / spread / 2)
    return np.where(varies, _coarse(density / spread), 0.0)


def _coarse(values: Float64Array) -> Float64Array:
    """To 20 bits, so that a last bit that differs between processors changes no plan."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.rint(mantissa * 2**20), exponent - 20)


def _that_fit(network: Network, images: ImageSet) -> ImageSet:
    sources = {la.source for la, _ in network.convs() if network.input_of(la).kind is Kind.BITS}
    shapes = [network.signals[name].shape for name in sources]
    needed = sum(height * width * -(-channels // 64) * 8 for height, width, channels in shapes)
    most = max(1, MOST_BYTES // max(needed, 1))
    if len(images) <= most:
        return images
    return images.take(slice(0, most), f"the first {most} of {images.name}")
