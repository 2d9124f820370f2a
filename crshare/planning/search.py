"""The search for the cheapest plan within an accuracy budget: rounds of prices, planned and judged.

The accuracy budget is not linear in the solver's disturbance. The bridge is this loop: plan at some
prices, measure the losses on the judging images, close in on the highest price that keeps the
budget. A round's prices follow from the rounds before it and from nothing else, so the plan is the
same however many workers share a round. Plans on the way take the solver's fast bounds; the price
that is kept is planned once more with the solver that was asked for.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from crshare.accuracy import Accuracy
from crshare.errors import CrshareError
from crshare.plan.plan import SharingPlan
from crshare.planning.layerwise import OUT_OF_TIME, Method, PlanGivenUpError, SolverTally
from crshare.planning.multipliers import FIRST, WHOLE_CURVE, kept_and_broken, next_prices

FINISHED, LOST = "finished", "its workers were lost"


class WorkersLostError(CrshareError):
    """Who worked for a search is gone; what was found until then stands."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may lose, in points on the judging images, and seconds that it may take.

    A search that time_limit_s ends keeps the best plan until then, so it depends on the machine.
    confident: not the middle of the 95 % interval must keep the budget but its upper end.
    """

    loss_points: float
    time_limit_s: float = inf
    confident: bool = False

    def loss(self, accuracy: Accuracy) -> float:
        return accuracy.interval[1] if self.confident else accuracy.loss_points


@dataclass(frozen=True, slots=True)
class Tried:
    """One price, and what its plan does on the judging images."""

    price: float
    cost: int
    accuracy: Accuracy
    within: bool


@dataclass(frozen=True, eq=False)
class Judged:
    """A plan made at a price, and what it does on the judging images.

    cost: of the objective, of all layers for one image.
    """

    price: float
    plan: SharingPlan
    cost: int
    accuracy: Accuracy
    tally: SolverTally


@dataclass(frozen=True, eq=False)
class Found:
    """The best plan of a search. price: 0 for exact sharing. stopped: why the search ended.

    lost: where that was no end that somebody wanted, what happened, as a sentence.
    """

    plan: SharingPlan
    price: float = 0.0
    tally: SolverTally | None = None
    tried: tuple[Tried, ...] = ()
    stopped: str = FINISHED
    lost: str = ""


Judge = Callable[[Sequence[float], Method], Iterable[Judged]]


class Search:
    """The prices judged so far, and the best plan among them.

    exact: the plan that loses nothing. judge: plans and judges some prices, in any order.
    at_once: prices that a call of `judge` gets.
    """

    def __init__(
        self, exact: SharingPlan, judge: Judge, budget: Budget, *, at_once: int = 1
    ) -> None:
        self.exact, self.judge, self.budget, self.at_once = exact, judge, budget, at_once
        self.judged: list[Judged] = []
        self.final: list[Judged] = []
        self.began, self.longest = time.monotonic(), 0.0

    def run(self, method: Method, *, whole_curve: bool = False) -> Found:
        """Ends early, with the best so far, at the time limit and where workers are lost.

        WorkersLostError where there is no plan within the budget by then.
        """
        fast = replace(method, solver="lagrangian")
        try:
            stopped = self._rounds(WHOLE_CURVE if whole_curve else FIRST, fast)
            best = self._best()
            if best and method != fast and not self._is_late():
                hurried = replace(method, plan_s=self.budget.time_limit_s - self._elapsed())
                self._judge_into(self.final, [best.price], hurried)
        except PlanGivenUpError as error:
            stopped = str(error)
        except WorkersLostError as error:
            if self._best() is None:
                raise
            return replace(self._found(LOST), lost=str(error))
        return self._found(stopped)

    def _rounds(self, prices: Sequence[float], method: Method) -> str:
        while prices:
            for some in _in_lots(prices, self.at_once):
                if self._is_late():
                    return OUT_OF_TIME
                self._judge_into(self.judged, some, method)
            prices = next_prices(self._losses(), self.budget.loss_points)
        return FINISHED

    def _judge_into(self, found: list[Judged], prices: Sequence[float], method: Method) -> None:
        """Add them in the order of the prices; those that arrive before an error count too."""
        started = time.monotonic()
        arrived: dict[float, Judged] = {}
        try:
            for judged in self.judge(prices, method):
                arrived[judged.price] = judged
        finally:
            found += [arrived[price] for price in prices if price in arrived]
        self.longest = max(self.longest, time.monotonic() - started)

    def _is_late(self) -> bool:
        """Whether other plans, as long as the longest so far, would pass the time limit."""
        return bool(self.judged) and self._elapsed() + self.longest > self.budget.time_limit_s

    def _elapsed(self) -> float:
        return time.monotonic() - self.began

    def _losses(self) -> list[tuple[float, float]]:
        return sorted((entry.price, self.budget.loss(entry.accuracy)) for entry in self.judged)

    def _best(self) -> Judged | None:
        """The least cost of those that keep the budget, as measured and as fitted."""
        kept, _ = kept_and_broken(self._losses(), self.budget.loss_points)
        within = [entry for entry in self.judged if entry.price <= kept and self._keeps(entry)]
        return min(within, key=lambda entry: entry.cost, default=None)

    def _keeps(self, entry: Judged) -> bool:
        return self.budget.loss(entry.accuracy) <= self.budget.loss_points

    def _found(self, stopped: str) -> Found:
        """The plan solved to the end, where that keeps the budget too."""
        best, every = self._best(), [*self.judged, *self.final]
        if self.final and self._keeps(self.final[0]):
            best = self.final[0]
        tried = tuple(
            Tried(entry.price, entry.cost, entry.accuracy, self._keeps(entry)) for entry in every
        )
        if best is None:
            return Found(self.exact, tried=tried, stopped=stopped)
        return Found(best.plan, best.price, best.tally, tried, stopped)


def curve(found: Found) -> list[tuple[Tried, bool]]:
    """Every price once, rising, and whether another plan has neither more cost nor loss."""
    entries = sorted({entry.price: entry for entry in found.tried}.values(), key=_price)
    return [(entry, any(_beats(other, entry) for other in entries)) for entry in entries]


def verdicts(found: Found) -> Iterator[tuple[Tried, str]]:
    """What became of each plan tried, in the order in which they were tried."""
    at_price = [place for place, e in enumerate(found.tried) if e.price == found.price and e.within]
    kept = max(at_price, default=-1)
    for place, entry in enumerate(found.tried):
        verdict = "kept the budget" if entry.within else "lost too much"
        if place == kept:
            verdict = "this plan"
        elif place in at_price:
            verdict += ", planned again below"
        elif entry.within and entry.price > found.price:
            verdict += ", but lower prices did not: taken for chance"
        yield entry, verdict


def _price(entry: Tried) -> float:
    return entry.price


def _beats(other: Tried, entry: Tried) -> bool:
    ours = (entry.cost, entry.accuracy.loss_points)
    theirs = (other.cost, other.accuracy.loss_points)
    return theirs != ours and theirs[0] <= ours[0] and theirs[1] <= ours[1]


def _in_lots(prices: Sequence[float], size: int) -> Iterator[Sequence[float]]:
    for start in range(0, len(prices), size):
        yield prices[start : start + size]
