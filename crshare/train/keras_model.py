"""A Network under a plan as a Keras model that can be trained and read back.

Binary layers and thresholds are trained; everything else (real-valued layers, the scale of the
scores) is applied as it stands, since a plan cannot express a change of it. At inference the model
computes what the planned network computes, up to float32 rounding of what is real-valued.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, cast

import numpy as np
import tensorflow as tf
import tf_keras as keras

from crshare.arrays import Array
from crshare.model.ties import same_decisions
from crshare.network.graph import (
    INPUT,
    Add,
    BitPool,
    Clamp,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Layer,
    Leak,
    MaxPool,
    Multiply,
    Network,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
    Threshold,
)
from crshare.network.slices import decompose
from crshare.plan.plan import SharingPlan, with_offsets
from crshare.train.sharing import SharedConv
from crshare.train.signs import sign
from crshare.train.trained_thresholds import TrainedThreshold, lowest_counts

Call = Callable[..., Any]

BATCH = 100
CURVES: dict[str, Call] = {
    "tanh": tf.tanh,
    "sigmoid": tf.sigmoid,
    "softsign": tf.nn.softsign,
    "elu": tf.nn.elu,
}


class Applied(keras.layers.Layer):  # type: ignore[misc]
    """A function of maps without weights, as a layer of a name."""

    def __init__(self, function: Call, **options: Any) -> None:
        super().__init__(**options)
        self._function = function

    def call(self, inputs: Any) -> Any:
        return self._function(*inputs) if isinstance(inputs, list) else self._function(inputs)


@dataclass(frozen=True, eq=False)
class Trainable:
    """A network under a plan as a Keras model: float32 images [n, h, w, c] to scores [n, classes].

    convs and comparisons: its layers that are trained, by the names of the network's layers.
    """

    network: Network
    plan: SharingPlan
    model: Any
    convs: dict[str, SharedConv]
    comparisons: dict[str, TrainedThreshold]

    def begin(self, images: Array) -> None:
        """Take the moments of all batch normalisations from images; no threshold moves."""
        found = list(self.comparisons.values())
        if found:
            probe = keras.Model(self.model.inputs, [layer.input for layer in found])
            for layer, (mean, variance) in zip(found, moments(probe, images), strict=True):
                layer.begin(mean, variance)

    def settle(self, batches: Iterable[Array]) -> None:
        """Take the moments of all batch normalisations from batches of images [n, h, w, c], each
        normalised by its own as in training; thresholds move with them.

        Moving averages would mix the sums of weights that have changed meanwhile, or be those of
        few images (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, sec. 3).
        """
        norms = [layer.norm for layer in self.comparisons.values() if layer.norm.trainable]
        totals, n_batches = [np.zeros((2, *norm.moving_mean.shape)) for norm in norms], 0
        for images in batches:
            self.model(images.astype(np.float32), training=True)
            for total, norm in zip(totals, norms, strict=True):
                mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
                total += mean, variance + mean**2
            n_batches += 1
        for total, norm in zip(totals, norms, strict=True):
            mean, square = total / n_batches
            norm.moving_mean.assign(mean)
            norm.moving_variance.assign(square - mean**2)

    def trained_plan(self) -> SharingPlan:
        """The plan of now; of the thresholds those that decide otherwise than the model's own."""
        thresholds = {}
        for name, comparison in self.comparisons.items():
            layer, found = self.network.layer(name), comparison.merged()
            bound = self.network.input_of(layer).bound
            if not same_decisions(_threshold(layer), found, bound).all():
                thresholds[name] = found
        layers = tuple(self.convs[plan.layer].trained_plan() for plan in self.plan.layers)
        return SharingPlan(self.plan.fingerprint, layers, thresholds, self.plan.offsets)


def trainable(network: Network, plan: SharingPlan) -> Trainable:
    """Build the Keras model."""
    builder = _Graph(network, plan)
    for layer in with_offsets(network, plan).layers:
        builder.add(layer)
    scores = keras.layers.Flatten(name="crshare_scores")(builder.values[network.layers[-1].name])
    model = keras.Model(builder.values[INPUT], scores)
    return Trainable(network, plan, model, builder.convs, builder.comparisons)


class _Graph:
    """Keras values by the names of the network's layers, while the model is built."""

    def __init__(self, network: Network, plan: SharingPlan) -> None:
        self.network, self.plan = network, plan
        self.tables = {table.layer: table for table in decompose(network)}
        self.convs: dict[str, SharedConv] = {}
        self.comparisons: dict[str, TrainedThreshold] = {}
        images = keras.Input(network.input.shape)
        self.values: dict[str, Any] = {INPUT: images}
        self.entered = Applied(lambda x: network.input.multiplier * x + network.input.offset)(
            images
        )

    def add(self, layer: Layer) -> None:
        given = [self._value(source) for source in layer.sources]
        match layer.op:
            case Conv() as conv:
                made = SharedConv(conv, self.tables[layer.name], self.plan.layer(layer.name))
                self.convs[layer.name] = made
                self.values[layer.name] = made(given[0])
            case Threshold() if self._pool_behind(layer) is None:
                self.values[layer.name] = self._comparison(layer)(given[0])
            case Threshold():
                self.values[layer.name] = given[0]  # the sums, which the pool takes
            case BitPool() as pool if self._is_merged(layer):
                threshold = self.network.layer(layer.source)
                lowest = lowest_counts(_threshold(threshold), pool.all_of)
                pooled = Applied(partial(pool_windows, pool, lowest))(given[0])
                self.values[layer.name] = self._comparison(threshold)(pooled)
            case op:
                function = function_of(op)
                value = given if len(given) > 1 else given[0]
                self.values[layer.name] = Applied(function)(value)

    def _value(self, source: str) -> Any:
        return self.entered if source == INPUT else self.values[source]

    def _comparison(self, layer: Layer) -> TrainedThreshold:
        old = _threshold(layer)
        planned = self.plan.thresholds.get(layer.name, old)
        bound = self.network.input_of(layer).bound
        made = TrainedThreshold(planned, bound)
        self.comparisons[layer.name] = made
        return made

    def _pool_behind(self, layer: Layer) -> BitPool | None:
        """A pool that alone reads a threshold: it then takes sums, and the threshold follows."""
        readers = self.network.readers_of(layer.name)
        op = readers[0].op if len(readers) == 1 else None
        return op if isinstance(op, BitPool) else None

    def _is_merged(self, layer: Layer) -> bool:
        if layer.source == INPUT:
            return False
        above = self.network.layer(layer.source)
        return isinstance(above.op, Threshold) and self._pool_behind(above) is not None


def _threshold(layer: Layer) -> Threshold:
    return cast(Threshold, layer.op)


def function_of(op: Op) -> Call:
    """An operation that is not trained, on float32 maps."""
    match op:
        case RealConv(kernel, bias, strides, same):
            padding = "SAME" if same else "VALID"
            single = kernel.astype(np.float32)
            return lambda x: tf.nn.conv2d(x, single, strides, padding) + bias
        case Sign(zero_is_plus):
            return sign if zero_is_plus else lambda x: -sign(-x)
        case BitPool(all_of=all_of):
            return partial(pool_windows, op, all_of)
        case MaxPool():
            return partial(pool_windows, op, None)
        case SumPool(size, strides):
            n = size[0] * size[1]
            return lambda x: n * tf.nn.avg_pool2d(x, size, strides, "VALID")
        case Flatten():
            return lambda x: tf.reshape(x, (-1, 1, 1, int(np.prod(x.shape[1:]))))
        case Scale(scale, offset):
            return lambda x: x * tf.constant(scale, x.dtype) + tf.constant(offset, x.dtype)
        case Clamp(low, high):
            return lambda x: tf.clip_by_value(x, low, high)
        case Leak(negative):
            return lambda x: tf.where(x < 0, x * tf.constant(negative, x.dtype), x)
        case Quantise():
            return partial(quantise, op)
        case Curve(function):
            return CURVES[function]
        case Add():
            return lambda *maps: tf.add_n(maps)
        case Multiply():
            return lambda *maps: reduce(tf.multiply, maps)
        case Pad(before, after, value):
            around = ((0, 0), *zip(before, after, strict=True), (0, 0))
            return lambda x: tf.pad(x, around, constant_values=value)
        case Concatenate():
            return lambda *maps: tf.concat(maps, axis=3)
        case _:
            raise TypeError(f"{type(op).__name__} is trained")


def quantise(op: Quantise, x: Any) -> Any:
    """The nearest multiple of its unit within its limits; gradients pass where it does not clip."""
    limited = tf.clip_by_value(x, op.low, op.high)
    steps = tf.round(x / op.unit) if op.halves == "even" else tf.floor(x / op.unit + 0.5)
    rounded = tf.clip_by_value(op.unit * steps, op.low, op.high)
    return limited + tf.stop_gradient(rounded - limited)


def pool_windows(op: BitPool | MaxPool, lowest: Array | None, x: Any) -> Any:
    """The greatest value of each window, or the least in the channels of `lowest`."""
    signs = 1 if lowest is None else tf.constant(np.where(lowest, -1, 1), x.dtype)
    padding = "SAME" if op.same else "VALID"
    return signs * tf.nn.max_pool2d(signs * x, op.size, op.strides, padding)


def moments(probe: Any, images: Array) -> list[tuple[Array, Array]]:
    """Mean and variance by channel of each output of a model over images."""
    totals: list[Array] = []
    for first in range(0, len(images), BATCH):
        given = probe(images[first : first + BATCH].astype(np.float32), training=False)
        maps = given if isinstance(given, list | tuple) else [given]
        sums = [_sums(np.asarray(x, np.float64).reshape(-1, x.shape[-1])) for x in maps]
        totals = [a + b for a, b in zip(totals, sums, strict=True)] if totals else sums
    means = [(total[1] / total[0], total[2] / total[0]) for total in totals]
    return [(mean, np.maximum(square - mean**2, 0)) for mean, square in means]


def _sums(x: Array) -> Array:
    """How many, their sum and the sum of their squares, for each column."""
    return np.stack([np.full(x.shape[1], float(len(x))), x.sum(axis=0), (x**2).sum(axis=0)])
