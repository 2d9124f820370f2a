"""What a search that keeps its budget surely may say of new images, and what more images buy."""

from dataclasses import dataclass
from math import ceil

from crshare.accuracy import Accuracy
from crshare.planning.search import Budget, Found, Tried
from crshare.typed_json import Amount, Count, Number

LEVEL_PERCENT = 95.0
MOST = 100  # times as many images as there are; what needs more is not told


@dataclass(frozen=True, slots=True)
class MoreImages:
    """About how many calibration images would do for a cheaper plan that was tried, if its loss
    stays. price: its multiplier. cost: of the objective."""

    n_images: Count
    price: Amount
    cost: Count
    loss_points: Number


@dataclass(frozen=True, slots=True)
class Promise:
    """Of the plan kept: the loss on images that did not choose it, and what it is at most, with
    LEVEL_PERCENT confidence, on images like them. n_images: calibration images.

    Two ways up (planning/multipliers.py), each wrong in 2.5 % of all cases at most: the upper end
    of a 95 % interval is passed on one side.
    """

    n_images: Count
    loss_points: Number
    at_most_points: Number
    more: MoreImages | None
    level_percent: Number = LEVEL_PERCENT

    @property
    def sentence(self) -> str:
        if self.at_most_points == 0.0:
            return "Exact sharing loses nothing."
        return (
            f"Loss on images that did not choose: {self.loss_points:.2f} points; with "
            f"{self.level_percent:g} % confidence at most {self.at_most_points:.2f} on new images "
            "like them."
        )

    def advice(self, unit: str) -> str:
        """Empty where no number of images is told."""
        if self.more is None:
            return ""
        return (
            f"About {self.more.n_images:,} calibration images instead of {self.n_images:,} would "
            f"tell whether multiplier {self.more.price:.1e} keeps the budget too "
            f"({self.more.loss_points:+.2f} points so far), with {self.more.cost:,} {unit}."
        )


def promise_of(found: Found, budget: Budget) -> Promise | None:
    """None where the budget was kept on average alone, or nothing was tried."""
    if not budget.confident or not found.tried:
        return None
    n_images, more = _images_of(found.tried[0].accuracy), _more(found, budget)
    kept = [one for one in found.tried if one.multiplier == found.multiplier and one.within]
    if not kept:
        return Promise(n_images, 0.0, 0.0, more)
    accuracy = kept[-1].accuracy
    return Promise(n_images, accuracy.loss_points, accuracy.interval[1], more)


def _images_of(accuracy: Accuracy) -> int:
    return accuracy.n_images // accuracy.copies


def _more(found: Found, budget: Budget) -> MoreImages | None:
    """The cheapest of the plans that are not sure to keep the budget and do so in the middle."""
    unsure = [
        MoreImages(_needed(one, budget), one.multiplier, one.cost, one.accuracy.loss_points)
        for one in found.tried
        if one.unsure and one.multiplier > found.multiplier
    ]
    n_images = _images_of(found.tried[0].accuracy)
    near = [more for more in unsure if more.n_images <= MOST * n_images]
    return min(near, key=lambda more: more.cost, default=None)


def _needed(tried: Tried, budget: Budget) -> int:
    """An interval is as wide as one over the root of the number of images; to two digits."""
    accuracy = tried.accuracy
    reach = accuracy.interval[1] - accuracy.loss_points
    room = budget.loss_points - accuracy.loss_points
    exact = ceil(_images_of(accuracy) * (reach / room) ** 2)
    step = int("1" + "0" * max(0, len(str(exact)) - 2))
    return step * ceil(exact / step)
