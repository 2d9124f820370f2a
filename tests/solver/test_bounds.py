import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver import Problem, Status, solve
from solver.facility.bounds import Duals, enclose, least_costs, proven_bound
from solver.facility.kernels import ascend, sorted_lists
from solver.facility.local_search import improve, open_cost
from solver.facility.problem import restrict
from solver.facility.selection import cost_of
from tests.solver.solver_instances import best_cost, hamming_problem, random_problem, spread_problem

NEVER = float("inf")


@pytest.mark.parametrize("seed", range(60))
def test_the_optimum_is_enclosed(seed: int) -> None:
    problem = random_problem(seed)
    found = enclose(problem, None, NEVER)
    assert found.bound <= best_cost(problem) <= cost_of(problem, found.chosen)


@given(
    seed=st.integers(0, 30),
    prices=st.lists(st.integers(-50, 200), min_size=7, max_size=7),
    unit=st.sampled_from([1, 4]),
)
def test_any_prices_prove_a_bound(seed: int, prices: list[int], unit: int) -> None:
    problem = random_problem(seed)
    duals = Duals(np.array(prices[: problem.n_items]), unit)
    assert proven_bound(problem, duals) <= best_cost(problem)


@pytest.mark.parametrize("seed", range(40))
def test_the_least_cost_of_a_pair_is_no_more_than_what_it_costs_to_use_it(seed: int) -> None:
    problem = random_problem(seed)
    least = least_costs(problem, enclose(problem, None, NEVER).duals)
    best = best_cost(problem)
    for pair in np.flatnonzero(least > best):
        without = restrict(problem, np.arange(problem.n_pairs) != pair)[0]
        assert best_cost(without) == best


def test_easy_problems_are_closed_without_an_engine() -> None:
    problem = spread_problem(80, opening=300)
    selection = solve(problem, "lagrangian")
    assert selection.gap < 0.01
    assert selection.cost == solve(problem, "highs").cost


def test_hard_problems_keep_an_honest_gap() -> None:
    problem = hamming_problem(64, opening=40)
    selection = solve(problem, "lagrangian")
    assert selection.status is Status.FEASIBLE
    assert selection.gap < 0.15


@pytest.mark.parametrize("seed", range(12))
def test_costs_near_the_limit_neither_hang_nor_mislead(seed: int) -> None:
    small = random_problem(seed)
    random = np.random.default_rng(seed)
    problem = Problem(
        opening=small.opening * 10**12 + random.integers(0, 1000, small.n_candidates),
        n_items=small.n_items,
        item=small.item,
        candidate=small.candidate,
        cost=small.cost * 10**12 + random.integers(0, 1000, small.n_pairs),
    )
    selection = solve(problem, "lagrangian")
    assert selection.bound <= best_cost(problem) <= selection.cost


def test_a_deadline_gone_by_still_gives_a_selection() -> None:
    problem = hamming_problem(40, opening=9)
    found = enclose(problem, None, time.perf_counter() - 1)
    assert found.bound <= cost_of(problem, found.chosen)


@pytest.mark.parametrize("seed", range(10))
def test_dual_ascent_never_asks_more_than_a_candidate_costs(seed: int) -> None:
    problem = random_problem(seed)
    cost, opening = problem.cost.astype(float), problem.opening.astype(float)
    price = ascend(sorted_lists(opening, problem.starts, problem.candidate, cost))
    paid = np.zeros(problem.n_candidates)
    np.add.at(paid, problem.candidate, np.maximum(price[problem.item] - cost, 0))
    assert np.all(paid <= opening)


@pytest.mark.parametrize("seed", range(10))
def test_local_search_ends_where_no_move_saves(seed: int) -> None:
    problem = hamming_problem(24, opening=6, seed=seed)
    opening, cost = problem.opening.astype(float), problem.cost.astype(float)
    lists = sorted_lists(opening, problem.starts, problem.candidate, cost)
    is_open = np.zeros(24, dtype=bool)
    reached = improve(lists, is_open)
    assert reached == open_cost(lists, is_open)
    for opened in range(24):
        for closed in range(24):
            moved = is_open.copy()
            moved[closed] = False
            moved[opened] = True
            assert open_cost(lists, moved) >= reached
