"""What `train` and `finetune` write as JSON, with --json and as curve.json, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from crshare.typed_json import Amount, Count, Number, Positive, Share


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """A turn through the training images; epoch 0 is the state before, known by `held_out` alone.

    rate: of its last step. loss: the mean; None where it was no finite number. training, held_out:
    shares of the images trained on, and of those held out, that were classified as labelled.
    """

    epoch: Count
    rate: Amount | None = None
    loss: Number | None = None
    training: Share | None = None
    held_out: Share

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Epoch":
        """Of an entry of a training's curve."""
        return cls(**{name: value for name, value in entry.items() if isfinite(value)})


@dataclass(frozen=True, kw_only=True)
class Learned:
    """How a training went. command: the command line. augmentation: what is done to images, as
    `mirror-shift-2`. judged_on: the images on which epochs are compared. best: the epoch kept."""

    command: str
    augmentation: str
    n_training: Positive
    judged_on: str
    best: Epoch
    curve: tuple[Epoch, ...]


@dataclass(frozen=True, kw_only=True)
class TrainReport(Learned):
    """What `crshare train` writes. precision, stochastic: of networks of +1/-1 weights; frames,
    connections, table: of LUT networks; None for the others."""

    recipe: str
    seed: Count
    precision: str | None = None
    stochastic: bool | None = None
    frames: Positive | None = None
    connections: str | None = None
    table: str | None = None


@dataclass(frozen=True, kw_only=True)
class FinetuneReport(Learned):
    """What `crshare finetune` writes. model: its file. distilled: the share of what is wanted of an
    image that the original network says."""

    model: str
    seed: Count
    distilled: Share
