"""The LUT networks that can be trained from nothing, as values; `crshare.train.lutnet` builds.

R. Fuchikami, "LUT-Network", 2019: nodes are tables of six bits, the first layers of an image
network a subnetwork of tables on windows; the bits of the last layer are added up by class.
"""

from dataclasses import dataclass
from enum import Enum

N_CLASSES = 10


class Choice(Enum):
    """How connections are chosen: at random, one after the other, or learned from random ones."""

    RANDOM = "random"
    SERIAL = "serial"
    LEARNED = "learned"


class Form(Enum):
    """How a table is made differentiable: `crshare.train.lutnet.smoothing` for the first, and
    `crshare.train.lutnet.stochastic` for the others, with real or with binarised tables."""

    DIFFERENTIABLE = "differentiable"
    STOCHASTIC = "stochastic"
    STOCHASTIC_BINARY = "stochastic-binary"


@dataclass(frozen=True, slots=True)
class LutStage:
    """Tables on windows of a map. size: of the window; None is the whole map. choice: None where
    `crshare train --connections` says. pooled: OR over 2x2 behind it."""

    n_nodes: int
    size: int | None = None
    stride: int = 1
    choice: Choice | None = None
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class LutRecipe:
    """shape: of an image. depth: thresholds of each pixel side by side. temperature: that the sums
    of bits of a class are divided by before the softmax. connections: for stages that name none.
    first_rate, last_rate: of Adam on tables; score_rate: on the scores of learned connections, in
    multiples of it, every score_every-th step."""

    name: str
    shape: tuple[int, int, int]
    stages: tuple[LutStage, ...]
    temperature: float
    depth: int = 1
    connections: Choice = Choice.LEARNED
    score_rate: float = 12.0
    score_every: int = 2
    epochs: int = 20
    batch: int = 128
    first_rate: float = 1e-2
    last_rate: float = 5e-4
    n_classes: int = N_CLASSES

    @property
    def n_nodes(self) -> int:
        """Tables, each counted once."""
        return sum(stage.n_nodes for stage in self.stages)


def _of_windows(
    name: str,
    shape: tuple[int, int, int],
    widths: tuple[int, int, int, int, int],
    temperature: float,
    epochs: int,
    depth: int = 1,
) -> LutRecipe:
    """Subnetworks of two layers on windows of 5x5 and of 3x3, each at every second place, and a
    last layer; widths: nodes of the five layers."""
    first, second, third, fourth, last = widths
    return LutRecipe(
        name,
        shape,
        (
            LutStage(first, 5, 2),
            LutStage(second, 1),
            LutStage(third, 3, 2),
            LutStage(fourth, 1),
            LutStage(last),
        ),
        temperature,
        depth,
        Choice.RANDOM,
        epochs=epochs,
        first_rate=1.5e-2,
        last_rate=1e-3,
    )


MNIST, CIFAR10 = (28, 28, 1), (32, 32, 3)
LUT_RECIPES = {
    recipe.name: recipe
    for recipe in (
        LutRecipe("lutnet-mnist", MNIST, (LutStage(1300),), temperature=3.4),
        _of_windows("lutnet-cnn-mnist", MNIST, (224, 80, 320, 160, 2000), 4.3, epochs=12),
        _of_windows("lutnet-small-cnn-mnist", MNIST, (160, 48, 160, 64, 700), 2.5, epochs=10),
        _of_windows(
            "lutnet-cifar10", CIFAR10, (1024, 384, 2048, 1024, 11000), 10.9, epochs=14, depth=3
        ),
    )
}
