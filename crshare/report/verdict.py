"""What a plan is worth in words: what it saves beyond exact sharing, which loses nothing."""

from collections.abc import Sequence

from crshare.plan.luts import LayerLuts, luts_together
from crshare.report.figures import begun, less, short
from crshare.report.schema import PlanReport, Realisations

NONE_SAVED = 0.98  # of the exact graph's LUTs; what is above it may be chance of the graph's search


def verdict(report: PlanReport, luts: Sequence[LayerLuts] = ()) -> str:
    """luts: as synthesised, in place of those of the report."""
    said = _operations(report)
    known = luts or report.luts
    if report.lossless:
        return f"This plan is lossless: {said}"
    if not known:
        return f"This plan {_loses(report)}: {said}"
    return f"{_luts(report, luts_together(known), _where(known, luts))} {begun(said)}"


def _operations(report: PlanReport) -> str:
    was, exact, now = Realisations.of(report.layers).slices("slice_operations")
    return (
        f"it leaves {short(now)} slice operations where exact sharing, which loses nothing, leaves "
        f"{short(exact)} of {short(was)} ({less(now, exact)} fewer)."
    )


def _loses(report: PlanReport) -> str:
    accuracy = report.accuracy
    if accuracy is None:
        return "loses an unmeasured number of points"
    if accuracy.loss_points < 0:
        return f"gains {-accuracy.loss_points:.2f} points on the test images"
    return f"loses {accuracy.loss_points:.2f} points"


def _where(known: Sequence[LayerLuts], synthesised: Sequence[LayerLuts]) -> str:
    if synthesised:
        return f"synthesised, all {len(known)} stages" if len(known) > 1 else "synthesised"
    return ", ".join(layer.layer for layer in known)


def _luts(report: PlanReport, whole: LayerLuts, where: str) -> str:
    if whole.planned < NONE_SAVED * whole.exact:
        return (
            f"This plan saves {whole.exact - whole.planned:,} LUTs of the {whole.exact:,} that the "
            f"exact graph takes ({less(whole.planned, whole.exact)}; {where}), and "
            f"{_loses(report)}; without a plan the exact graph takes {whole.exact:,} of "
            f"{whole.unshared:,} LUTs unshared, and loses nothing."
        )
    return (
        f"This plan saves no LUTs ({where}), and {_loses(report)}: its graph takes "
        f"{whole.planned:,}, and without a plan the exact graph takes {whole.exact:,} of "
        f"{whole.unshared:,} LUTs unshared, and loses nothing{_advice(report)}."
    )


def _advice(report: PlanReport) -> str:
    return "" if report.objective.name == "luts" else "; --minimise luts plans for LUTs"
