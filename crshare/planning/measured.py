"""What an objective measures of a network before plans are made: on the images that choose them."""

from collections.abc import Sequence
from dataclasses import replace

from crshare.accuracy import Accuracy
from crshare.network.slices import SliceTable
from crshare.plan.plan import SharingPlan
from crshare.planning.choices import RATES
from crshare.planning.layerwise import Method
from crshare.planning.multipliers import FIRST
from crshare.planning.objective import Objective
from crshare.planning.search import Evaluator


def measured_method(method: Method, tables: Sequence[SliceTable], evaluate: Evaluator) -> Method:
    """The method with what its objective measures of the network before a search, by the quickest
    means."""

    def probe(objective: Objective) -> tuple[SharingPlan, Accuracy]:
        tried = replace(method, objective=objective, solver="lagrangian", thresholds=RATES)
        (found,) = evaluate([FIRST[0]], replace(tried, crossed=False))
        return found.plan, found.accuracy

    return replace(method, objective=method.objective.measured(tables, probe))
