"""Accuracy before and after: counts on stated images, the paired loss and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from crshare.typed_json import Count, Number, Positive

Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True, slots=True)
class Estimate:
    """The loss of a plan on images in several views of each (mirrored, moved), in points.

    interval_points: of 95 %; views of one image are no independent samples (Accuracy.interval).
    """

    n_images: Count
    n_views: Positive
    loss_points: Number
    interval_points: tuple[Number, Number]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 accuracy of two networks on the same images.

    lost: images that only the first gets right; won: images that only the second gets right.
    copies: in how many versions each image comes. net_squares: of each image the difference of its
    lost and won versions, squared, summed; None where that is lost + won, with one version each.
    weighed_net, weighed_squares: where versions count by weights, lost less won, and of each image
    squared, summed; None where all count alike.
    """

    n_images: int
    n_right_before: int
    n_right_after: int
    lost: int
    won: int
    images: str = ""
    copies: int = 1
    net_squares: int | None = None
    weighed_net: float | None = None
    weighed_squares: float | None = None

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
        return 100 * self._net / self.n_images

    @property
    def _net(self) -> float:
        return self.lost - self.won if self.weighed_net is None else self.weighed_net

    @property
    def estimate(self) -> Estimate:
        """The loss by itself, for plans that are compared on the validation images."""
        n_images = self.n_images // self.copies
        return Estimate(n_images, self.copies, self.loss_points, self.interval)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the paired loss in points.

        Wald with Laplace adjustment: D. G. Bonett and R. M. Price, "Adjusted Wald confidence
        interval for a difference of binomial proportions based on paired data", 2012. Of several
        copies, the same of each image's mean: copies are clusters (K.-Y. Liang and S. L. Zeger,
        "Longitudinal data analysis using generalized linear models", 1986).
        """
        n = self.n_images / self.copies + 2
        squares = ((self.lost + self.won) / self.copies + 2) / n
        if self._squares is not None:
            squares = (self._squares / self.copies**2 + 2) / n
        centre = self._net / self.copies / n
        reach = Z95 * sqrt((squares - centre**2) / n)
        return 100 * (centre - reach), 100 * (centre + reach)

    @property
    def _squares(self) -> float | None:
        return self.net_squares if self.weighed_squares is None else self.weighed_squares


def pooled(parts: Sequence[Accuracy], images: str) -> Accuracy:
    """One measure over several sets of images that share none, each with as many copies."""
    squares = _together([part.net_squares for part in parts])
    return Accuracy(
        n_images=sum(part.n_images for part in parts),
        n_right_before=sum(part.n_right_before for part in parts),
        n_right_after=sum(part.n_right_after for part in parts),
        lost=sum(part.lost for part in parts),
        won=sum(part.won for part in parts),
        images=images,
        copies=parts[0].copies,
        net_squares=None if squares is None else int(squares),
        weighed_net=_together([part.weighed_net for part in parts]),
        weighed_squares=_together([part.weighed_squares for part in parts]),
    )


def _together(values: Sequence[float | None]) -> float | None:
    """Their sum, where all are known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def compare(
    before: npt.NDArray[np.int64],
    after: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    images: str = "",
    *,
    copies: int = 1,
    weights: npt.NDArray[np.float64] | None = None,
) -> Accuracy:
    """Two lists of predicted classes against the labels; copies of an image stand together.

    weights: by how much each counts, 1 on average.
    """
    right_before, right_after = before == labels, after == labels
    each = right_before.astype(np.int64) - right_after
    net = each.reshape(-1, copies).sum(axis=1)
    weighed = None if weights is None else (weights * each).reshape(-1, copies).sum(axis=1)
    return Accuracy(
        n_images=len(labels),
        n_right_before=int(right_before.sum()),
        n_right_after=int(right_after.sum()),
        lost=int((right_before & ~right_after).sum()),
        won=int((right_after & ~right_before).sum()),
        images=images,
        copies=copies,
        net_squares=int(np.square(net).sum()),
        weighed_net=None if weighed is None else float(weighed.sum()),
        weighed_squares=None if weighed is None else float(np.square(weighed).sum()),
    )
