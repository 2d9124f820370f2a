"""Squares cut from images at random."""

import numpy as np

from crshare.train.augment import Augmentation, cut
from crshare.train.course import Course

IMAGES = np.arange(40 * 5 * 6 * 2).reshape(40, 5, 6, 2)


def test_each_image_is_cut_at_a_place_of_its_own() -> None:
    found = cut(IMAGES, 3, np.random.default_rng(0))
    tops, lefts = np.divmod(found[:, 0, 0, 0] - IMAGES[:, 0, 0, 0], 12)
    assert set(tops) == {0, 1, 2} and set(lefts // 2) == {0, 1, 2, 3}
    for image, square, top, left in zip(IMAGES, found, tops, lefts // 2, strict=True):
        assert np.array_equal(square, image[top : top + 3, left : left + 3])


def test_images_are_cut_in_the_first_epochs_alone() -> None:
    course = Course(3, 10, 0, 1e-2, 1e-3, Augmentation(), crop=3, crop_epochs=1)
    shapes = [
        course.changed(IMAGES, epoch, np.random.default_rng(0)).shape[1:3] for epoch in (1, 2)
    ]
    assert shapes == [(3, 3), (5, 6)]
