"""Lines of a terminal on accuracy before and after, and on a loss above the budget."""

from rich.text import Text

from crshare.report.figures import in_points
from crshare.report.schema import EvaluationReport, MeasuredAccuracy, PlanReport
from crshare.screen import line


def accuracy_lines(report: PlanReport | EvaluationReport) -> list[Text]:
    accuracy = report.accuracy
    if accuracy is None:
        nature = "the plan is lossless" if report.lossless else "the loss is not known"
        return [line(f"No images were given, so no accuracy was measured; {nature}.")]
    lines = [accuracy_sentence(accuracy)]
    if report.lossless:
        lines.append(
            f"Lossless plan: scores bit for bit equal on {report.images_with_equal_scores:,} of "
            f"{accuracy.n_images:,} images."
        )
    return [line(words) for words in lines]


def accuracy_sentence(accuracy: MeasuredAccuracy) -> str:
    low, high = accuracy.interval_95_points
    return (
        f"Accuracy on {accuracy.images} ({accuracy.n_images:,} images): "
        f"{accuracy.before_percent:.2f} % before, {accuracy.after_percent:.2f} % after, "
        f"loss {accuracy.loss_points:.2f} points (95 % interval {low:.2f} to {high:.2f})."
    )


def excess_lines(report: PlanReport) -> list[Text]:
    """Why the loss on the test images may be above what was allowed."""
    accuracy, limit = report.accuracy, report.request.max_loss_points
    if accuracy is None or accuracy.loss_points <= limit or report.lossless:
        return []
    return [line(f"That is above the {in_points(limit)} allowed. {_why_above(report, accuracy)}")]


def _why_above(report: PlanReport, accuracy: MeasuredAccuracy) -> str:
    if not report.request.confident:
        return (
            "With --on-average the budget is kept in the middle of the interval, on the images "
            "that chose the plan, and new images often lose more; without it, new images keep it "
            "with 95 % confidence."
        )
    low, _ = accuracy.interval_95_points
    if low <= report.request.max_loss_points:
        return (
            "That may be chance: the budget is promised, with 95 % confidence, for new images like "
            "the calibration images, and the interval of these test images begins within it."
        )
    return (
        "So is the whole interval, which chance hardly explains: the budget is promised for new "
        "images like the calibration images, so these test images are unlike them, or this is the "
        "one search in twenty that 95 % confidence lets fail."
    )
