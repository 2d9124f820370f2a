"""Scores at the end of a design: their range, and their order where a scale changes it."""

import numpy as np

from crshare.arrays import Float64Array
from crshare.network.graph import Scale
from hwgen import (
    Accumulate,
    Compute,
    Decide,
    Linear,
    MatrixVector,
    Pointwise,
    Range,
    Ranks,
    Stage,
)


def decides_in_turn(n_classes: int, beats: int) -> bool:
    """Whether a class a clock is fast enough for images of so many beats."""
    return 1 < n_classes <= beats


def scores_of(stage: Stage) -> Range:
    """The range of what a stage of sums gives."""
    match stage:
        case Accumulate():
            return stage.sums
        case Compute() | Pointwise():
            return stage.netlist.score_range
        case MatrixVector(scores=Range() as scores):
            return scores
        case _:
            raise ValueError(f"{stage.name} gives no scores")


def decision(
    stage: Stage, scores: Range, n_classes: int, scale: Scale | None, beats_in: int
) -> Decide:
    """What decides for a class behind a stage of scores, which a scale may put in another order.

    Sums by class of several frames are never looked at in turn.
    """
    in_turn = decides_in_turn(n_classes, beats_in) and not isinstance(stage, Accumulate)
    ranks = None if scale is None else ranked(scale, scores, parities_of(stage))
    return Decide("decide", scores, n_classes, ranks, in_turn)


def parities_of(stage: Stage) -> tuple[int, ...] | None:
    """For each class whether its scores are all even (0) or all odd (1); None where some are both.

    Sums of +1 and -1 are, which halves the tables of their ranks.
    """
    match stage:
        case Compute() if stage.netlist.n_classes == 1:
            heads = [head for head in stage.netlist.heads if isinstance(head, Linear)]
            even = all(head.factor % 2 == 0 for head in heads)
            return tuple(head.constant % 2 for head in heads) if even else None
        case MatrixVector() if stage.doubled:
            return (stage.odd,) * stage.n_outputs
        case _:
            return None


def ranked(scale: Scale, scores: Range, parities: tuple[int, ...] | None) -> Ranks | None:
    """The rank of each score of each class among all, as the executor's float64 orders them.

    None where that is the order of the scores themselves.
    """
    step = 2 if parities is not None and scores.width > 1 else 1
    lowest = np.array(parities if step == 2 else (0,))[:, None]
    first = scores.low // step
    values = step * np.arange(first, scores.high // step + 1) + lowest
    scaled = scale.scale[:, None] * values.astype(np.float64) + scale.offset[:, None]
    if _rises_alike(scaled) and (lowest == lowest[0]).all():
        return None
    _, ranks = np.unique(scaled, return_inverse=True)
    return Ranks(step, first, tuple(map(tuple, ranks.reshape(scaled.shape).tolist())))


def _rises_alike(scaled: Float64Array) -> bool:
    """Whether all classes scale alike, a greater score to a greater value."""
    return bool((scaled == scaled[0]).all() and (np.diff(scaled[0]) > 0).all())
