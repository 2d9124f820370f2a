import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from solver import dense, knapsack
from solver.engines.backends import ENGINES, chosen_pairs
from solver.engines.ilp import Ending, Ilp, Stop, columns_of, formulate, formulate_choice
from solver.facility.selection import cost_of
from tests.solver.solver_instances import best_cost, random_problem


def table(ilp: Ilp) -> list[list[int]]:
    return csr_array((ilp.values, ilp.columns, ilp.starts), (ilp.n_rows, ilp.n_columns)).toarray()


def test_the_formulation_of_a_small_problem() -> None:
    problem = dense(
        [7, 8],
        np.array([[1, 2], [3, 4]]),
        allowed=np.array([[1, 1], [0, 1]]),
    )
    ilp = formulate(problem)
    assert ilp.objective.tolist() == [7, 8, 1, 2, 4]
    assert np.array_equal(
        table(ilp),
        [
            [0, 0, 1, 1, 0],  # item 0 is served once
            [0, 0, 0, 0, 1],  # item 1 too
            [-1, 0, 1, 0, 0],  # a pair is used only if its candidate is open
            [0, -1, 0, 1, 0],
            [0, -1, 0, 0, 1],
        ],
    )
    assert ilp.lower.tolist() == [1, 1, -np.inf, -np.inf, -np.inf]
    assert ilp.upper.tolist() == [1, 1, 0, 0, 0]
    assert ilp.integer.tolist() == [True, True, False, False, False]


def test_the_formulation_of_a_small_knapsack() -> None:
    ilp = formulate_choice(knapsack([[0, 2], [3]], [[9, 4], [1]], budget=5))
    assert ilp.objective.tolist() == [9, 4, 1]
    assert np.array_equal(table(ilp), [[1, 1, 0], [0, 0, 1], [0, 2, 3]])
    assert ilp.upper.tolist() == [1, 1, 5]


@pytest.mark.parametrize("seed", range(20))
def test_an_independent_solver_finds_the_optimum_of_the_formulation(seed: int) -> None:
    problem = random_problem(seed)
    ilp = formulate(problem)
    rows = LinearConstraint(table(ilp), ilp.lower, ilp.upper)
    answer = milp(ilp.objective, integrality=ilp.integer, bounds=Bounds(0, 1), constraints=rows)
    assert round(answer.fun) == best_cost(problem)


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_take_the_formulation_as_it_is(engine: str) -> None:
    if engine == "gurobi":
        pytest.importorskip("gurobipy")
    for seed in range(6):
        problem = random_problem(seed)
        answer = ENGINES[engine].optimise(formulate(problem), None, Stop())
        assert answer.ending is Ending.DONE
        assert answer.values is not None
        chosen = chosen_pairs(problem, answer.values)
        assert chosen is not None
        assert cost_of(problem, chosen) == best_cost(problem)
        start = columns_of(problem, chosen)
        again = ENGINES[engine].optimise(formulate(problem), start, Stop())
        assert again.bound <= best_cost(problem) + 1e-6


def test_a_vector_that_leaves_an_item_is_not_taken() -> None:
    problem = random_problem(0)
    nothing = np.zeros(problem.n_candidates + problem.n_pairs)
    assert chosen_pairs(problem, nothing) is None
