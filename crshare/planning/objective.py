"""The objective that a plan minimises: one protocol, used wherever plans are costed or compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from crshare.accuracy import Accuracy
from crshare.network.graph import Network
from crshare.network.slices import SliceTable
from crshare.plan.plan import LayerPlan, SharingPlan
from crshare.planning.damage import DamageModel, LayerState
from crshare.planning.group_problem import Solve

Progress = Callable[[str, float], None]
Probe = Callable[["Objective"], tuple[SharingPlan, Accuracy]]


class Objective(Protocol):
    """A cost of plans that a search minimises.

    An objective is a module of `crshare.planning.objectives` and a line in its table.
    """

    @property
    def name(self) -> str:
        """As `minimise` names it."""

    @property
    def unit(self) -> str:
        """What a cost counts, as people read it: "slice operations"."""

    def unshared_cost(self, table: SliceTable) -> int:
        """Of one layer that shares nothing, for one image."""

    def layer_cost(self, table: SliceTable, plan: LayerPlan) -> int:
        """Of one layer under a plan, for one image."""

    def opening_cost(self, table: SliceTable, group: int) -> int:
        """Of one representative more in a group, for one image and one output position.

        The multiplier of the trade-off times this is what a representative costs in the
        facility-location problem of the group.
        """

    def planned(
        self, state: LayerState, damage: DamageModel, multiplier: float, solve: Solve
    ) -> LayerPlan:
        """The plan of one layer at a multiplier, the damage that one unit of a cost is worth."""

    def measured(self, tables: Sequence[SliceTable], probe: Probe) -> Objective:
        """The objective that a search goes on with; itself where there is nothing to measure.

        probe: the plan of an objective at a low multiplier, and what it does to the images.
        """

    def refined(self, network: Network, plan: SharingPlan, on_progress: Progress) -> SharingPlan:
        """The plan found, rewritten where that costs less and changes no output."""


def plan_cost(objective: Objective, plan: SharingPlan, tables: Sequence[SliceTable]) -> int:
    """Of all layers, for one image."""
    pairs = zip(tables, plan.layers, strict=True)
    return sum(objective.layer_cost(table, layer) for table, layer in pairs)
