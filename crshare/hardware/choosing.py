"""From a rate or a device to an architecture for each layer, or to what would have to give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from crshare.errors import HardwareError
from crshare.frame import Frame, Tabled
from crshare.hardware.architecture import Architecture, Graph, Resources, size_of
from crshare.hardware.around import around_of
from crshare.hardware.choice import (
    Budget,
    Choice,
    Question,
    curve,
    rates_of,
    settled,
    settled_curve,
)
from crshare.hardware.costs import Built, graph_cost, menus
from crshare.hardware.goal import Goal
from crshare.hardware.lowering import Report, lower
from crshare.hardware.options import Options
from crshare.hardware.shown import choice_frame
from crshare.hardware.turns_cost import turns_cost
from crshare.hardware.what_gives import Ask, what_gives
from crshare.hardware.wide_input import beat_of
from crshare.limits import LUTS
from crshare.network.graph import Network
from crshare.plan.plan import SharingPlan, planned_network
from hwgen import Compute
from hwgen.datapath import Schedule

__all__ = ["Chooser", "Chosen", "Goal"]


@dataclass(frozen=True, slots=True, repr=False)
class Chosen(Tabled):
    """A choice, what it was asked for, and the choices at other rates.

    curve: within the block RAMs of the device where one is asked for. options: with which
    `generate` builds it. beat: positions of an image in one beat.
    """

    goal: Goal
    choice: Choice
    curve: tuple[Choice, ...]
    options: Options
    beat: int = 1

    def summary(self) -> Frame:
        return choice_frame(self.choice, self.goal.clock_mhz)

    @property
    def architectures(self) -> Mapping[str, Architecture]:
        return self.options.architectures

    @property
    def images_per_second(self) -> float:
        """At the clock that is asked for."""
        return self.goal.clock_mhz * 1e6 / self.choice.clocks


@dataclass(frozen=True, eq=False)
class Chooser:
    """What architectures are chosen for. only: first and last layer with weights, None for all.

    Layers that the options name have the architecture that they have there.
    """

    network: Network
    plan: SharingPlan | None
    options: Options
    only: tuple[str, str] | None = None
    backend: str = "auto"

    def choose(self, goal: Goal, on_progress: Report) -> Chosen:
        """HardwareError that says what would have to give where nothing reaches the goal."""
        exact = dict[Built, Resources]()
        build = self._builder(exact, on_progress)

        def settle(budget: Budget, ask: Ask) -> Choice | None:
            on_progress("choosing architectures", 0.0)
            return settled(lambda: self.question(budget, exact), ask, build)

        choice = settle(goal.budget, goal.ask)
        if choice is None:
            question, target = self.question(goal.budget, exact), self.options.target
            raise HardwareError(what_gives(question, goal, target, settle))
        question = self.question(Budget(block_rams=goal.budget.block_rams), exact)
        others = tuple(curve(question, rates_of(question)))
        chosen = {layer: one.architecture for layer, one in choice.layers}
        options = replace(self.options, architectures=chosen)
        return Chosen(goal, choice, others, options, beat_of(self.network))

    def curve(self) -> tuple[Choice, ...]:
        """The least LUTs at many rates, with graphs by estimate."""
        question = self.question(Budget(), {})
        return tuple(curve(question, rates_of(question)))

    def rates(self) -> list[int]:
        """At which the curve has points."""
        return rates_of(self.question(Budget(), {}))

    def built_curve(
        self, budget: Budget, rates: Sequence[int], on_progress: Report
    ) -> tuple[Choice, ...]:
        """At these rates, within a budget of block RAMs, with all graphs on it built."""
        exact = dict[Built, Resources]()
        build = self._builder(exact, on_progress)
        return settled_curve(lambda: self.question(budget, exact), rates, build)

    def question(self, budget: Budget, exact: dict[Built, Resources]) -> Question:
        """With graphs that have been built as they are, others by estimate."""
        built = planned_network(self.network, self.plan) if self.plan else self.network
        options = self.options
        found = menus(built, options.target, exact, self.only, options.architectures, options.skip)
        if not found:
            raise HardwareError(
                "no layer has weights whose architecture could be chosen: tables are LUTs as they "
                "stand, one frame a clock; ask for no rate, device, curve or estimate"
            )
        return Question(found, around_of(built, self.only), budget, self.backend)

    def _builder(
        self, exact: dict[Built, Resources], on_progress: Report
    ) -> Callable[[Built], None]:
        plain = replace(self.options, fold=1, max_luts=int(LUTS.high))

        def build(one: Built) -> None:
            layer, architecture = one
            what = "graph" if isinstance(architecture, Graph) else "lanes"
            on_progress(f"building the {what} of {layer}", 0.0)
            options = replace(plain, architectures={layer: architecture})
            made = lower(self.network, self.plan, options, only=(layer, layer))
            stage = next(one for one in made.design.stages if one.name == layer)
            assert isinstance(stage, Compute)
            held = Schedule(stage.netlist, stage.per_stage).n_registers()
            luts, size = made.layers[0].lut6, size_of(made.network, layer)
            exact[one] = (
                turns_cost(size, luts, held, stage.folding)
                if stage.folding
                else graph_cost(size, luts, plain.target, held)
            )

        return build
