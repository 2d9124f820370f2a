"""A network's bits against those of the library that wrote the file, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
from scipy.special import softmax

from crshare.arrays import Array
from crshare.evaluation.rounding import FLOAT32, Place, margin, rounded_step
from crshare.executor.execute import outputs
from crshare.model.read import Model
from crshare.network.graph import (
    INPUT,
    Add,
    Conv,
    Flatten,
    Kind,
    Layer,
    MaxPool,
    Network,
    Pad,
    extent,
)

TOLERANCE = 1e-3  # of scores, as a share of the greatest: sums of float32 in another order


@dataclass(frozen=True, slots=True)
class Difference:
    """The first bit of an image that differs. margin: how far from its sign, in float32
    roundings."""

    image: int
    place: Place
    margin: float


@dataclass(frozen=True, slots=True)
class LayerCheck:
    """What enters a layer with binary weights. first: of each image that differs here first."""

    layer: str
    n_bits: int
    n_different: int
    first: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All layers, and the scores of the images of which no bit differs.

    score_error: the greatest difference as a share of the greatest score. n_other_class: images of
    another class in the library, by more than such a difference explains. n_rounded: images whose
    scores differ and are left out of both, since a step of an activation (a bit that is added to
    others, which no layer shows by itself) is within rounding of the next.
    """

    n_images: int
    layers: tuple[LayerCheck, ...]
    score_error: float
    n_same_class: int
    n_other_class: int
    n_rounded: int = 0

    @property
    def firsts(self) -> list[Difference]:
        return [difference for check in self.layers for difference in check.first]

    @property
    def n_unexplained(self) -> int:
        """Images whose first different bit float32 rounding does not explain."""
        return sum(difference.margin > 1 for difference in self.firsts)

    @property
    def holds(self) -> bool:
        """Whether rounding explains all that differs."""
        return not (self.n_unexplained or self.n_other_class) and self.score_error <= TOLERANCE


def bit_readers(model: Model) -> list[Layer]:
    """The layers with binary weights that read bits (of an ONNX file sums of bits, too), and belong
    to a layer of the file each."""
    network = model.network
    found: dict[str, Layer] = {}
    for layer, _ in network.convs():
        of_bits = network.input_of(layer).kind is Kind.BITS
        if of_bits or (model.onnx is not None and _reads_steps(network, layer.source)):
            found.setdefault(model.linears[layer.name].stored[0], layer)
    return list(found.values())


def _reads_steps(network: Network, name: str) -> bool:
    """Whether values are sums of bits, as activations of a few steps are, perhaps pooled."""
    if name == INPUT or network.signals[name].kind is not Kind.INTEGERS:
        return False
    layer = network.layer(name)
    if isinstance(layer.op, MaxPool | Flatten | Pad):
        return _reads_steps(network, layer.source)
    added = all(network.signals[source].kind is Kind.BITS for source in layer.sources)
    return isinstance(layer.op, Add) and added


def compare(
    model: Model,
    images: Array,
    theirs: Mapping[str, Array],
    scores: Array,
    epsilon: float = FLOAT32,
) -> Comparison:
    """theirs: by the file's layer what enters its weights [n, ...], in units of ours, or whether it
    is positive. scores: the library's, [n, ...]. epsilon: of the numbers that the library computed
    in."""
    names = [layer.name for layer in model.network.layers]
    values = outputs(model.network, images, names)
    done: set[int] = set()
    checks = []
    for reader in bit_readers(model):
        ours = values[reader.source]
        other = _inside(theirs[model.linears[reader.name].stored[0]], ours.shape, reader)
        of_bits = model.network.input_of(reader).kind is Kind.BITS
        different = (other > 0) != (ours > 0) if of_bits else other != ours
        checks.append(_check(model, values, reader, different, done, epsilon))
    same = np.array([i for i in range(len(images)) if i not in done], np.int64)
    ours = values[names[-1]].reshape(len(images), -1)[same].astype(np.float64)
    other = scores.reshape(len(images), -1)[same].astype(np.float64)
    rounded = [
        off and rounded_step(model, values, image, epsilon)
        for image, off in zip(same.tolist(), _far(ours, other), strict=True)
    ]
    kept = ~np.array(rounded, np.bool_)
    found = _scores_compared(ours[kept], other[kept])
    return Comparison(len(images), tuple(checks), *found, sum(rounded))


def _inside(theirs: Array, shape: tuple[int, ...], reader: Layer) -> Array:
    """The library's values without the lines around a map that are a padding of ours."""
    if theirs.size == prod(shape) or not isinstance(reader.op, Conv):
        return theirs.reshape(shape)
    window, strides = reader.op.window, reader.op.strides
    top, left = (extent(shape[1 + i], window[i], strides[i], same=True)[1] for i in range(2))
    return theirs[:, top : top + shape[1], left : left + shape[2]]


def _check(
    model: Model,
    values: Mapping[str, Array],
    reader: Layer,
    different: Array,
    done: set[int],
    epsilon: float,
) -> LayerCheck:
    first = []
    for found in np.argwhere(different).tolist():
        image, row, column, channel = found
        if image not in done:
            done.add(image)
            place = (row, column, channel)
            distance = margin(model, values, reader.source, image, place, epsilon)
            first.append(Difference(image, place, distance))
    return LayerCheck(reader.name, different.size, int(different.sum()), tuple(first))


def _far(ours: Array, theirs: Array) -> list[bool]:
    """Images whose scores differ by more than sums in another order."""
    if not len(ours):
        return []
    size, theirs = _like(ours, theirs)
    far: list[bool] = (np.abs(ours - theirs).max(axis=1) > TOLERANCE * size).tolist()
    return far


def _scores_compared(ours: Array, theirs: Array) -> tuple[float, int, int]:
    """score_error, n_same_class and n_other_class of a Comparison."""
    if not len(ours):
        return 0.0, 0, 0
    size, theirs = _like(ours, theirs)
    classes = theirs.argmax(axis=1)
    behind = ours.max(axis=1) - np.take_along_axis(ours, classes[:, None], axis=1)[:, 0]
    error = float(np.abs(ours - theirs).max()) / size
    n_same = int((ours.argmax(axis=1) == classes).sum())
    return error, n_same, int((behind > TOLERANCE * size).sum())


def _like(ours: Array, scores: Array) -> tuple[float, Array]:
    """The size of our scores, and the library's before a softmax or sigmoid at the end, which
    crshare leaves out; up to one number for each image where it was a softmax."""
    size = float(np.abs(ours).max()) or 1.0
    sums = scores.sum(axis=1)
    if scores.min() >= 0 and np.abs(sums - 1).max() < 1e-3:
        return size, np.asarray(ours + (scores - softmax(ours, axis=1)) * size)
    return size, scores
