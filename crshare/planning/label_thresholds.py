"""Thresholds of the last layers move to where labels are more likely. No weight changes.

Thresholds that fire as often as before match the original network; only labels tell what a plan
still loses. So the thresholds follow the gradient of the cross-entropy, on random batches, by Adam
(D. P. Kingma and J. Ba, 2015). Each half of the images moves them once. The plan gets the mean of
both, and each half measures what the other one found: cross-fitting (V. Chernozhukov et al.,
"Double/debiased machine learning", 2018).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array, Float32Array, Float64Array
from crshare.executor.execute import compile_network, outputs
from crshare.images.image_set import ImageSet, MovedSet
from crshare.network.graph import Network, Op, Threshold
from crshare.planning.teacher import DISTILLED, Teacher, flat_scores, teacher_of
from crshare.planning.threshold_gradients import LastLayers, gradients, last_layers_of

ThresholdValues = dict[str, Float64Array]

BATCH = 100
N_STEPS, N_EPOCHS = 150, 3  # at most, for each half of the images
MOST_PRODUCTS = 5_000_000  # for an image, of the gradients that go through weights
RATE = 0.003  # standard deviations of a sum in the first step; it falls to 0
MEAN, SQUARE, LEAST = 0.9, 0.999, 1e-7  # Adam's


def by_halves(
    original: Network, planned: Network, images: ImageSet | MovedSet, seed: int
) -> tuple[Network, Float64Array]:
    """The network with its thresholds moved, and the scores [n, classes] of each image when those
    that moved them are others."""
    halves = [images.half(first) for first in (0, 1)]
    last_layers = last_layers_of(planned, MOST_PRODUCTS)
    found = [threshold_values(planned)] * 2
    if last_layers and last_layers.blocks:
        teacher = teacher_of(original, images, DISTILLED)
        found = [descended(planned, last_layers, teacher, half, seed) for half in halves]
    said = []
    for half, other in zip(halves, reversed(found), strict=True):
        scores = flat_scores(compile_network(with_threshold_values(planned, other)), half.images)
        said.append(scores.reshape(-1, images.copies, scores.shape[1]))
    crossed = np.empty((len(said[0]) + len(said[1]), *said[0].shape[1:]))
    crossed[0::2], crossed[1::2] = said
    mean = {name: (found[0][name] + found[1][name]) / 2 for name in found[0]}
    return with_threshold_values(planned, mean), crossed.reshape(len(images), -1)


def threshold_values(network: Network) -> ThresholdValues:
    """Of all thresholds that may be moved."""
    return {
        layer.name: layer.op.at.astype(np.float64)
        for layer in network.layers
        if isinstance(layer.op, Threshold) and layer.op.adjustable
    }


def with_threshold_values(network: Network, values: Mapping[str, Float64Array]) -> Network:
    """The network with thresholds at the nearest whole numbers."""
    moved: dict[str, Op] = {}
    for name, at in values.items():
        old, new = network.layer(name).op, np.rint(at).astype(np.int32)
        if isinstance(old, Threshold) and (new != old.at).any():
            moved[name] = old.moved(new, old.rising)
    return network.replace(moved)


def descended(
    network: Network,
    last_layers: LastLayers,
    teacher: Teacher,
    images: ImageSet | MovedSet,
    seed: int,
) -> ThresholdValues:
    """Where the thresholds go, unrounded, on these images."""
    values, rng = threshold_values(network), np.random.default_rng(seed)
    adam, spread = Adam(), dict[str, Float32Array]()
    batches = list(rows_of(rng, len(images) // images.copies, images.copies))
    for number, rows in enumerate(batches):
        some, now = images.images[rows], with_threshold_values(network, values)
        sums = [*outputs(now, some, last_layers.sums).values()]
        if not spread:
            spread = spread_of(last_layers, sums)
        wanted = teacher.wanted(images.labels[rows], some)
        slopes = gradients(now, last_layers, sums, spread, wanted, teacher.temperature)
        rate = RATE * (1 - number / len(batches))
        for name, step in adam.steps(slopes).items():
            if name in values:
                values[name] -= rate * spread[name] * step
    return values


def rows_of(rng: np.random.Generator, n: int, copies: int) -> Iterator[npt.NDArray[np.int64]]:
    """Batches of different images, each in one of its versions."""
    orders = np.concatenate([rng.permutation(n)[: n - n % BATCH] for _ in range(N_EPOCHS)])
    for batch in orders.reshape(-1, BATCH)[:N_STEPS]:
        yield np.sort(batch) * copies + rng.integers(0, copies, BATCH)


def spread_of(last_layers: LastLayers, sums: list[Array]) -> dict[str, Float32Array]:
    """The standard deviation of each channel's sum, by threshold; not below 1."""
    return {
        block.threshold.name: np.sqrt(x.astype(np.float64).var(axis=(0, 1, 2)) + 1).astype("f4")
        for block, x in zip(last_layers.blocks, sums, strict=False)
    }


class Adam:
    """Its steps for gradients by name, in units of the learning rate."""

    def __init__(self) -> None:
        self.number = 0
        self.mean: dict[str, Float64Array] = {}
        self.square: dict[str, Float64Array] = {}

    def steps(self, slopes: Mapping[str, Float64Array]) -> dict[str, Float64Array]:
        self.number += 1
        found = {}
        for name, slope in slopes.items():
            mean = MEAN * self.mean.get(name, 0.0) + (1 - MEAN) * slope
            square = SQUARE * self.square.get(name, 0.0) + (1 - SQUARE) * slope**2
            self.mean[name], self.square[name] = mean, square
            scale = np.sqrt(square / (1 - SQUARE**self.number))
            found[name] = mean / (1 - MEAN**self.number) / (scale + LEAST)
        return found
