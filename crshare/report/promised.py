"""What a plan may lose on new images, as far as its search can tell, in words."""

from collections.abc import Iterable

from crshare.planning.search import THIS_PLAN
from crshare.report.schema import PlanReport, TriedPlan

ON_AVERAGE = "The budget is kept on average: new images may well lose more."


def promise_lines(report: PlanReport) -> list[str]:
    """Empty where nothing was searched."""
    if not report.search.tried:
        return []
    promise = report.search.promise
    if promise is None:
        return [ON_AVERAGE]
    said = [promise.sentence, promise.advice(report.objective.unit)]
    return [words for words in said if words]


def last_of_each(tried: Iterable[TriedPlan]) -> list[TriedPlan]:
    """The last plan at each multiplier, or there the plan kept, by rising multiplier.

    A search makes a plan again with more images, or a better solver.
    """
    found: dict[float, TriedPlan] = {}
    for entry in tried:
        if entry.price not in found or found[entry.price].verdict != THIS_PLAN:
            found[entry.price] = entry
    return [found[price] for price in sorted(found)]
