"""Recalibrated thresholds fire as often as asked: against trying every threshold there is."""

import numpy as np
import pytest

from crshare.executor.kernels.counting import Histogram
from crshare.network.graph import ALWAYS, NEVER, Threshold
from crshare.planning.calibrate import firing, recalibrate


def random_case(seed: int) -> tuple[Histogram, Threshold]:
    """Sums of a few channels with gaps between them, and thresholds inside and beyond them."""
    rng = np.random.default_rng(seed)
    channels, bins = int(rng.integers(1, 7)), int(rng.integers(1, 12))
    counts = rng.integers(0, 5, (channels, bins)) * (rng.random((channels, bins)) < 0.6)
    lowest = int(rng.integers(-20, 20))
    at = rng.integers(lowest - 3, lowest + bins + 3, channels).astype(np.int32)
    return Histogram(lowest, counts), Threshold(at, rng.random(channels) < 0.5)


def fires(histogram: Histogram, at: int, rising: bool, channel: int) -> int:
    """The slow way: every sum by itself."""
    total = 0
    for place, count in enumerate(histogram.counts[channel].tolist()):
        value = histogram.lowest + place
        total += count * (value >= at if rising else value <= at)
    return total


@pytest.mark.parametrize("seed", range(50))
def test_firing_counts_the_sums_on_the_threshold_s_side(seed: int) -> None:
    histogram, threshold = random_case(seed)
    expected = [
        fires(histogram, int(at), bool(rising), channel)
        for channel, (at, rising) in enumerate(zip(threshold.at, threshold.rising, strict=True))
    ]
    assert firing(histogram, threshold).tolist() == expected


@pytest.mark.parametrize("seed", range(50))
def test_no_other_threshold_fires_nearer_to_what_is_wanted(seed: int) -> None:
    histogram, threshold = random_case(seed)
    totals = histogram.counts.sum(axis=1)
    wanted = np.random.default_rng(seed + 1000).integers(0, totals + 1)
    moved = recalibrate(histogram, threshold, wanted)
    assert np.array_equal(moved.rising, threshold.rising)
    reach = range(histogram.lowest - 2, histogram.lowest + histogram.counts.shape[1] + 3)
    for channel, want in enumerate(wanted.tolist()):
        rising = bool(threshold.rising[channel])
        least = min(abs(fires(histogram, at, rising, channel) - want) for at in reach)
        got = fires(histogram, int(moved.at[channel]), rising, channel)
        assert abs(got - want) == least


@pytest.mark.parametrize("seed", range(20))
def test_a_threshold_that_fires_as_often_as_wanted_stays(seed: int) -> None:
    histogram, threshold = random_case(seed)
    moved = recalibrate(histogram, threshold, firing(histogram, threshold))
    assert np.array_equal(moved.at, threshold.at)


def test_channels_that_always_or_never_fire_stay_as_they_are() -> None:
    histogram = Histogram(-1, np.array([[3, 3, 3], [3, 3, 3]]))
    threshold = Threshold(np.array([ALWAYS, NEVER], np.int32), np.array([True, True]))
    moved = recalibrate(histogram, threshold, np.array([2, 5]))
    assert moved.at.tolist() == [ALWAYS, NEVER]
