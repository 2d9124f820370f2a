"""Moved views count as if they were in place."""

import numpy as np
import pytest

from crshare.arrays import Array
from crshare.executor.execute import compile_network
from crshare.images.image_set import IN_PLACE, MOVES, ImageSet, stand_ins
from crshare.planning.judging import MARGINS, before_of, compared, margins, view_weights
from tests.jobs import tiny_job

COPIES = 3


def kinds(scores: Array, labels: Array, edges: Array) -> Array:
    right = scores.argmax(axis=1) == labels
    return right * MARGINS + (margins(scores)[:, None] >= edges).sum(axis=1)


def drawn(seed: int) -> tuple[Array, Array]:
    """Scores of 300 images in three views, those that are moved nearer to a tie."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-40, 40, (300, 1, 4)) + rng.integers(-20, 20, (300, COPIES, 4))
    scores[:, 1:] //= 2
    labels = np.repeat(np.where(rng.random(300) < 0.8, scores[:, 0].argmax(axis=1), 0), COPIES)
    return scores.reshape(-1, 4).astype(np.float64), labels


def test_views_of_each_kind_count_as_much_as_images_in_place() -> None:
    scores, labels = drawn(0)
    weights = view_weights(scores, labels, COPIES, 0)
    edges = np.quantile(margins(scores)[::COPIES], [0.25, 0.5, 0.75], method="lower")
    kind = kinds(scores, labels, edges)
    counted = np.bincount(kind, weights, 2 * MARGINS)
    in_place = np.bincount(kind[::COPIES], minlength=2 * MARGINS)
    assert counted == pytest.approx(COPIES * in_place)
    assert len(np.unique(in_place)) > 4 and np.ptp(weights) > 0.2


def test_a_loss_that_depends_on_the_kind_alone_is_that_of_images_in_place() -> None:
    scores, labels = drawn(1)
    edges = np.quantile(margins(scores)[::COPIES], [0.25, 0.5, 0.75], method="lower")
    kind = kinds(scores, labels, edges)
    lost = np.linspace(0, 1, 2 * MARGINS)[kind]
    weights = view_weights(scores, labels, COPIES, 0)
    assert (weights * lost).mean() == pytest.approx(lost[::COPIES].mean())
    assert abs(lost.mean() - lost[::COPIES].mean()) > 0.02


def test_equal_views_and_unmoved_images_count_alike() -> None:
    scores, labels = drawn(2)
    same = np.repeat(scores[::COPIES], COPIES, axis=0)
    assert view_weights(same, labels, COPIES, 0) == pytest.approx(np.ones(len(labels)))
    assert np.array_equal(margins(np.array([[3.0], [1.0]])), [0, 0])
    assert np.array_equal(margins(np.array([[3.0, 7.0, 5.0]])), [2])


def test_moved_images_are_weighed_and_others_are_not() -> None:
    job = tiny_job(0)
    executor = compile_network(job.network)
    images: ImageSet = job.calibration
    views = stand_ins(images, mirrored=False)
    assert before_of(executor, images).weights is None
    before = before_of(executor, views)
    assert before.weights is not None and before.weights.mean() == pytest.approx(1)
    now = np.zeros(len(views.labels), np.int64)
    found = compared(before, now, views)
    each = (before.classes == views.labels).astype(int) - (now == views.labels)
    assert found.weighed_net == pytest.approx((before.weights * each).sum())
    assert found.loss_points == pytest.approx(100 * (before.weights * each).mean())
    assert MOVES[IN_PLACE] == (0, 0)
    assert np.array_equal(views.images[IN_PLACE :: len(MOVES)], images.images)
