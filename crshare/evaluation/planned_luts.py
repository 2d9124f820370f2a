"""LUTs of the layers that stay unrolled: unshared, in an exact graph, and under a plan."""

from collections.abc import Callable

from crshare.network.graph import Network
from crshare.network.slices import decompose
from crshare.plan.luts import LayerLuts, layer_luts
from crshare.plan.plan import SharingPlan, changed_layers
from crshare.planning.objective import Objective
from crshare.planning.objectives.luts import Luts

Progress = Callable[[str, float], None]


def planned_luts(
    network: Network, plan: SharingPlan, objective: Objective, on_progress: Progress
) -> tuple[LayerLuts, ...]:
    """Of layers that stay unrolled, where LUTs are the objective or the plan changes weights."""
    goal = objective if isinstance(objective, Luts) else Luts()
    if goal is not objective and not changed_layers(network, plan):
        return ()
    tables = [table for table in decompose(network) if goal.stays_unrolled(table)]
    counted = []
    for number, table in enumerate(tables):
        on_progress(f"counting LUTs of {table.layer}", number / len(tables))
        given = network.input_of(network.layer(table.layer))
        counted.append(layer_luts(table, plan.layer(table.layer), given))
    return tuple(counted)
