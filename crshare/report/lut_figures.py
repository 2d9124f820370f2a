"""LUTs of a plan's report: all layers together, and what is said where none are saved."""

from collections.abc import Sequence

from crshare.plan.luts import LayerLuts
from crshare.report.schema import PlanReport

NONE_SAVED = 0.98  # of the exact graph's LUTs; what is above it may be chance of the graph's search


def luts_together(layers: Sequence[LayerLuts]) -> LayerLuts:
    """The sums of all layers."""
    return LayerLuts(
        "all",
        sum(layer.unshared for layer in layers),
        sum(layer.exact for layer in layers),
        sum(layer.planned for layer in layers),
    )


def luts_sentence(report: PlanReport) -> str:
    """None where the plan saves LUTs, or no slice operations beyond exact sharing."""
    whole = luts_together(report.luts)
    if report.lossless or whole.planned < NONE_SAVED * whole.exact:
        return ""
    return (
        f"This plan saves {report.objective.unit}, but no LUTs: the graph of its weights takes "
        f"{whole.planned:,}, that of the original ones {whole.exact:,}; --minimise luts plans for "
        "LUTs."
    )
