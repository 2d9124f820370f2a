"""One step of training: cross-entropy of the sums of bits, back-propagation, Adam."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Float32Array, Float64Array, Int64Array
from crshare.lut_recipes import Form
from crshare.train.lutnet.kernels import adam, drift
from crshare.train.lutnet.net import Net, backward, by_class

TINY = 1e-10  # in Adam's divisor: gradients of a batch are divided by its size
SCORE_DECAY = 0.1  # of scores towards 0 in each step, in multiples of the rate


@dataclass(frozen=True, eq=False)
class Optimiser:
    """What is kept of past gradients, layer by layer: their running means, those of their squares,
    and the means of the gradients of scores (of no entries where there are none)."""

    means: tuple[Float32Array, ...]
    squares: tuple[Float32Array, ...]
    scores: tuple[Float32Array, ...]

    @classmethod
    def of(cls, net: Net) -> "Optimiser":
        means, squares = (tuple(np.zeros_like(la.tables) for la in net.layers) for _ in range(2))
        none = np.zeros(0, np.float32)
        scores = (none if la.scores is None else np.zeros_like(la.scores) for la in net.layers)
        return cls(means, squares, tuple(scores))

    @property
    def values(self) -> list[Float32Array]:
        return [*self.means, *self.squares, *self.scores]

    def adam(self, i: int, tables: Float32Array, gradient: Array, rate: float, turn: int) -> None:
        """A step of the tables of layer i (Kingma and Ba 2015); turn: 1 for the first one."""
        bias = np.sqrt(1 - 0.999**turn)
        flat = np.ascontiguousarray(gradient, np.float32).ravel()
        adam(
            tables.reshape(-1), flat, self.means[i].reshape(-1), self.squares[i].reshape(-1),
            rate * bias / (1 - 0.9**turn), TINY,
        )  # fmt: skip

    def drift(self, i: int, scores: Float32Array, gradient: Array, rate: float) -> None:
        """A step of the scores of layer i, down the running mean of their gradients."""
        flat = np.ascontiguousarray(gradient, np.float32).ravel()
        drift(scores.reshape(-1), flat, self.scores[i].reshape(-1), rate, SCORE_DECAY)


@dataclass(frozen=True, slots=True)
class Result:
    """Of a batch: the summed loss, and how many images were right."""

    loss: float
    n_right: int


def step(
    net: Net, optimiser: Optimiser, images: Array, labels: Int64Array, rate: float, turn: int
) -> Result:
    """Train on a batch of integer images [n, h, w, c]; turn: 1 for the first step of all."""
    out, passes = net.forward(images)
    sums = by_class(out, net.recipe.n_classes, net.n_frames)
    logits = sums / (net.recipe.temperature * net.n_frames)
    loss, by_logits = cross_entropy(logits, labels)
    by_sums = (by_logits / (net.recipe.temperature * net.n_frames)).astype(np.float32)
    spread = np.repeat(by_sums.T, net.n_frames, axis=1)
    upstream = np.tile(spread, (len(out) // net.recipe.n_classes, 1))
    scores = turn % net.recipe.score_every == 0
    for number, gradients in enumerate(list(backward(passes, upstream, scores=scores))[::-1]):
        _change(net, optimiser, number, gradients, rate, turn)
    return Result(loss * len(images), int((sums.argmax(axis=1) == labels).sum()))


def _change(
    net: Net, optimiser: Optimiser, number: int, gradients: list[Array], rate: float, turn: int
) -> None:
    """Change a layer; gradients: of its tables, and of its scores in turns that have them."""
    layer, recipe = net.layers[number], net.recipe
    optimiser.adam(number, layer.tables, gradients[0], rate, turn)
    if net.form is not Form.DIFFERENTIABLE:
        np.clip(layer.tables, 0, 1, out=layer.tables)
    if layer.scores is not None and len(gradients) > 1:
        optimiser.drift(number, layer.scores, gradients[1], rate * recipe.score_rate)
        layer.rewire()


def cross_entropy(logits: Array, labels: Int64Array) -> tuple[float, Float64Array]:
    """The mean over images of -log softmax of the label's logit, and its gradient [n, classes]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    raised = np.exp(shifted)
    total = raised.sum(axis=1, keepdims=True)
    which = np.arange(len(labels))
    loss = float((np.log(total[:, 0]) - shifted[which, labels]).mean())
    gradient = raised / total
    gradient[which, labels] -= 1
    return loss, gradient / len(labels)
