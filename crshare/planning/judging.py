"""Judging a plan on images, and how much each view counts where moved images stand for new ones.

A network gets moved images wrong a little more often than the same in place, and of images that it
gets wrong a plan also wins some: on the CNV every point by which views fall short hides 0.4 points
of a plan's loss. What a plan does to an image hardly depends on where the image comes from, once
it is known whether the network is right and by what margin (docs/damage.md). So views are
post-stratified by these two (D. Holt and T. M. F. Smith, "Post stratification", 1979): views of
each kind count together as much as there are images of that kind in place.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crshare.accuracy import Accuracy, compare
from crshare.arrays import Float64Array, Int64Array
from crshare.executor.execute import Executor
from crshare.images.image_set import IN_PLACE, ImageSet, MovedSet
from crshare.planning.teacher import flat_scores

Classes = npt.NDArray[np.int64]

MARGINS = 4  # kinds of margin, quarters of those in place


@dataclass(frozen=True, eq=False)
class Before:
    """The original network's classes of images, and how much each counts; None for all alike."""

    classes: Classes
    weights: Float64Array | None = None


def before_of(original: Executor, images: ImageSet | MovedSet) -> Before:
    """Moved images count as if they were in place."""
    scores, weights = flat_scores(original, images.images), None
    if isinstance(images, MovedSet):
        weights = view_weights(scores, images.labels, images.copies, IN_PLACE)
    return Before(scores.argmax(axis=1), weights)


def compared(before: Before, now: Classes, images: ImageSet | MovedSet) -> Accuracy:
    copies, weights = images.copies, before.weights
    return compare(before.classes, now, images.labels, images.name, copies=copies, weights=weights)


def view_weights(
    scores: Float64Array, labels: Int64Array, copies: int, in_place: int
) -> Float64Array:
    """Weights of all views, [n * copies], 1 on average.

    scores: of the original network, [n * copies, classes], the views of an image one after the
    other. labels: [n * copies]. in_place: which of the views is not moved.
    """
    right, margin = scores.argmax(axis=1) == labels, margins(scores)
    edges = np.quantile(margin[in_place::copies], np.arange(1, MARGINS) / MARGINS, method="lower")
    kind = right * MARGINS + np.digitize(margin, edges)
    wanted = np.bincount(kind[in_place::copies], minlength=2 * MARGINS) * copies
    found = np.bincount(kind, minlength=2 * MARGINS)
    return np.asarray((wanted / np.maximum(found, 1))[kind], np.float64)


def margins(scores: Float64Array) -> Float64Array:
    """By how much the best score of each row is above the second; 0 where there is one class."""
    if scores.shape[1] == 1:
        return np.zeros(len(scores))
    second, best = np.sort(scores, axis=1)[:, -2:].T
    return np.asarray(best - second, np.float64)
