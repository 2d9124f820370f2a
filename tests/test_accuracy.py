"""Accuracy figures: counted by hand, and an interval that covers as often as it says."""

import numpy as np
import pytest

from crshare.accuracy import Accuracy, compare, pooled


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


def test_equal_copies_of_the_same_images_make_the_interval_no_narrower() -> None:
    rng = np.random.default_rng(1)
    labels = np.zeros(1_000, np.int64)
    before, after = (rng.random((2, 1_000)) < [[0.2], [0.3]]).astype(np.int64)
    once = compare(before, after, labels)
    thrice = compare(np.repeat(before, 3), np.repeat(after, 3), np.repeat(labels, 3), copies=3)
    assert thrice.loss_points == pytest.approx(once.loss_points)
    assert thrice.interval == pytest.approx(once.interval)
    assert Accuracy(3_000, 2_700, 2_640, 150, 90).interval[1] < once.interval[1]


def test_the_interval_of_copies_that_differ_covers_the_true_loss() -> None:
    """Each image has chances of its own that a version is lost or won."""
    rng = np.random.default_rng(2)
    n_images, copies, n_times = 500, 9, 1000
    labels = np.zeros(n_images * copies, np.int64)
    covered, widths = 0, []
    for _ in range(n_times):
        hard = np.repeat(rng.beta(0.3, 1.0, n_images), copies)
        before = rng.random(len(labels)) < 0.5 * hard
        after = rng.random(len(labels)) < 0.6 * hard
        low, high = compare(before.astype(int), after.astype(int), labels, copies=copies).interval
        covered += low <= 100 * 0.1 * 0.3 / 1.3 <= high
        widths.append(high - low)
    assert 0.93 <= covered / n_times <= 0.97
    alone = compare(before[::9].astype(int), after[::9].astype(int), labels[::9]).interval
    assert np.mean(widths) < 0.6 * (alone[1] - alone[0])


def test_versions_count_by_their_weights() -> None:
    labels, before = np.zeros(4, np.int64), np.array([0, 0, 1, 1])
    after = np.array([1, 0, 0, 1])  # of two images in two versions, one lost and one won
    found = compare(before, after, labels, copies=2, weights=np.array([1.5, 0.5, 0.25, 1.75]))
    assert (found.lost, found.won, found.weighed_net, found.weighed_squares) == (
        1, 1, 1.25, 1.5**2 + 0.25**2,
    )  # fmt: skip
    assert found.loss_points == 100 * 1.25 / 4
    both = pooled([found, found], "twice")
    assert (both.weighed_net, both.weighed_squares) == (2.5, 2 * (1.5**2 + 0.25**2))
    assert both.loss_points == found.loss_points
    assert pooled([found, compare(before, after, labels, copies=2)], "").weighed_net is None


def test_equal_weights_change_nothing() -> None:
    rng = np.random.default_rng(4)
    labels, before, after = rng.integers(0, 3, (3, 900))
    plain, weighed = (
        compare(before, after, labels, copies=9, weights=weights)
        for weights in (None, np.ones(900))
    )
    assert weighed.loss_points == plain.loss_points
    assert weighed.interval == pytest.approx(plain.interval)
