"""One step of training: cross-entropy of the sums of bits, back-propagation, Adam."""

from dataclasses import dataclass

import numpy as np

from crshare.arrays import Array, Float32Array, Float64Array, Int64Array
from crshare.lut_recipes import Form
from crshare.train.lutnet.kernels import adam
from crshare.train.lutnet.net import Net, backward, by_class

TINY = 1e-10  # in Adam's divisor: gradients of a batch are divided by its size


@dataclass(frozen=True, eq=False)
class Adam:
    """The running means of gradients and of their squares, by parameter (Kingma and Ba 2015)."""

    means: tuple[Float32Array, ...]
    squares: tuple[Float32Array, ...]

    @classmethod
    def of(cls, parameters: list[Float32Array]) -> "Adam":
        return cls(*(tuple(np.zeros_like(p) for p in parameters) for _ in range(2)))

    def step(self, i: int, values: Float32Array, gradient: Array, rate: float, turn: int) -> None:
        """Change values in place; turn: 1 for the first step."""
        bias = np.sqrt(1 - 0.999**turn)
        flat = np.ascontiguousarray(gradient, np.float32).ravel()
        adam(
            values.reshape(-1), flat, self.means[i].reshape(-1), self.squares[i].reshape(-1),
            rate * bias / (1 - 0.9**turn), TINY,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """Of a batch: the summed loss, and how many images were right."""

    loss: float
    n_right: int


def step(
    net: Net, optimiser: Adam, images: Array, labels: Int64Array, rate: float, turn: int
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
    net: Net, optimiser: Adam, number: int, gradients: list[Array], rate: float, turn: int
) -> None:
    """Change a layer; gradients: of its tables, and of its scores in turns that have them."""
    layer, recipe = net.layers[number], net.recipe
    first = sum(len(layer.parameters) for layer in net.layers[:number])
    optimiser.step(first, layer.tables, gradients[0], rate, turn)
    if net.form is not Form.DIFFERENTIABLE:
        np.clip(layer.tables, 0, 1, out=layer.tables)
    if layer.scores is not None and len(gradients) > 1:
        own, counted = rate * recipe.score_rate, turn // recipe.score_every
        optimiser.step(first + 1, layer.scores, gradients[1], own, counted)
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
