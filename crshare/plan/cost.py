"""The measures of docs/measures.md, unshared, shared exactly and as planned, from what is built.

Slice operations come from the plan; additions and full adders from adder graphs: of the layer's
own weights unshared, of exact sharing and of the plan's effective weights both following the slices
and with exact sharing beyond slices. All figures are for one image: an adder graph serves one
output position.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from crshare.network.graph import Signal
from crshare.network.slices import SliceTable
from crshare.plan.origins import OriginCounts
from crshare.plan.plan import LayerPlan, exact_layer, parts_of
from crshare.typed_json import Count, Positive
from solver.adder_graph import AdderGraph, Cost, Slices, build, measure

Counted = Callable[[SliceTable, LayerPlan, tuple[int, int]], Cost]


@dataclass(frozen=True, slots=True)
class Totals:
    """One measure of one realisation each; adds up over layers."""

    slice_operations: Count = 0
    additions: Count = 0
    full_adders: Count = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.slice_operations + other.slice_operations,
            self.additions + other.additions,
            self.full_adders + other.full_adders,
        )


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """One layer: unshared; its slices shared exactly, and as planned; its own weights in an exact
    adder graph, and those of the plan in one.

    before: unshared. exact, after: slices. exact_graph, graph: adder graphs. n_slices: of patterns,
    inputs of all groups of filters. patterns: whether the plan is of those.
    """

    layer: str
    integer_input: bool
    is_dense: bool
    n_slices: Positive
    origins: OriginCounts
    before: Totals
    exact: Totals
    after: Totals
    exact_graph: Totals
    graph: Totals
    patterns: bool = False


def count_layer(table: SliceTable, plan: LayerPlan, given: Signal) -> LayerCounts:
    """`given`: the signal into the layer, whose bound is the adders' input range."""
    inputs = (-given.bound, given.bound) if table.integer_input else (0, 1)
    before = _totals(table, table.slice_operations, _added(_unshared, table, plan, inputs))
    planned = _shared(table, plan, inputs)
    exact = exact_layer(table)
    found = planned if _is_same(plan, exact) else _shared(table, exact, inputs)
    return _counts(table, plan, given, (before, *found, *planned))


def _shared(table: SliceTable, plan: LayerPlan, inputs: tuple[int, int]) -> tuple[Totals, Totals]:
    """Following the plan, and of its weights in an exact graph."""
    computed = table.positions * plan.n_computed_taps
    goals = _as_planned, _exact
    after, graph = (_totals(table, computed, _added(goal, table, plan, inputs)) for goal in goals)
    return after, graph


def _is_same(one: LayerPlan, other: LayerPlan) -> bool:
    """Whether two plans of slices compute and correct the same."""
    return (
        one.members is None
        and np.array_equal(one.taken, other.taken)
        and np.array_equal(one.corrected, other.corrected)
        and one.n_computed == other.n_computed
    )


def count_slices(table: SliceTable, plan: LayerPlan, given: Signal) -> LayerCounts:
    """As count_layer without adder graphs, which take minutes for a large layer: slice operations
    alone, all additions and full adders left at 0."""
    before, after = Totals(table.slice_operations), Totals(table.positions * plan.n_computed_taps)
    exact = Totals(table.positions * exact_layer(table).n_computed_taps)
    return _counts(table, plan, given, (before, exact, exact, after, after))


def _counts(
    table: SliceTable, plan: LayerPlan, given: Signal, totals: tuple[Totals, ...]
) -> LayerCounts:
    """totals: unshared; exact slices and their graph; the plan's slices and their graph."""
    before, exact, exact_graph, after, graph = totals
    return LayerCounts(
        layer=table.layer,
        integer_input=table.integer_input,
        is_dense=given.shape[:2] == (1, 1),
        n_slices=table.n_slices if plan.members is None else plan.use.size,
        origins=plan.count_origins(table),
        before=before,
        exact=exact,
        after=after,
        exact_graph=exact_graph,
        graph=graph,
        patterns=plan.members is not None,
    )


def _added(counted: Counted, table: SliceTable, plan: LayerPlan, inputs: tuple[int, int]) -> Cost:
    """The cost of all groups of channels together."""
    return sum((counted(*part, inputs) for part in parts_of(table, plan)), Cost())


def _totals(table: SliceTable, slice_operations: int, cost: Cost) -> Totals:
    return Totals(
        slice_operations, table.positions * cost.additions, table.positions * cost.full_adders
    )


def _unshared(table: SliceTable, _: LayerPlan, inputs: tuple[int, int]) -> Cost:
    """Every filter on its own; all cost the same but for how many weights of wide inputs are +1."""
    weights = _rows(table.matrix)
    positive = (weights > 0).sum(axis=1) if table.integer_input else np.zeros(len(weights))
    _, first, times = np.unique(positive, return_index=True, return_counts=True)
    kind = (measure(build(weights[[row]], method="separate", input_range=inputs)) for row in first)
    return sum((cost * n for cost, n in zip(kind, times.tolist(), strict=True)), Cost())


def _as_planned(table: SliceTable, plan: LayerPlan, inputs: tuple[int, int]) -> Cost:
    return measure(graph_as_planned(table, plan, input_range=inputs, measure="additions"))


def graph_as_planned(
    table: SliceTable, plan: LayerPlan, *, input_range: tuple[int, int], measure: str
) -> AdderGraph:
    """The adder graph that follows the plan's slices, or adds up the inputs of its patterns."""
    if plan.members is not None:
        weights = _rows(plan.effective(table))
        return build(
            weights,
            method="buckets",
            groups=plan.members,
            input_range=input_range,
            measure=measure,
            search_rounds=0,
        )
    return build(
        _rows(table.matrix),
        method="slices",
        slices=slices_of(table, plan),
        input_range=input_range,
        measure=measure,
    )


def slices_of(table: SliceTable, plan: LayerPlan) -> Slices:
    """A layer's plan in the words of the adder graphs."""
    return Slices(
        starts=np.array(table.starts, np.int64),
        representatives=tuple(patterns.astype(np.int64) for patterns in plan.representatives),
        use=plan.use.astype(np.int64),
        corrected=plan.corrected,
    )


def _exact(table: SliceTable, plan: LayerPlan, inputs: tuple[int, int]) -> Cost:
    """The least of each measure, of graphs that were built for one each without the long search."""
    weights = _rows(plan.effective(table))

    def built(goal: str) -> Cost:
        groups = plan.members or ()
        return measure(
            build(weights, measure=goal, input_range=inputs, search_rounds=0, groups=groups)
        )

    narrow, short = built("full_adders"), built("additions")
    return replace(
        narrow,
        additions=min(short.additions, narrow.additions),
        full_adders=min(short.full_adders, narrow.full_adders),
    )


def _rows(matrix: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    return matrix.T.astype(np.int64)
