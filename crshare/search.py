"""The search for the cheapest plan within an accuracy budget: try a price, measure, move it.

The accuracy budget is not linear in the solver's disturbance. The bridge is this loop: plan at a
price, measure the loss on the choosing images, raise or lower the price. Plans on the way take the
solver's fast bounds; the price that is kept is planned once more with the solver that was asked
for.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, sqrt

import numpy as np

from crshare.accuracy import Estimate, estimate
from crshare.ground import Ground, right_answers
from crshare.plan import SharingPlan
from crshare.trial import Method, SolverTally, exact_plan, try_price

FIRST_PRICE = 3e-4
STEP = 2.0
CLOSE = 1.1  # stop when the price is known to this factor
LEAST_PRICE = 1e-7

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may lose, in points on the choosing images, and how long it may take.

    confident: the upper end of the loss's 95 % interval must keep to it, not only its middle.
    """

    loss_points: float
    time_limit_s: float
    confident: bool = False

    def holds(self, loss: Estimate) -> bool:
        expected = loss.interval_points[1] if self.confident else loss.loss_points
        return expected <= self.loss_points


@dataclass(frozen=True, slots=True)
class Tried:
    """One price, and what its plan does on the choosing images."""

    price: float
    slice_operations: int
    loss: Estimate
    within: bool


@dataclass(frozen=True, eq=False)
class Found:
    """The best plan of a search. price: 0 for exact sharing. stopped: why the search ended."""

    plan: SharingPlan
    price: float = 0.0
    tally: SolverTally | None = None
    tried: tuple[Tried, ...] = ()
    stopped: str = "finished"


@dataclass(slots=True)
class _Bracket:
    """The highest price that keeps the budget, and the lowest that breaks it."""

    kept: float = 0.0
    broken: float = inf

    def next(self) -> float | None:
        """The price to try, None where it is known well enough."""
        if self.kept == 0.0:
            price = FIRST_PRICE if self.broken == inf else self.broken / STEP
            return price if price >= LEAST_PRICE else None
        if self.broken == inf:
            return self.kept * STEP
        return sqrt(self.kept * self.broken) if self.broken > CLOSE * self.kept else None

    def note(self, entry: Tried) -> None:
        if entry.within:
            self.kept = max(self.kept, entry.price)
        else:
            self.broken = min(self.broken, entry.price)


class Search:
    """The prices tried so far and the best plan among them."""

    def __init__(
        self, ground: Ground, fingerprint: str, budget: Budget, on_progress: Progress
    ) -> None:
        self.ground, self.fingerprint = ground, fingerprint
        self.budget, self.on_progress = budget, on_progress
        self.best = Found(exact_plan(ground.network, fingerprint))
        self.tried: list[Tried] = []
        self.began, self.longest = time.monotonic(), 0.0

    def run(self, method: Method) -> Found:
        """Ends early, with the best so far, at the time limit or on Ctrl-C."""
        try:
            stopped = self._bisect()
            if self.best.price and not self._is_late():
                self._try(self.best.price, method, "the plan, solved to the end")
        except KeyboardInterrupt:
            stopped = "interrupted"
        return replace(self.best, tried=tuple(self.tried), stopped=stopped)

    def _bisect(self) -> str:
        bracket, fast = _Bracket(), Method("lagrangian")
        while (price := bracket.next()) is not None:
            if self._is_late():
                return "time limit"
            bracket.note(self._try(price, fast, f"plan {len(self.tried) + 1}"))
        return "finished"

    def _is_late(self) -> bool:
        """Whether another plan, as long as the longest so far, would pass the time limit."""
        elapsed = time.monotonic() - self.began
        return bool(self.tried) and elapsed + self.longest > self.budget.time_limit_s

    def _try(self, price: float, method: Method, what: str) -> Tried:
        started = time.monotonic()
        plan, network, tally = try_price(
            self.ground, self.fingerprint, price, method, lambda done: self.on_progress(what, done)
        )
        views = self.ground.views
        right = np.stack([right_answers(network, view) for view in views.sets])
        loss = estimate(views.right, right)
        within = self.budget.holds(loss)
        entry = Tried(price, self._operations(plan), loss, within)
        self.tried.append(entry)
        self.longest = max(self.longest, time.monotonic() - started)
        if within and entry.slice_operations <= self._operations(self.best.plan):
            self.best = Found(plan, price, tally)
        return entry

    def _operations(self, plan: SharingPlan) -> int:
        """Slice operations of all layers, for one image."""
        pairs = zip(plan.layers, self.ground.tables, strict=True)
        return sum(layer.n_computed_taps * table.positions for layer, table in pairs)
