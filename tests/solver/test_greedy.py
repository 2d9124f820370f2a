import numpy as np
import pytest

from solver import dense
from solver.facility.greedy import even_bound, greedy_pairs
from solver.facility.selection import cost_of
from tests.solver.solver_instances import best_cost, random_problem


@pytest.mark.parametrize("seed", range(60))
def test_greedy_is_valid_and_its_bound_holds(seed: int) -> None:
    problem = random_problem(seed)
    chosen = greedy_pairs(problem)
    assert np.array_equal(problem.item[chosen], np.arange(problem.n_items))
    assert even_bound(problem) <= best_cost(problem) <= cost_of(problem, chosen)


def test_one_candidate_for_all_is_found() -> None:
    problem = dense([10, 10, 10], np.array([[0, 1, 9], [9, 1, 0], [9, 1, 9]]))
    assert problem.candidate[greedy_pairs(problem)].tolist() == [1, 1, 1]
