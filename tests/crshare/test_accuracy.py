"""Accuracy figures: counted by hand, and an interval that covers as often as it says."""

import numpy as np
import pytest

from crshare.accuracy import Accuracy, compare


def test_lost_and_won_images_make_the_loss() -> None:
    labels = np.array([0, 1, 2, 3, 4])
    before = np.array([0, 1, 2, 3, 0])  # four right
    after = np.array([0, 1, 0, 0, 4])  # three right: two lost, one won
    found = compare(before, after, labels, "five")
    assert (found.n_right_before, found.n_right_after, found.lost, found.won) == (4, 3, 2, 1)
    assert found.before == 80
    assert found.after == 60
    assert found.loss_points == 20
    assert found.images == "five"


def test_equal_networks_lose_nothing_and_the_interval_says_how_sure_that_is() -> None:
    found = Accuracy(n_images=10_000, n_right_before=9_000, n_right_after=9_000, lost=0, won=0)
    low, high = found.interval
    assert found.loss_points == 0
    assert low == -high
    assert 0 < high < 0.05


@pytest.mark.parametrize(("p_lost", "p_won", "n"), [(0.04, 0.03, 700), (0.02, 0.01, 10_000)])
def test_the_interval_covers_the_true_loss_about_95_times_in_100(
    p_lost: float, p_won: float, n: int
) -> None:
    rng = np.random.default_rng(5)
    drawn = rng.multinomial(n, [p_lost, p_won, 1 - p_lost - p_won], size=2000)
    covered = 0
    for lost, won, _ in drawn.tolist():
        low, high = Accuracy(n, n, n - lost + won, lost, won).interval
        covered += low <= 100 * (p_lost - p_won) <= high
    assert 0.94 <= covered / 2000 <= 0.965


def test_copies_of_the_same_images_make_the_interval_no_narrower() -> None:
    once = Accuracy(1_000, 900, 880, 50, 30)
    thrice = Accuracy(3_000, 2_700, 2_640, 150, 90, copies=3)
    assert thrice.loss_points == once.loss_points
    assert thrice.interval == pytest.approx(once.interval)
    assert Accuracy(3_000, 2_700, 2_640, 150, 90).interval[1] < once.interval[1]
