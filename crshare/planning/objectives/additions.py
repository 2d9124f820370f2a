"""Two-operand integer additions: popcounts, corrections and accumulation over groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from crshare.network.graph import Network
from crshare.network.slices import SliceTable
from crshare.plan.corrections import corrected_plan, group_additions
from crshare.plan.plan import LayerPlan, SharingPlan, layer_from_weights
from crshare.planning.damage import DamageModel, LayerState
from crshare.planning.group_problem import Solve
from crshare.planning.objective import Objective, Probe, Progress


@dataclass(frozen=True, slots=True)
class Additions:
    """Of layers that follow the plan's slices, their halves made once (`plan.corrections`)."""

    name: str = "additions"
    unit: str = "additions"

    def unshared_cost(self, table: SliceTable) -> int:
        n_inputs, n_filters = table.matrix.shape
        return table.positions * (n_inputs - table.parts) * n_filters

    def layer_cost(self, table: SliceTable, plan: LayerPlan) -> int:
        effective = plan.effective(table)
        shared = zip(plan.representatives, plan.use, plan.corrected, strict=True)
        made = sum(
            group_additions(group, effective[table.rows(number)])
            for number, group in enumerate(shared)
        )
        accumulated = (table.n_groups - table.parts) * table.n_filters
        return table.positions * (made + accumulated)

    def opening_cost(self, table: SliceTable, group: int) -> int:
        """Its taps: which halves other slices need too is known only once all are chosen."""
        return table.n_taps(group)

    def planned(
        self, state: LayerState, damage: DamageModel, multiplier: float, solve: Solve
    ) -> LayerPlan:
        weights = damage.weights(state, self, multiplier, solve)
        return layer_from_weights(state.baseline.table, weights)

    def measured(self, tables: Sequence[SliceTable], probe: Probe) -> Objective:
        return self

    def refined(self, network: Network, plan: SharingPlan, on_progress: Progress) -> SharingPlan:
        return corrected_plan(network, plan, on_progress)
