"""The backends in order of preference, and the one place that chooses among them.

An engine solves the integer program, after bounds have taken out the pairs that no better selection
uses; when a limit stops it, what it found is completed by the selection and the bound that were
known before. Every answer is verified before it leaves.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TypeVar

import numpy as np

from solver.arrays import Flags, Floats, Ints
from solver.choices import AUTO, GREEDY, LAGRANGIAN
from solver.choices import ENGINES as CLASSES
from solver.engines.boundary import ask, proven_by
from solver.engines.ilp import (
    WHOLE,
    Ending,
    Engine,
    IlpAnswer,
    Stop,
    columns_of,
    formulate,
    formulate_choice,
)
from solver.errors import BackendUnavailableError
from solver.facility.bounds import Enclosure, enclose, least_costs, solve_by_bounds
from solver.facility.greedy import solve_greedily
from solver.facility.hull import core_of, fill, fill_by_hull
from solver.facility.knapsack import Choice, Knapsack, choose, verify_choice
from solver.facility.problem import Problem, restrict
from solver.facility.selection import (
    WORK,
    Answer,
    Limits,
    Selection,
    cheapest_pairs,
    cost_of,
    select,
    verify,
)

Backend = Callable[[Problem, Limits, Selection | None], Selection]
KnapsackBackend = Callable[[Knapsack, Limits], Choice]
SomeAnswer = TypeVar("SomeAnswer", bound=Answer)

ENGINES: dict[str, Engine] = {
    module: getattr(import_module(f"solver.engines.{module}"), name)()
    for module, name in CLASSES.items()
}


def solve(
    problem: Problem,
    backend: str = AUTO,
    *,
    time_limit_s: float = math.inf,
    work: float = WORK,
    max_gap: float = 0.0,
    start: Selection | None = None,
) -> Selection:
    """Solve with the named backend, or with the first that can run on this problem.

    An engine is stopped after so many units of `work`, each about a second but counted, so that the
    answer is the same on every machine; with a time limit it is not. A search may stop at a proven
    gap of `max_gap`, a share of the cost. If that is above 0, `auto` asks for the bounds first,
    and an engine only where they leave more. `start` may be the answer to a problem with the same
    candidates and other costs. Raises BackendUnavailableError if the named backend, or every one,
    cannot run, its kind EngineFaultError if the named one fails; a named backend is never replaced
    by another. The refusals met on the way stand in the selection.
    """
    limits = Limits(time_limit_s, max_gap, work)
    options = {name: partial(able, problem, limits, start) for name, able in BACKENDS.items()}
    selection = _answer(options, backend, quick=LAGRANGIAN, enough=max_gap)
    verify(problem, selection)
    return selection


def solve_knapsack(
    problem: Knapsack,
    backend: str = AUTO,
    *,
    time_limit_s: float = math.inf,
    work: float = WORK,
    max_gap: float = 0.0,
) -> Choice:
    """Fill a knapsack with the named backend, or with the first that can run; see `solve`."""
    limits = Limits(time_limit_s, max_gap, work)
    options = {name: partial(able, problem, limits) for name, able in KNAPSACK_BACKENDS.items()}
    choice = _answer(options, backend, quick="hull", enough=max_gap)
    verify_choice(problem, choice)
    return choice


def _answer(
    options: Mapping[str, Callable[[], SomeAnswer]], backend: str, *, quick: str, enough: float
) -> SomeAnswer:
    if backend != AUTO:
        return _first_able(options, [backend])
    if enough > 0:
        answer = _first_able(options, [quick, *options])
        if answer.gap <= enough:
            return answer
    return _first_able(options, list(options))


def _first_able(options: Mapping[str, Callable[[], SomeAnswer]], names: list[str]) -> SomeAnswer:
    refusals: list[BackendUnavailableError] = []
    for name in names:
        if name not in options:
            raise BackendUnavailableError(
                f"there is no backend {name!r}; choose auto or one of {', '.join(options)}"
            )
        began = time.perf_counter()
        try:
            answer = options[name]()
        except BackendUnavailableError as refusal:
            refusals.append(refusal)
            continue
        seconds = time.perf_counter() - began
        return replace(answer, refusals=tuple(map(str, refusals)), seconds=seconds)
    if len(refusals) == 1:
        raise refusals[0]
    raise BackendUnavailableError("; ".join(map(str, refusals)))


def solve_by_engine(
    engine: Engine, problem: Problem, limits: Limits, start: Selection | None
) -> Selection:
    """Solve the integer program of a problem; complete what its limits leave open."""
    deadline = time.perf_counter() + limits.time_s
    known = enclose(problem, start, deadline)
    small, kept = restrict(problem, _worth_keeping(problem, known))
    began_with = columns_of(small, np.searchsorted(kept, known.chosen))
    answer = ask(
        engine,
        formulate(small),
        began_with,
        Stop(
            gap=max(WHOLE, limits.gap * abs(cost_of(problem, known.chosen))),
            work=limits.work,
            time_s=max(deadline - time.perf_counter(), 0.0),
        ),
    )
    found = None if answer.values is None else chosen_pairs(small, answer.values)
    options = [known.chosen] if found is None else [kept[found], known.chosen]
    chosen = min(options, key=partial(cost_of, problem))
    selection = select(
        problem,
        chosen,
        bound=max(known.bound, proven_by(engine, answer.bound, cost_of(problem, chosen))),
        backend=engine.name,
        remarks=_remarks(engine.name, limits, answer),
    )
    return replace(selection, work=answer.work)


def _worth_keeping(problem: Problem, known: Enclosure) -> Flags:
    """Shape (P,): the pairs known, and those that a selection better than the known may use."""
    keep = least_costs(problem, known.duals) < cost_of(problem, known.chosen)
    keep[known.chosen] = True
    return keep


def _remarks(name: str, limits: Limits, answer: IlpAnswer) -> tuple[str, ...]:
    limit = {
        Ending.OUT_OF_TIME: f"time limit of {limits.time_s:g} s",
        Ending.OUT_OF_WORK: f"limit of {limits.work:g} units of work",
    }.get(answer.ending)
    if limit is None:
        return ()
    stopped = f"{name} was stopped by its {limit}"
    if answer.values is None:
        stopped += " before it found anything; this is the start it was given"
    return (stopped,)


def chosen_pairs(problem: Problem, values: Floats) -> Ints | None:
    """Read a solution vector: None if, once rounded, it leaves an item."""
    chosen = cheapest_pairs(problem, values[: problem.n_candidates] > 0.5, problem.cost)
    return chosen if np.all(chosen >= 0) else None


def fill_by_engine(engine: Engine, problem: Knapsack, limits: Limits) -> Choice:
    """Solve the integer program of a knapsack's core; complete what its limits leave open."""
    known = fill(problem)
    cost = int(problem.cost[known.places].sum())
    core = core_of(problem, known)
    answer = ask(
        engine,
        formulate_choice(core.problem),
        np.isin(core.kept, known.places).astype(float),
        Stop(max(WHOLE, limits.gap * abs(cost)), limits.work, limits.time_s),
    )
    places = known.places.copy()
    found = None if answer.values is None else chosen_places(core.problem, answer.values)
    if found is not None:
        places[core.live] = core.kept[found]
    if problem.cost[places].sum() > cost:
        places = known.places
    proven = proven_by(engine, answer.bound + core.cost_elsewhere, int(problem.cost[places].sum()))
    choice = choose(
        problem,
        places,
        bound=max(known.bound, proven),
        backend=engine.name,
        remarks=_remarks(engine.name, limits, answer),
    )
    return replace(choice, work=answer.work)


def chosen_places(problem: Knapsack, values: Floats) -> Ints | None:
    """Read a solution vector: None if, once rounded, it breaks the budget or leaves a group."""
    places = np.flatnonzero(values > 0.5)
    whole = np.array_equal(problem.group[places], np.arange(problem.n_groups))
    return places if whole and problem.weight[places].sum() <= problem.budget else None


BACKENDS: dict[str, Backend] = {
    **{name: partial(solve_by_engine, engine) for name, engine in ENGINES.items()},
    LAGRANGIAN: solve_by_bounds,
    GREEDY: solve_greedily,
}
"""Every backend for a Problem by its name, best first."""

KNAPSACK_BACKENDS: dict[str, KnapsackBackend] = {
    **{name: partial(fill_by_engine, engine) for name, engine in ENGINES.items()},
    "hull": fill_by_hull,
}
"""Every backend for a Knapsack by its name, best first."""
