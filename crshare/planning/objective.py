"""The objective that a plan minimises: one protocol, used wherever plans are costed or compared."""

from collections.abc import Callable, Sequence
from typing import Protocol

from crshare.network.graph import Network
from crshare.network.slices import SliceTable
from crshare.plan.plan import LayerPlan, SharingPlan

Progress = Callable[[str, float], None]


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

    def refined(self, network: Network, plan: SharingPlan, on_progress: Progress) -> SharingPlan:
        """The plan found, rewritten where that costs less and changes no output."""


def plan_cost(objective: Objective, plan: SharingPlan, tables: Sequence[SliceTable]) -> int:
    """Of all layers, for one image."""
    pairs = zip(tables, plan.layers, strict=True)
    return sum(objective.layer_cost(table, layer) for table, layer in pairs)
