"""What would have to give where nothing reaches a goal, in one sentence whose advice holds."""

from collections.abc import Callable
from dataclasses import replace

from crshare.hardware.architecture import Resources
from crshare.hardware.choice import (
    Budget,
    Choice,
    Question,
    budget_of,
    cheapest,
    fastest,
)
from crshare.hardware.goal import Goal, target_for
from hwgen.devices import CHIPS
from hwgen.targets import GENERIC

Ask = Callable[[Question], Choice | None]
Settle = Callable[[Budget, Ask], Choice | None]
"""The choice within a budget, all of its graphs built."""


def what_gives(question: Question, goal: Goal, target: str, settle: Settle) -> str:
    fewest = question.paces[0]
    if goal.clocks is not None and fewest > goal.clocks:
        return (
            f"no choice takes {goal.clocks:,} clocks an image or fewer: {_slowest(question)} takes "
            f"at least {fewest:,}; ask for --clocks {fewest} or more"
        )
    chip, budget = str(goal.chip), question.budget
    least = _least(question, goal.clocks)
    larger = _holding(question, goal, target, settle)
    ways = [f"--device {larger}"] if larger else []
    if goal.clocks is not None:
        slower = settle(budget, fastest)
        ways += [f"--clocks {slower.clocks} on this one"] if slower else []
    advice = f"; take {' or '.join(ways)}" if ways else "; choose fewer layers with --layers"
    rate = f" at {goal.clocks:,} clocks an image" if goal.clocks else " at any rate"
    held, taken = (_said(one, multiplied=least.dsps > 0) for one in (budget, least))
    return (
        f"{100 * goal.utilisation:.0f} % of {chip} hold {held}, and the network takes at least "
        f"{taken}{rate}{advice}"
    )


def _holding(question: Question, goal: Goal, target: str, settle: Settle) -> str | None:
    """The smallest chip that reaches the goal, of those for which Verilog is of this target."""
    by_size = sorted(CHIPS.items(), key=lambda one: (one[1].luts / one[1].luts_a_lut6, one[0]))
    for name, chip in by_size:
        budget = budget_of(chip, goal.utilisation)
        if (
            target in (GENERIC, target_for(name, GENERIC))
            and goal.ask(replace(question, budget=budget))
            and settle(budget, goal.ask)
        ):
            return name
    return None


def _slowest(question: Question) -> str:
    paces = [(question.around.clocks, question.around.slowest)]
    paces += [(min(one.clocks for one in menu.options), menu.layer) for menu in question.menus]
    return max(paces, key=lambda one: one[0])[1]


def _least(question: Question, clocks: int | None) -> Resources:
    """What the cheapest choice takes, of block RAMs as many as it likes where they do not do."""
    pace = clocks or question.paces[-1]
    found = cheapest(question, pace) or cheapest(replace(question, budget=Budget()), pace)
    if found is None:
        raise ValueError("there is no choice at any rate")
    return found.resources


def _said(of: Budget | Resources, *, multiplied: bool) -> str:
    """multiplied: whether DSP blocks are told as well."""
    blocks = _counted(of.block_rams, "block RAM")
    said = f"{of.luts:,} LUTs, {of.registers:,} registers"
    return (
        f"{said}, {blocks} and {_counted(of.dsps, 'DSP')}" if multiplied else f"{said} and {blocks}"
    )


def _counted(n: int | None, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
