"""Recalibration: each channel of a threshold fires as often as it did in the original network.

Moving a threshold costs no hardware and recovers most of the accuracy that similar slices lose
(docs/damage.md). Only integer thresholds move; directions stay.
"""

import numpy as np

from crshare.arrays import Int64Array
from crshare.executor.kernels.counting import Histogram
from crshare.network.graph import Threshold


def firing(histogram: Histogram, threshold: Threshold) -> Int64Array:
    """How many of the counted sums fire, for each channel."""
    places = _places(histogram, _first_rising(threshold))
    counts = np.take_along_axis(_at_least(histogram), places[:, None], axis=1)[:, 0]
    return np.where(threshold.rising, counts, histogram.counts.sum(axis=1) - counts)


def recalibrate(histogram: Histogram, threshold: Threshold, fired: Int64Array) -> Threshold:
    """The threshold at which each channel fires as nearly `fired` times as can be.

    Among equally good places the nearest to the old one; channels that always or never fire, for
    whatever sum, stay.
    """
    total = histogram.counts.sum(axis=1)
    wanted = np.where(threshold.rising, fired, total - fired)
    error = np.abs(_at_least(histogram) - wanted[:, None])
    places = np.arange(error.shape[1])
    old = _places(histogram, _first_rising(threshold))
    best = error == error.min(axis=1, keepdims=True)
    distance = np.where(best, np.abs(places - old[:, None]), error.shape[1])
    chosen = distance.argmin(axis=1) + histogram.lowest
    moved = np.where(threshold.rising, chosen, chosen - 1)
    constant = np.abs(threshold.at.astype(np.int64)) >= 2**31 - 1
    at = np.where(constant | (fired == firing(histogram, threshold)), threshold.at, moved)
    return threshold.moved(at.astype(np.int32), threshold.rising)


def _first_rising(threshold: Threshold) -> Int64Array:
    """The least sum at which a rising channel fires, and a falling one does not any more."""
    return threshold.at.astype(np.int64) + ~threshold.rising


def _at_least(histogram: Histogram) -> Int64Array:
    """[channels, bins + 1]: entry k counts the sums that are at least lowest + k."""
    from_top = np.cumsum(histogram.counts[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([from_top, np.zeros((len(from_top), 1), np.int64)], axis=1)


def _places(histogram: Histogram, at: Int64Array) -> Int64Array:
    return np.clip(at - histogram.lowest, 0, histogram.counts.shape[1])
