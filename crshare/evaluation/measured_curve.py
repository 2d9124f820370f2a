"""The plans of a whole curve on the test images, and their LUTs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crshare.accuracy import Accuracy, compare
from crshare.evaluation.planned_luts import planned_luts
from crshare.executor.execute import compile_network
from crshare.images.image_set import ImageSet
from crshare.network.graph import Network
from crshare.plan.luts import luts_together
from crshare.plan.plan import SharingPlan, planned_network
from crshare.planning.objective import Objective
from crshare.planning.search import Found, curve

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class MeasuredPoint:
    """What the plan of a multiplier loses on the test images, and the LUTs of its sums in the
    layers that stay unrolled; None where it changes no weight."""

    multiplier: float
    accuracy: Accuracy
    luts: int | None


def measured_curve(
    network: Network, found: Found, objective: Objective, test: ImageSet, on_progress: Progress
) -> tuple[MeasuredPoint, ...]:
    """Of each multiplier whose plan no other beats on the validation images, rising, and of the
    one kept. The test images choose nothing: they report points that are chosen without them."""
    plans = _plans(found)
    wanted = [
        entry.multiplier
        for entry, beaten in curve(found)
        if entry.multiplier in plans and (not beaten or entry.multiplier == found.multiplier)
    ]
    before = compile_network(network).classify(test.images)
    points = []
    for number, multiplier in enumerate(wanted):
        on_progress(f"testing the plan at multiplier {multiplier:.1e}", number / len(wanted))
        plan = plans[multiplier]
        now = compile_network(planned_network(network, plan)).classify(test.images)
        accuracy = compare(before, now, test.labels, test.name, copies=test.copies)
        counted = planned_luts(network, plan, objective, lambda what, done: None)
        luts = luts_together(counted).planned if counted else None
        points.append(MeasuredPoint(multiplier, accuracy, luts))
    return tuple(points)


def _plans(found: Found) -> Mapping[float, SharingPlan]:
    """The last plan at each multiplier, and at that of the plan kept this one."""
    plans = {entry.multiplier: entry.plan for entry in found.candidates}
    return {**plans, found.multiplier: found.plan} if found.multiplier else plans
