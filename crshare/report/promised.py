"""What a plan may lose on new images, as far as its search can tell, in words."""

from crshare.report.schema import PlanReport

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
