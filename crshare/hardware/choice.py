"""The architecture of each layer, chosen for a number of clocks an image or for a device.

Layers work at the same time, so a network takes as many clocks an image as its slowest layer. At
given clocks the least LUTs are a multiple-choice knapsack: of each layer one architecture that is
fast enough, block RAMs within a budget. Registers within a budget have a price in LUTs, the least
at which they fit. The fewest clocks within LUTs, registers and block RAMs are found by bisection
over the clocks that any architecture has.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crshare.hardware.architecture import Graph, Resources, Turns
from crshare.hardware.around import Around
from crshare.hardware.costs import Built, Menu
from crshare.hardware.priced import Priced
from hwgen.devices import Chip
from solver import knapsack, solve_knapsack
from solver.choices import AUTO
from solver.facility.knapsack import Choice as Answer
from solver.facility.knapsack import Knapsack

LUTS_A_MULTIPLIER = 60  # what a DSP block counts
LUTS_A_BLOCK = 190  # what a block RAM counts where no device says how many there are
PARTS = 64  # of a LUT, in which registers are priced
DEAREST = PARTS << 12  # of a register; at this price LUTs count nothing


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be taken; None for no limit."""

    luts: int | None = None
    registers: int | None = None
    block_rams: int | None = None

    def holds(self, taken: Resources) -> bool:
        limits = self.luts, self.registers, self.block_rams
        amounts = taken.luts, taken.registers, taken.block_rams
        return all(
            limit is None or amount <= limit for limit, amount in zip(limits, amounts, strict=True)
        )


def budget_of(chip: Chip, utilisation: float) -> Budget:
    """A share of a chip. Estimates are LUTs of six inputs; smaller ones hold less of them."""
    return Budget(
        int(chip.luts * utilisation / chip.luts_a_lut6),
        int(chip.registers * utilisation),
        int(chip.block_rams_18k * utilisation),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """An architecture for each layer. around: what stands around them."""

    layers: tuple[tuple[str, Priced], ...]
    around: Around

    @property
    def clocks(self) -> int:
        """From one image to the next."""
        return max(self.around.clocks, *(priced.clocks for _, priced in self.layers))

    @property
    def slowest(self) -> str:
        """What takes these clocks."""
        paces = [(self.around.clocks, self.around.slowest)]
        paces += [(priced.clocks, layer) for layer, priced in self.layers]
        return max(paces, key=lambda one: one[0])[1]

    @property
    def resources(self) -> Resources:
        return summed([self.around.resources, *(priced.resources for _, priced in self.layers)])

    @property
    def unbuilt(self) -> list[Built]:
        """Layers whose graph or turns are only estimated."""
        return [
            (layer, priced.architecture)
            for layer, priced in self.layers
            if isinstance(priced.architecture, Graph | Turns) and not priced.exact
        ]


def summed(parts: list[Resources]) -> Resources:
    return Resources(
        sum(part.luts for part in parts),
        sum(part.registers for part in parts),
        sum(part.block_rams for part in parts),
        sum(part.dsps for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """menus: of the layers. budget: what may be taken. backend: the solver's."""

    menus: tuple[Menu, ...]
    around: Around
    budget: Budget = Budget()
    backend: str = AUTO

    @property
    def paces(self) -> list[int]:
        """Every number of clocks an image that a choice may have, from the fewest on."""
        layers = [{priced.clocks for priced in menu.options} for menu in self.menus]
        fewest = max(self.around.clocks, *(min(found) for found in layers))
        return sorted({fewest, *(c for found in layers for c in found if c > fewest)})


def cheapest(question: Question, clocks: int) -> Choice | None:
    """The least LUTs at so many clocks; None where a layer is slower or block RAMs do not do.

    Without a budget of block RAMs, each counts LUTS_A_BLOCK LUTs. Where these least LUTs take more
    registers than there are, the choice is cheapest at the least price of registers that brings
    them within the budget, or has the fewest registers.
    """
    problem = _posed(question, clocks)
    if problem is None:
        return None
    found = problem.solved(question.backend)
    if _has_registers(question, found):
        return found
    return _with_fewer_registers(question, clocks)


def _has_registers(question: Question, found: Choice) -> bool:
    limit = question.budget.registers
    return limit is None or found.resources.registers <= limit


def _with_fewer_registers(question: Question, clocks: int) -> Choice:
    """By bisection over prices of a register."""
    found, low, high = _priced_choice(question, clocks, DEAREST), 0, DEAREST
    while _has_registers(question, found) and high - low > 1:
        middle = (low + high) // 2
        cheaper = _priced_choice(question, clocks, middle)
        if _has_registers(question, cheaper):
            found, high = cheaper, middle
        else:
            low = middle
    return found


def _priced_choice(question: Question, clocks: int, price: int) -> Choice:
    problem = _posed(question, clocks, price)
    assert problem is not None
    return problem.solved(question.backend)


@dataclass(frozen=True, eq=False)
class _Posed:
    """The knapsack of the architectures that are fast enough."""

    question: Question
    options: list[list[Priced]]
    knapsack: Knapsack

    def solved(self, backend: str) -> Choice:
        return self.choice(solve_knapsack(self.knapsack, backend))

    def choice(self, answer: Answer) -> Choice:
        chosen = zip(self.question.menus, self.options, answer.options, strict=True)
        named = tuple((menu.layer, group[place]) for menu, group, place in chosen)
        return Choice(named, self.question.around)


def _posed(question: Question, clocks: int, register_price: int = 0) -> _Posed | None:
    """None where no choice takes so few clocks and block RAMs. register_price: in a LUT's parts."""
    options = [[one for one in menu.options if one.clocks <= clocks] for menu in question.menus]
    if question.around.clocks > clocks or not all(options):
        return None
    limit = question.budget.block_rams
    price = LUTS_A_BLOCK if limit is None else 0
    weights = [[one.resources.block_rams for one in group] for group in options]
    costs = [[_cost(one.resources, price, register_price) for one in group] for group in options]
    if limit is None:
        limit = sum(map(max, weights))
    if limit < sum(map(min, weights)):
        return None
    return _Posed(question, options, knapsack(weights, costs, limit))


def _cost(taken: Resources, block_price: int, register_price: int) -> int:
    """In LUTs, or in parts of them where registers have a price."""
    if register_price == DEAREST:
        return taken.registers
    luts = taken.luts + block_price * taken.block_rams + LUTS_A_MULTIPLIER * taken.dsps
    return luts * PARTS + register_price * taken.registers if register_price else luts


def fastest(question: Question) -> Choice | None:
    """The fewest clocks within the budget; None where nothing is."""
    paces = question.paces
    low, high, best = 0, len(paces) - 1, _fitting(question, paces[-1])
    while best and low < high:
        middle = (low + high) // 2
        found = _fitting(question, paces[middle])
        best, low, high = (found, low, middle) if found else (best, middle + 1, high)
    return best and (cheapest(question, best.clocks) or best)


def _fitting(question: Question, clocks: int) -> Choice | None:
    """A choice within the budget; an engine is asked where bounds leave it open."""
    problem = _posed(question, clocks)
    if problem is None:
        return None
    quick = solve_knapsack(problem.knapsack, "hull")
    around, limit = question.around.resources.luts, question.budget.luts
    multiplied = any(one.resources.dsps for group in problem.options for one in group)
    priced = question.budget.block_rams is None or multiplied
    if limit is not None and not priced and quick.bound + around > limit:
        return None
    found = problem.choice(quick)
    if not question.budget.holds(found.resources):
        found = cheapest(question, clocks) or found
    return found if question.budget.holds(found.resources) else None


def settled(
    question_of: Callable[[], Question],
    ask: Callable[[Question], Choice | None],
    build: Callable[[Built], None],
) -> Choice | None:
    """Choose, build what graphs and turns are chosen, and choose again, until all of them are.

    question_of: the question with all that is built by then. build: a layer so.
    """
    while True:
        choice = ask(question_of())
        if choice is None or not choice.unbuilt:
            return choice
        for one in choice.unbuilt:
            build(one)


def settled_curve(
    question_of: Callable[[], Question], rates: Sequence[int], build: Callable[[Built], None]
) -> tuple[Choice, ...]:
    """The curve at these rates, all of its graphs and turns built."""
    while True:
        found = tuple(curve(question_of(), rates))
        unbuilt = dict.fromkeys(one for choice in found for one in choice.unbuilt)
        if not unbuilt:
            return found
        for one in unbuilt:
            build(one)


def curve(question: Question, rates: Sequence[int]) -> Iterator[Choice]:
    """The cheapest choices at rising clocks, each of fewer LUTs than the one before."""
    last: int | None = None
    for clocks in rates:
        found = cheapest(question, clocks)
        if found and (last is None or found.resources.luts < last):
            last = found.resources.luts
            yield found


def rates_of(question: Question, n: int = 24) -> list[int]:
    """About n of its numbers of clocks, evenly by ratio, the ends included."""
    paces = question.paces
    ratio = (paces[-1] / paces[0]) ** (1 / max(1, n - 1))
    wanted = (paces[0] * ratio**step for step in range(n))
    return sorted({max(c for c in paces if c <= max(goal, paces[0])) for goal in wanted})
