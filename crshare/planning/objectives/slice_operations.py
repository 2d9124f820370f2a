"""XNOR-popcount bit operations, the unit of the result-sharing paper (Chang et al., DATE 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass

from crshare.network.graph import Network
from crshare.network.slices import SliceTable
from crshare.plan.plan import LayerPlan, SharingPlan, layer_from_weights
from crshare.planning.damage import DamageModel, LayerState
from crshare.planning.group_problem import Solve
from crshare.planning.objective import Objective, Probe, Progress


@dataclass(frozen=True, slots=True)
class SliceOperations:
    """Positions times taps of the computed slices; accumulation and corrections are free."""

    name: str = "slice_operations"
    unit: str = "slice operations"

    def unshared_cost(self, table: SliceTable) -> int:
        return table.slice_operations

    def layer_cost(self, table: SliceTable, plan: LayerPlan) -> int:
        return table.positions * plan.n_computed_taps

    def opening_cost(self, table: SliceTable, group: int) -> int:
        return table.n_taps(group)

    def planned(
        self, state: LayerState, damage: DamageModel, multiplier: float, solve: Solve
    ) -> LayerPlan:
        weights = damage.weights(state, self, multiplier, solve)
        return layer_from_weights(state.baseline.table, weights)

    def measured(self, tables: Sequence[SliceTable], probe: Probe) -> Objective:
        return self

    def refined(self, network: Network, plan: SharingPlan, on_progress: Progress) -> SharingPlan:
        return plan
