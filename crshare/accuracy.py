"""What an accuracy figure says: counts on stated images, the paired loss and its interval."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]

Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 accuracy of two networks on the same images.

    lost: images that only the first gets right; won: images that only the second gets right.
    """

    n_images: int
    n_right_before: int
    n_right_after: int
    lost: int
    won: int
    images: str = ""

    @property
    def before(self) -> float:
        """Per cent."""
        return 100 * self.n_right_before / self.n_images

    @property
    def after(self) -> float:
        """Per cent."""
        return 100 * self.n_right_after / self.n_images

    @property
    def loss_points(self) -> float:
        """Percentage points lost; negative where the second is better."""
        return 100 * (self.lost - self.won) / self.n_images

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the paired loss in points.

        Wald with Laplace adjustment: D. G. Bonett and R. M. Price, "Adjusted Wald confidence
        interval for a difference of binomial proportions based on paired data", 2012.
        """
        n = self.n_images + 2
        lost, won = (self.lost + 1) / n, (self.won + 1) / n
        centre = lost - won
        reach = Z95 * sqrt((lost + won - centre**2) / n)
        return 100 * (centre - reach), 100 * (centre + reach)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The loss of a plan over several views (mirrored, shifted) of the same images.

    loss_points and interval_points, a 95 % interval: percentage points of top-1 accuracy. Views of
    one image are no independent samples, so the interval is that of the images' mean losses.
    """

    n_images: int
    n_views: int
    loss_points: float
    interval_points: tuple[float, float]


def estimate(right_before: BoolArray, right_after: BoolArray) -> Estimate:
    """From which images two networks get right: bool [views, images]."""
    losses = (right_before.astype(np.int64) - right_after).mean(axis=0)
    n_views, n_images = right_before.shape
    centre = float(losses.mean())
    reach = Z95 * float(losses.std()) / sqrt(n_images)
    interval = 100 * (centre - reach), 100 * (centre + reach)
    return Estimate(n_images, n_views, 100 * centre, interval)


def compare(
    before: npt.NDArray[np.int64],
    after: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    images: str = "",
) -> Accuracy:
    """Two lists of predicted classes against the labels."""
    right_before, right_after = before == labels, after == labels
    return Accuracy(
        n_images=len(labels),
        n_right_before=int(right_before.sum()),
        n_right_after=int(right_after.sum()),
        lost=int((right_before & ~right_after).sum()),
        won=int((right_after & ~right_before).sum()),
        images=images,
    )
