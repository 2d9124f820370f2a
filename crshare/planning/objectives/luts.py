"""LUTs of the layers that stay unrolled: patterns of groups of filters, and inputs left out.

Convolutions behind them whose weights lie in memory cost the same whatever their weights are. So
they follow: their slices are chosen anew for the inputs that changed, as a plan of slices does,
which recovers part of what the LUTs lost (docs/lut_plans.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import exp, log

from crshare.network.graph import Network
from crshare.network.slices import SliceTable
from crshare.plan.luts import graph_luts, unshared_luts
from crshare.plan.plan import LayerPlan, SharingPlan, exact_layer, layer_from_weights
from crshare.planning.baseline import BaselineLayer
from crshare.planning.damage import DamageModel, LayerState
from crshare.planning.group_problem import Solve
from crshare.planning.objective import Objective, Probe, Progress
from crshare.planning.objectives.slice_operations import SliceOperations
from crshare.planning.patterns.layer import planned_patterns
from solver import solve

PATTERN_LUTS = 6  # of a graph, for a pattern of a group of filters that has some ten of them
UNROLLED = 16  # clocks for a window below which a layer's weights do not lie in memory
TYPICAL = 4.0  # so that usual multipliers are those of slice operations
TRIED = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)  # worths of a LUT, until a layer saves
TELLS = 0.25  # of its exact graph: what saves less tells nothing of the layer's slope
LEAST_POINTS = 0.01
FINE = (0.5, 2.0)  # by how much a worth may follow the slope
FOLLOWS = 5e-4  # multiplier of slice operations at which layers in memory follow
QUICK = partial(solve, backend="lagrangian")


@dataclass(frozen=True, slots=True)
class Luts:
    """Of exact graphs of the layers that a plan may change, as `crshare.plan.luts` counts them.

    clocks: for an image. A layer with many of them for each window has its weights in memory and is
    left alone, as is one of a single position and the first layer. worth: by layer, the damage
    that a LUT saved there is worth against others, once that is measured. begins: by layer, the
    least worth at which it saves a good part alone, which tells nothing of any label. only: the one
    layer that may change, if any.
    """

    clocks: int = 1
    worth: tuple[tuple[str, float], ...] = ()
    begins: tuple[tuple[str, float], ...] = ()
    only: str | None = None
    name: str = "luts"
    unit: str = "LUTs"

    def stays_unrolled(self, table: SliceTable) -> bool:
        alone = table.positions == 1 or self.clocks >= UNROLLED * table.positions
        return not (alone or table.integer_input or table.parts > 1)

    def unshared_cost(self, table: SliceTable) -> int:
        return unshared_luts(table) if self.stays_unrolled(table) else 0

    def layer_cost(self, table: SliceTable, plan: LayerPlan) -> int:
        if not self.stays_unrolled(table):
            return 0
        return graph_luts(plan.effective(table), plan.members)

    def opening_cost(self, table: SliceTable, group: int) -> int:
        """About what a pattern costs its group of filters."""
        return PATTERN_LUTS

    def planned(
        self, state: LayerState, damage: DamageModel, multiplier: float, solve: Solve
    ) -> LayerPlan:
        table = state.baseline.table
        if self.only not in (None, table.layer):
            return exact_layer(table)
        if not self.stays_unrolled(table):
            return _followed(state, damage)
        price = multiplier * TYPICAL * self._worth(state.baseline)
        exact, plan = exact_layer(table), planned_patterns(table, damage.aim(state), price)
        return plan if self.layer_cost(table, plan) < self.layer_cost(table, exact) else exact

    def _worth(self, layer: BaselineLayer) -> float:
        return dict(self.worth).get(layer.table.layer, 1.0)

    def measured(self, tables: Sequence[SliceTable], probe: Probe) -> Objective:
        """A LUT's worth in each layer: where the layer alone saves a good part, times a root of its
        slope against the others'.

        The slope is what was saved for each point lost, at the upper end of its interval. How many
        images change their class either way tells little: whatever changes at all in a network of
        signs changes a tenth of them. At which price a layer saves anything is its own, of which
        the units of damage of another layer tell nothing.
        """
        begins, slopes = dict[str, float](), dict[str, float]()
        for table in filter(self.stays_unrolled, tables):
            begins[table.layer], slopes[table.layer] = self._slope(table, probe)
        known = [log(slope) for slope in slopes.values() if slope]
        mean = exp(sum(known) / max(1, len(known)))
        worth = {
            layer: begins[layer] * min(max((slope / mean) ** 0.5, FINE[0]), FINE[1])
            for layer, slope in slopes.items()
        }
        rounded = tuple((layer, float(f"{one:.3g}")) for layer, one in worth.items())
        return replace(self, worth=rounded, begins=tuple(begins.items()))

    def _slope(self, table: SliceTable, probe: Probe) -> tuple[float, float]:
        """The least worth tried at which the layer saves, and its slope there, 0 if it never is.

        Where it begins is known from other images, that alone is tried."""
        before, known = self.layer_cost(table, exact_layer(table)), dict(self.begins)
        begun = table.layer in known
        for worth in (known[table.layer],) if begun else TRIED:
            tried = replace(self, only=table.layer, worth=((table.layer, worth),))
            plan, accuracy = probe(tried)
            saved = before - self.layer_cost(table, plan.layer(table.layer))
            if saved >= TELLS * before or begun:
                return worth, saved / max(accuracy.interval[1], LEAST_POINTS)
        return TRIED[-1], 0.0

    def refined(self, network: Network, plan: SharingPlan, on_progress: Progress) -> SharingPlan:
        return plan


def _followed(state: LayerState, damage: DamageModel) -> LayerPlan:
    """A layer whose weights cost nothing, its slices chosen for inputs that changed."""
    if not state.changed:
        return exact_layer(state.baseline.table)
    weights = damage.weights(state, SliceOperations(), FOLLOWS, QUICK)
    return layer_from_weights(state.baseline.table, weights)
