"""LUTs of a plan: the stages around the layers that stay unrolled, and all together."""

from crshare.plan.luts import LayerLuts
from crshare.report.schema import PlanReport

OTHER = "other stages"
SUMS_NOTE = (
    "Of layers that stay unrolled, one window a clock, the sums; other stages, the same in all "
    "columns: windows, layers whose weights lie in memory, pools and the decision for a class, as "
    "fast. By estimate: `synth --by-layer` maps every stage."
)


def every_stage(report: PlanReport) -> tuple[LayerLuts, ...]:
    """The layers that stay unrolled, and all other stages where they are known."""
    n = report.other_luts
    return report.luts if n is None else (*report.luts, LayerLuts(OTHER, n, n, n))
