"""Progress of a whole job: stages one behind the other, and a search whose length is a guess."""

import re
from collections.abc import Callable

Progress = Callable[[str, float], None]

PLANS = 9  # of a search, until it is known to need more


def part_of_whole(on_progress: Progress, begin: float, end: float) -> Progress:
    """Tells of a stage whose share of the whole runs from begin to end."""

    def tell(what: str, done: float) -> None:
        on_progress(what, begin + (end - begin) * min(max(done, 0.0), 1.0))

    return tell


class SearchProgress:
    """Counts the plans of a search as they begin, and says about how many are left.

    A multiplier is told once when its plan begins and again while it is made. n_plans: how many a
    search has, as far as is known; it never says that it is done before it is.
    """

    def __init__(self, on_progress: Progress, n_plans: int = PLANS) -> None:
        self._on_progress, self._n_plans = on_progress, n_plans
        self._begun, self._last, self._at = 0, "", 0.0

    def __call__(self, what: str, done: float) -> None:
        if what != self._last or done < self._at:
            self._begun += _n_plans(what)
        self._last, self._at = what, done
        total = max(self._n_plans, self._begun)
        left = total - self._begun
        said = f"{what}, plan {self._begun}, about {left} left" if left else f"{what}, last plan"
        self._on_progress(said, (self._begun - 1 + done) / total)


def _n_plans(what: str) -> int:
    """Workers begin several at a time, and say so: `4 plans by 2 workers`."""
    several = re.match(r"(\d+) plans by ", what)
    return int(several[1]) if several else 1
