"""One plan at one multiplier: layer by layer, on the outputs of the layers planned before.

After each layer that differs from the original, its thresholds are set so that every channel fires
as often as it did.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from crshare.arrays import Array, Float64Array
from crshare.executor.execute import last_cut, map_bytes, run_onward
from crshare.limits import SEED
from crshare.network.graph import INPUT, Network, Op, Scale, Threshold
from crshare.network.slices import SliceTable, decompose, with_slices
from crshare.plan.plan import LayerPlan, SharingPlan, exact_layer
from crshare.planning.baseline import Baseline, BaselineLayer
from crshare.planning.choices import RATES
from crshare.planning.damage import DamageModel, LayerState
from crshare.planning.group_problem import OPENING, Solve
from crshare.planning.matched_variance import MatchedVariance
from crshare.planning.objective import Objective
from crshare.planning.objectives.slice_operations import SliceOperations
from solver import (
    WORK,
    BackendUnavailableError,
    EngineFaultError,
    Problem,
    Selection,
    Status,
    solve,
)

OUT_OF_TIME, OUT_OF_WORK = "time limit", "work limit"
NEXT = "lagrangian"  # who solves what a named solver does not
MOST_KEPT = 2 * 2**30  # bytes of the maps of the layer from which others are run


@dataclass(slots=True)
class SolverTally:
    """Who solved how many problems, and how well: filled as they are solved."""

    backends: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    n_optimal: int = 0
    cost: int = 0
    bound: int = 0
    worst_gap: float = 0.0
    opened: int = 0
    unproven: float = 0.0

    def add(self, selection: Selection, opening: int) -> None:
        """opening: of the objective, for one image, that a representative of the problem costs."""
        self.backends[selection.backend] += 1
        self.opened += opening * len(selection.opened)
        self.unproven += opening * (selection.cost - selection.bound) / OPENING
        self.refusals.update(selection.refusals)
        self.n_optimal += selection.status is Status.OPTIMAL
        self.cost += selection.cost
        self.bound += selection.bound
        self.worst_gap = max(self.worst_gap, selection.gap)

    @property
    def gap(self) -> float:
        """Of all the problems together: a share of their cost."""
        return (self.cost - self.bound) / max(1, self.cost)

    @property
    def objective_gap(self) -> float:
        """The share of the objective that other choices might save at no more damage.

        At the multiplier, cost and bound differ by so much of it in all. Whatever is chosen, group
        by group, at no more than the plan's damage therefore takes all but this: the
        Lagrangian bound of the multiple-choice knapsack over all groups of all layers, each
        group's curve taken where the others stood when it was chosen. (M. L. Fisher, "The
        Lagrangian relaxation method for solving integer programming problems", 1981.)
        """
        return self.unproven / max(1, self.opened)


class PlanGivenUpError(Exception):
    """A plan took more time or work than its method allows; its text is OUT_OF_TIME or _WORK."""


@dataclass(frozen=True, slots=True)
class Method:
    """How a plan is made: the solver, its limits for one problem, and the seed of samples.

    objective: what the plan has least of. damage: what errors cost. thresholds: one of THRESHOLDS,
    what they follow in the last layers. work, plan_work: units that a solver may do for one problem
    and for all of a plan, counted, so the same on every machine. plan_s: seconds after which a plan
    that is not finished is given up; no plan depends on them. crossed: each half of the images
    judges a plan that the other half chose; else all choose, and judge.
    """

    solver: str = "auto"
    gap: float = 0.0
    seed: int = 0
    thresholds: str = RATES
    objective: Objective = SliceOperations()
    damage: DamageModel = MatchedVariance()
    work: float = WORK
    plan_work: float = 600.0
    crossed: bool = False
    plan_s: float = field(default=inf, compare=False, repr=False)

    def __post_init__(self) -> None:
        SEED.check("seed", self.seed)


class PartialPlan:
    """A plan of the first layers, the network under it, and the calibration images' maps in it.

    Once a layer has changed, the maps of one layer are kept, from which others are run: the last
    that no shortcut goes around, where it fits.
    """

    def __init__(self, baseline: Baseline, fingerprint: str) -> None:
        self.baseline, self.fingerprint = baseline, fingerprint
        self.network = baseline.network
        self.plans = {table.layer: exact_layer(table) for table in baseline.tables}
        self.kept: tuple[str, Array] | None = None

    def inputs_of(self, baseline_layer: BaselineLayer) -> tuple[Array, bool]:
        """The layer's inputs now, and whether they differ from the original network's."""
        if self.kept is None:
            return baseline_layer.inputs, False
        source, images = baseline_layer.layer.source, self.baseline.images.images
        cut = last_cut(self.network, source)
        if len(images) * map_bytes(self.network.signals[cut]) > MOST_KEPT:
            cut = INPUT
        wanted = {cut, source} - {INPUT}
        found = run_onward(self.network, images, *self.kept, wanted)
        self.kept = cut, found.get(cut, images)
        return found[source], True

    def state_of(self, baseline_layer: BaselineLayer, seed: int) -> LayerState:
        inputs, changed = self.inputs_of(baseline_layer)
        return LayerState(
            baseline_layer, self.baseline.network, self.network, inputs, changed, seed
        )

    def take(self, state: LayerState, plan: LayerPlan, damage: DamageModel) -> None:
        """Adopt a layer's plan, and move the threshold or offset behind it where the damage model
        does."""
        baseline_layer, name = state.baseline, state.baseline.layer.name
        conv = self.network.conv(name)
        planned = with_slices(conv, plan.effective(baseline_layer.table))
        differs = not np.array_equal(planned.kernel, conv.kernel)
        self.plans[name] = plan
        if not (state.changed or differs):
            return
        self.kept = self.kept or (baseline_layer.layer.source, state.inputs)
        ops: dict[str, Op] = {name: planned}
        self.network = self.network.replace(ops)
        moved = damage.threshold(state, self.network)
        if baseline_layer.threshold is not None and moved is not None:
            self.network = self.network.replace({baseline_layer.threshold.name: moved})
        scale = damage.norm(state, self.network)
        if baseline_layer.norm is not None and scale is not None:
            self.network = self.network.replace({baseline_layer.norm.name: scale})

    def plan(self) -> SharingPlan:
        moved = moved_thresholds(self.network, self.baseline.network)
        offsets = moved_offsets(self.network, self.baseline.network)
        layers = tuple(self.plans[table.layer] for table in self.baseline.tables)
        return SharingPlan(self.fingerprint, layers, moved, offsets)


def moved_thresholds(network: Network, original: Network) -> dict[str, Threshold]:
    return {
        layer.name: layer.op
        for layer, old in zip(network.layers, original.layers, strict=True)
        if isinstance(layer.op, Threshold) and layer.op is not old.op
    }


def moved_offsets(network: Network, original: Network) -> dict[str, Float64Array]:
    return {
        layer.name: layer.op.offset
        for layer, old in zip(network.layers, original.layers, strict=True)
        if isinstance(layer.op, Scale)
        and isinstance(old.op, Scale)
        and not np.array_equal(layer.op.offset, old.op.offset)
    }


def exact_plan(ground_network: Network, fingerprint: str) -> SharingPlan:
    """Repeated and inverse slices only: no output differs."""
    layers = tuple(exact_layer(table) for table in decompose(ground_network))
    return SharingPlan(fingerprint, layers)


def plan_at(
    baseline: Baseline,
    fingerprint: str,
    multiplier: float,
    method: Method,
    on_progress: Callable[[float], None] = lambda share: None,
) -> tuple[SharingPlan, Network, SolverTally]:
    """Plan all layers at `multiplier`, in damage for a unit of the objective at one position.

    PlanGivenUpError where that takes more than the method's plan_work or plan_s.
    """
    partial, solving = (
        PartialPlan(baseline, fingerprint),
        Solving(method, time.monotonic() + method.plan_s),
    )
    for number, baseline_layer in enumerate(baseline.layers):
        on_progress(number / len(baseline.layers))
        state = partial.state_of(baseline_layer, method.seed)
        plan = partial.plans[baseline_layer.layer.name]
        if method.damage.plans(baseline_layer):
            last = solving.of(baseline_layer.table)
            plan = method.objective.planned(state, method.damage, multiplier, last)
        partial.take(state, plan, method.damage)
    return partial.plan(), partial.network, solving.tally


class Solving:
    """The last pass of a plan: who solved what, and whether the solver may be asked again.

    A solver that refuses a problem is asked for the next one; one that failed is not, in this plan.
    until: when the plan is given up, on the clock of time.monotonic.
    """

    def __init__(self, method: Method, until: float) -> None:
        self.method, self.until = method, until
        self.tally = SolverTally()
        self.fault: str | None = None
        self.work = 0.0

    def of(self, table: SliceTable) -> Solve:
        opening = self.method.objective.opening_cost
        cost = table.positions * max(opening(table, group) for group in range(table.n_groups))

        def run(problem: Problem) -> Selection:
            self._check()
            selection = self._solved(problem)
            self.work += selection.work
            self._check()
            self.tally.add(selection, cost)
            return selection

        return run

    def _check(self) -> None:
        """Also after a problem: what the clock has stopped must not be part of a plan."""
        if time.monotonic() >= self.until:
            raise PlanGivenUpError(OUT_OF_TIME)
        if self.work > self.method.plan_work:
            raise PlanGivenUpError(OUT_OF_WORK)

    def _solved(self, problem: Problem) -> Selection:
        """By the solver asked for; where it does not solve this, by the next one, which says so."""
        if self.fault:
            return self._by_the_next(problem, self.fault)
        method = self.method
        try:
            return solve(
                problem,
                method.solver,
                time_limit_s=self.until - time.monotonic(),
                work=method.work,
                max_gap=method.gap,
            )
        except BackendUnavailableError as refusal:
            if isinstance(refusal, EngineFaultError):
                self.fault = str(refusal)
            return self._by_the_next(problem, str(refusal))

    def _by_the_next(self, problem: Problem, why: str) -> Selection:
        selection = solve(problem, NEXT)
        return replace(selection, refusals=(why, *selection.refusals))
