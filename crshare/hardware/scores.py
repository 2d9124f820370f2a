"""Scores at the end of a design: their range, and their order where a scale changes it."""

import numpy as np

from crshare.network.graph import Scale
from hwgen import Accumulate, Compute, MatrixVector, Range, Stage


def scores_of(stage: Stage) -> Range:
    """The range of what a stage of sums gives."""
    match stage:
        case Accumulate():
            return stage.sums
        case Compute():
            return stage.netlist.score_range
        case MatrixVector(scores=Range() as scores):
            return scores
        case _:
            raise ValueError(f"{stage.name} gives no scores")


def ranked(scale: Scale, scores: Range, n_classes: int) -> tuple[tuple[int, ...], ...]:
    """For each class, the rank of each score among all, as the executor's float64 orders them."""
    values = np.arange(scores.low, scores.high + 1, dtype=np.float64)
    scaled = scale.scale[:, None] * values + scale.offset[:, None]
    _, ranks = np.unique(scaled, return_inverse=True)
    return tuple(tuple(row) for row in ranks.reshape(n_classes, -1).tolist())
