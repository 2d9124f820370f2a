"""The search for the cheapest plan within an accuracy budget, by rounds of candidates.

A candidate is a plan made at a multiplier, and its loss measured on the validation images. The loss
of accuracy is not linear in the damage that solvers add up, so it is measured: each round closes in
on the highest multiplier whose candidate keeps the budget. A round's multipliers follow from the
rounds before it and from nothing else, so the plan is the same however many workers share a round.
Candidates are made with the solver's fast bounds; at the multiplier that is kept, the plan is made
once more with the solver that was asked for.

A budget that must be kept surely is judged by halves of the images (Method.crossed), and the plan
kept is then made with all of them. It has more images than either judged plan had, and must keep
the budget in its own loss, too.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from crshare.accuracy import Accuracy
from crshare.errors import CrshareError
from crshare.plan.plan import SharingPlan
from crshare.planning.layerwise import OUT_OF_TIME, Method, PlanGivenUpError, SolverTally
from crshare.planning.multipliers import (
    FIRST,
    WHOLE_CURVE,
    Point,
    kept_and_broken,
    next_multipliers,
    next_upwards,
    surely_kept,
)

FINISHED, LOST = "finished", "its workers were lost"
THIS_PLAN = "this plan"  # the verdict of the one kept


class WorkersLostError(CrshareError):
    """Who worked for a search is gone; what was found until then stands."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may lose, in points on the validation images, and seconds that it may take.

    A search that time_limit_s ends keeps the best plan until then, so it depends on the machine.
    confident: not the middle of the 95 % interval must keep the budget but its upper end, on images
    that did not choose the plan.
    """

    loss_points: float
    time_limit_s: float = inf
    confident: bool = False

    def loss(self, accuracy: Accuracy) -> float:
        return accuracy.interval[1] if self.confident else accuracy.loss_points

    def kept(self, points: Sequence[Point]) -> float:
        """The highest multiplier that keeps it; points: multipliers and losses, rising."""
        rule = surely_kept if self.confident else kept_and_broken
        return rule(points, self.loss_points)[0]

    def next_round(self, points: Sequence[Point]) -> Sequence[float]:
        rule = next_upwards if self.confident else next_multipliers
        return rule(points, self.loss_points)

    @property
    def first_round(self) -> Sequence[float]:
        return self.next_round(()) if self.confident else FIRST


@dataclass(frozen=True, slots=True)
class Tried:
    """One multiplier, and what its plan does on the validation images. unsure: it keeps the budget,
    but not at the upper end of its interval, where it must."""

    multiplier: float
    cost: int
    accuracy: Accuracy
    within: bool
    unsure: bool = False


@dataclass(frozen=True, eq=False)
class Candidate:
    """A plan made at a multiplier, and what it does on the validation images.

    cost: of the objective, of all layers for one image.
    """

    multiplier: float
    plan: SharingPlan
    cost: int
    accuracy: Accuracy
    tally: SolverTally


@dataclass(frozen=True, eq=False)
class Found:
    """The best plan of a search. multiplier: 0 for exact sharing. stopped: why the search ended.

    lost: where that was no end that somebody wanted, what happened, as a sentence. candidates: of
    `tried`, one for each, where the whole curve was asked for; else none.
    """

    plan: SharingPlan
    multiplier: float = 0.0
    tally: SolverTally | None = None
    tried: tuple[Tried, ...] = ()
    stopped: str = FINISHED
    lost: str = ""
    candidates: tuple[Candidate, ...] = ()


Evaluator = Callable[[Sequence[float], Method], Iterable[Candidate]]


class Search:
    """The candidates so far, and the best plan among them.

    exact: the plan that loses nothing. evaluate: makes the candidates of some multipliers, in any
    order. at_once: multipliers that a call of `evaluate` gets.
    """

    def __init__(
        self, exact: SharingPlan, evaluate: Evaluator, budget: Budget, *, at_once: int = 1
    ) -> None:
        self.exact, self.evaluate, self.budget, self.at_once = exact, evaluate, budget, at_once
        self.candidates: list[Candidate] = []
        self.whole: list[Candidate] = []
        self.final: list[Candidate] = []
        self.began, self.longest = time.monotonic(), 0.0

    def run(self, method: Method, *, whole_curve: bool = False) -> Found:
        """Ends early, with the best so far, at the time limit and where workers are lost. A plan
        that is not made by then is given up, the first one too.

        WorkersLostError where there is no plan within the budget by then.
        """
        fast = replace(method, solver="lagrangian")
        judged = replace(fast, crossed=self.budget.confident)
        try:
            stopped = self._rounds(WHOLE_CURVE if whole_curve else self.budget.first_round, judged)
            if judged != fast and self._make_whole(fast):
                stopped = OUT_OF_TIME
            best = self._best()
            if best and best.tally.backends and method != fast and not self._is_late():
                self._evaluate_into(self.final, [best.multiplier], self._hurried(method))
        except PlanGivenUpError as error:
            stopped = str(error)
        except WorkersLostError as error:
            if self._best() is None:
                raise
            return replace(self._found(LOST), lost=str(error))
        found = self._found(stopped)
        return replace(found, candidates=tuple(self._every())) if whole_curve else found

    def _rounds(self, multipliers: Sequence[float], method: Method) -> str:
        while multipliers:
            for some in _in_lots(multipliers, self.at_once):
                if self._is_late():
                    return OUT_OF_TIME
                self._evaluate_into(self.candidates, some, self._hurried(method))
            multipliers = self.budget.next_round(self._losses())
        return FINISHED

    def _make_whole(self, method: Method) -> bool:
        """Make the best plan with all images, or the next best where that loses too much."""
        while judged := self._best():
            if self._is_late():
                return True
            self._evaluate_into(self.whole, [judged.multiplier], self._hurried(method))
            if self._keeps(self.whole[-1]):
                return False
        return False

    def _hurried(self, method: Method) -> Method:
        return replace(method, plan_s=self.budget.time_limit_s - self._elapsed())

    def _evaluate_into(
        self, found: list[Candidate], multipliers: Sequence[float], method: Method
    ) -> None:
        """Add them in the order of the multipliers; those that arrive before an error count too."""
        started = time.monotonic()
        arrived: dict[float, Candidate] = {}
        try:
            for candidate in self.evaluate(multipliers, method):
                arrived[candidate.multiplier] = candidate
        finally:
            found += [arrived[multiplier] for multiplier in multipliers if multiplier in arrived]
        self.longest = max(self.longest, time.monotonic() - started)

    def _is_late(self) -> bool:
        """Whether other plans, as long as the longest so far, would pass the time limit."""
        return bool(self.candidates) and self._elapsed() + self.longest > self.budget.time_limit_s

    def _elapsed(self) -> float:
        return time.monotonic() - self.began

    def _losses(self) -> list[tuple[float, float]]:
        return sorted(
            (entry.multiplier, self.budget.loss(entry.accuracy)) for entry in self.candidates
        )

    def _best(self) -> Candidate | None:
        """The least cost of those that keep the budget, as measured and as fitted; one made with
        all images before those that a half chose."""
        whole = [entry for entry in self.whole if self._keeps(entry)]
        lost = {entry.multiplier for entry in self.whole}
        kept = self.budget.kept(self._losses())
        within = [
            entry
            for entry in self.candidates
            if entry.multiplier <= kept and self._keeps(entry) and entry.multiplier not in lost
        ]
        return min(whole or within, key=lambda entry: entry.cost, default=None)

    def _keeps(self, entry: Candidate) -> bool:
        return self.budget.loss(entry.accuracy) <= self.budget.loss_points

    def _found(self, stopped: str) -> Found:
        """The plan solved to the end, where that keeps the budget too."""
        best = self._best()
        if self.final and self._keeps(self.final[0]):
            best = self.final[0]
        tried = tuple(map(self._tried, self._every()))
        if best is None:
            return Found(self.exact, tried=tried, stopped=stopped)
        return Found(best.plan, best.multiplier, best.tally, tried, stopped)

    def _every(self) -> list[Candidate]:
        return [*self.candidates, *self.whole, *self.final]

    def _tried(self, entry: Candidate) -> Tried:
        within, accuracy = self._keeps(entry), self._told(entry)
        unsure = not within and accuracy.loss_points < self.budget.loss_points
        return Tried(entry.multiplier, entry.cost, accuracy, within, unsure)

    def _told(self, entry: Candidate) -> Accuracy:
        """A plan that all images chose is told with the loss on images that did not choose."""
        if not (self.whole and self._keeps(entry)):
            return entry.accuracy
        judged = [one for one in self.candidates if one.multiplier == entry.multiplier]
        return judged[0].accuracy


def curve(found: Found) -> list[tuple[Tried, bool]]:
    """Every multiplier once, rising, and whether another plan has neither more cost nor loss."""
    entries = sorted({entry.multiplier: entry for entry in found.tried}.values(), key=_multiplier)
    return [(entry, any(_beats(other, entry) for other in entries)) for entry in entries]


def verdicts(found: Found) -> Iterator[tuple[Tried, str]]:
    """What became of each plan tried, in the order in which they were tried."""
    at_multiplier = [
        place
        for place, e in enumerate(found.tried)
        if e.multiplier == found.multiplier and e.within
    ]
    kept = max(at_multiplier, default=-1)
    for place, entry in enumerate(found.tried):
        verdict = "kept the budget" if entry.within else _broken(entry)
        if place == kept:
            verdict = THIS_PLAN
        elif place in at_multiplier:
            verdict += ", planned again below"
        elif entry.within and entry.multiplier > found.multiplier:
            verdict += _left(found, entry)
        yield entry, verdict


def _left(found: Found, entry: Tried) -> str:
    """Why a plan that kept the budget, at a higher multiplier than that of the plan, is none."""
    if any(one.multiplier < entry.multiplier and not one.within for one in found.tried):
        return ", but lower multipliers did not: taken for chance"
    chosen = [one.cost for one in found.tried if one.multiplier == found.multiplier and one.within]
    return ", and saves no more" if chosen and entry.cost >= min(chosen) else ""


def _broken(entry: Tried) -> str:
    return "not sure to keep the budget" if entry.unsure else "lost too much"


def _multiplier(entry: Tried) -> float:
    return entry.multiplier


def _beats(other: Tried, entry: Tried) -> bool:
    ours = (entry.cost, entry.accuracy.loss_points)
    theirs = (other.cost, other.accuracy.loss_points)
    return theirs != ours and theirs[0] <= ours[0] and theirs[1] <= ours[1]


def _in_lots(multipliers: Sequence[float], size: int) -> Iterator[Sequence[float]]:
    for start in range(0, len(multipliers), size):
        yield multipliers[start : start + size]
