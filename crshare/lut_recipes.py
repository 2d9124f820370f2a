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


LUT_RECIPES = {
    recipe.name: recipe
    for recipe in (
        LutRecipe("lutnet-mnist", (28, 28, 1), (LutStage(1300),), temperature=3.4),
        LutRecipe(
            "lutnet-cnn-mnist",
            (28, 28, 1),
            (
                LutStage(224, 5, 2),
                LutStage(80, 1),
                LutStage(320, 3, 2),
                LutStage(160, 1),
                LutStage(2000),
            ),
            temperature=4.3,
            connections=Choice.RANDOM,
            epochs=12,
            first_rate=1.5e-2,
            last_rate=1e-3,
        ),
        LutRecipe(
            "lutnet-small-cnn-mnist",
            (28, 28, 1),
            (
                LutStage(160, 5, 2),
                LutStage(48, 1),
                LutStage(160, 3, 2),
                LutStage(64, 1),
                LutStage(700),
            ),
            temperature=2.5,
            connections=Choice.RANDOM,
            epochs=10,
            first_rate=1.5e-2,
            last_rate=1e-3,
        ),
        LutRecipe(
            "lutnet-cifar10",
            (32, 32, 3),
            (
                LutStage(768, 5, 2),
                LutStage(256, 1),
                LutStage(1536, 3, 2),
                LutStage(768, 1),
                LutStage(8000),
            ),
            temperature=9.2,
            depth=3,
            connections=Choice.RANDOM,
            epochs=12,
            first_rate=1.5e-2,
            last_rate=1e-3,
        ),
    )
}
