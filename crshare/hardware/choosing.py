"""From a rate or a device to an architecture for each layer, or to what would have to give."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from crshare.errors import HardwareError
from crshare.hardware.architecture import Architecture, Resources, size_of
from crshare.hardware.choice import (
    Budget,
    Choice,
    Question,
    budget_of,
    cheapest,
    chips_that_hold,
    curve,
    fastest,
    settled,
)
from crshare.hardware.costs import frame_of, graph_cost, menus
from crshare.hardware.lowering import Report, lower
from crshare.hardware.options import Options
from crshare.limits import LUTS
from crshare.network.graph import Network
from crshare.plan.plan import SharingPlan, planned_network
from hwgen.devices import CHIPS

UTILISATION = 0.8


@dataclass(frozen=True, slots=True)
class Goal:
    """clocks: of an image, at most. chip: of `CHIPS`, with the share of it that may be taken.

    With clocks the least LUTs are chosen, without them the fewest clocks that the chip holds.
    """

    clocks: int | None = None
    chip: str | None = None
    utilisation: float = UTILISATION
    clock_mhz: float = 100.0

    def __post_init__(self) -> None:
        if self.chip is not None and self.chip not in CHIPS:
            raise HardwareError(f"device {self.chip[:40]!a} is none of {', '.join(CHIPS)}")

    @property
    def budget(self) -> Budget:
        return Budget() if self.chip is None else budget_of(CHIPS[self.chip], self.utilisation)

    def ask(self, question: Question) -> Choice | None:
        if self.clocks is None:
            return fastest(question)
        found = cheapest(question, self.clocks)
        return found if found and question.budget.holds(found.resources) else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice, what it was asked for, and the choices at other rates."""

    goal: Goal
    choice: Choice
    curve: tuple[Choice, ...]

    @property
    def architectures(self) -> dict[str, Architecture]:
        return {layer: priced.architecture for layer, priced in self.choice.layers}

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
        exact = dict[str, Resources]()

        def question_of() -> Question:
            on_progress("choosing architectures", 0.0)
            return self.question(goal.budget, exact)

        question, choice = settled(question_of, goal.ask, self._builder(exact, on_progress))
        if choice is None:
            raise HardwareError(_what_gives(question, goal))
        return Chosen(goal, choice, tuple(curve(replace(question, budget=Budget()))))

    def curve(self) -> tuple[Choice, ...]:
        """The least LUTs at many rates, with graphs by estimate."""
        return tuple(curve(self.question(Budget(), {})))

    def question(self, budget: Budget, exact: dict[str, Resources]) -> Question:
        """With graphs that have been built as they are, others by estimate."""
        built = planned_network(self.network, self.plan) if self.plan else self.network
        options = self.options
        found = menus(built, options.target, exact, self.only, options.architectures)
        return Question(found, frame_of(built, self.only), budget, self.backend)

    def _builder(self, exact: dict[str, Resources], on_progress: Report) -> Callable[[str], None]:
        plain = replace(self.options, architectures={}, fold=1, max_luts=int(LUTS.high))

        def build(layer: str) -> None:
            on_progress(f"building the graph of {layer}", 0.0)
            made = lower(self.network, self.plan, plain, only=(layer, layer))
            luts = made.layers[0].lut6
            exact[layer] = graph_cost(size_of(self.network, layer), luts, plain.target)

        return build


def _what_gives(question: Question, goal: Goal) -> str:
    fewest = question.paces[0]
    if goal.clocks is not None and fewest > goal.clocks:
        return (
            f"no choice takes {goal.clocks:,} clocks an image or fewer: {_slowest(question)} takes "
            f"at least {fewest:,}; ask for --clocks {fewest} or more"
        )
    chip, budget = str(goal.chip), question.budget
    least = _least(question, goal.clocks)
    holding = chips_that_hold(
        lambda other: goal.ask(replace(question, budget=other)), goal.utilisation
    )
    ways = [f"--device {holding[0]}"] if holding else []
    if goal.clocks is not None:
        slower = fastest(question)
        ways += [f"--clocks {slower.clocks} on this one"] if slower else []
    advice = f"; take {' or '.join(ways)}" if ways else "; choose fewer layers with --layers"
    rate = f" at {goal.clocks:,} clocks an image" if goal.clocks else " at any rate"
    return (
        f"{goal.utilisation:.0%} of {chip} hold {_said(budget)}, and the network takes at least "
        f"{_said(least)}{rate}{advice}"
    )


def _slowest(question: Question) -> str:
    paces = [(question.frame.clocks, question.frame.slowest)]
    paces += [(min(one.clocks for one in menu.options), menu.layer) for menu in question.menus]
    return max(paces, key=lambda one: one[0])[1]


def _least(question: Question, clocks: int | None) -> Resources:
    """What the cheapest choice takes, of block RAMs as many as it likes where they do not do."""
    pace = clocks or question.paces[-1]
    found = cheapest(question, pace) or cheapest(replace(question, budget=Budget()), pace)
    if found is None:
        raise ValueError("there is no choice at any rate")
    return found.resources


def _said(of: Budget | Resources) -> str:
    return f"{of.luts:,} LUTs, {of.registers:,} registers and {of.block_rams:,} block RAMs"
