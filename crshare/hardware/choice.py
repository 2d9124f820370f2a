"""The architecture of each layer, chosen for a number of clocks an image or for a device.

Layers work at the same time, so a network takes as many clocks an image as its slowest layer. At
given clocks the least LUTs are a multiple-choice knapsack: of each layer one architecture that is
fast enough, block RAMs within a budget. Registers and DSP blocks within a budget have a price in
LUTs, the least at which they fit. The fewest clocks within all budgets are found by bisection over
the clocks that any architecture has.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

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
PARTS = 64  # of a LUT, in which prices are told
DEAREST = PARTS << 12  # of a register or a DSP block; at this price LUTs count nothing


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be taken; None for no limit."""

    luts: int | None = None
    registers: int | None = None
    block_rams: int | None = None
    dsps: int | None = None

    def holds(self, taken: Resources) -> bool:
        return all(self.has(kind.name, taken) for kind in fields(self))

    def has(self, kind: str, taken: Resources) -> bool:
        """Whether there is so much of one kind, which is a field's name."""
        limit: int | None = getattr(self, kind)
        return limit is None or bool(getattr(taken, kind) <= limit)


@dataclass(frozen=True, slots=True)
class Prices:
    """Of what is limited by a price: in parts of a LUT, at most DEAREST."""

    registers: int = 0
    dsps: int = LUTS_A_MULTIPLIER * PARTS

    def cost(self, taken: Resources, block_price: int) -> int:
        """In parts of a LUT. block_price: of a block RAM, in LUTs."""
        priced = self.registers * taken.registers + self.dsps * taken.dsps
        if DEAREST in (self.registers, self.dsps):
            return priced
        return (taken.luts + block_price * taken.block_rams) * PARTS + priced


def budget_of(chip: Chip, utilisation: float) -> Budget:
    """A share of a chip. Estimates are LUTs of six inputs; smaller ones hold less of them."""
    return Budget(
        int(chip.luts * utilisation / chip.luts_a_lut6),
        int(chip.registers * utilisation),
        int(chip.block_rams_18k * utilisation),
        int(chip.dsps * utilisation),
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
    DSP blocks or registers than there are, the choice is cheapest at the least price that brings
    them within the budget, of DSP blocks first, or has the fewest of them.
    """
    prices = Prices()
    found = _priced_choice(question, clocks, prices)
    for kind in ("dsps", "registers"):
        if found and not question.budget.has(kind, found.resources):
            prices = _raised(question, clocks, prices, kind)
            found = _priced_choice(question, clocks, prices)
    return found


def _raised(question: Question, clocks: int, prices: Prices, kind: str) -> Prices:
    """The least price of one kind at which it fits, by bisection; else the dearest."""
    low, high = getattr(prices, kind), DEAREST
    while high - low > 1:
        middle = (low + high) // 2
        found = _priced_choice(question, clocks, replace(prices, **{kind: middle}))
        if found and question.budget.has(kind, found.resources):
            high = middle
        else:
            low = middle
    return replace(prices, **{kind: high})


def _priced_choice(question: Question, clocks: int, prices: Prices) -> Choice | None:
    problem = _posed(question, clocks, prices)
    return problem.solved(question.backend) if problem else None


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


def _posed(question: Question, clocks: int, prices: Prices) -> _Posed | None:
    """None where no choice takes so few clocks and block RAMs."""
    options = [[one for one in menu.options if one.clocks <= clocks] for menu in question.menus]
    if question.around.clocks > clocks or not all(options):
        return None
    held = question.budget.block_rams
    price = LUTS_A_BLOCK if held is None else 0
    weights = [[one.resources.block_rams for one in group] for group in options]
    costs = [[prices.cost(one.resources, price) for one in group] for group in options]
    around = question.around.resources.block_rams
    limit = sum(map(max, weights)) if held is None else held - around
    if limit < sum(map(min, weights)):
        return None
    return _Posed(question, options, knapsack(weights, costs, limit))


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
    problem = _posed(question, clocks, Prices())
    if problem is None:
        return None
    quick = solve_knapsack(problem.knapsack, "hull")
    around, limit = question.around.resources.luts, question.budget.luts
    multiplied = any(one.resources.dsps for group in problem.options for one in group)
    priced = question.budget.block_rams is None or multiplied
    if limit is not None and not priced and quick.bound > (limit - around) * PARTS:
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
