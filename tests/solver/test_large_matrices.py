"""What is done otherwise for large matrices, on small ones."""

from importlib import import_module

import numpy as np
import pytest

from solver.adder_graph import build, check, measure
from solver.adder_graph.clusters import clustered
from solver.arrays import Ints


def obviously_clustered(matrix: Ints, n_groups: int) -> list[list[int]]:
    """As `clustered` says, looking through all pairs each time."""
    likeness = np.abs(matrix @ matrix.T)
    np.fill_diagonal(likeness, -1)
    left, groups = list(range(len(matrix))), list[list[int]]()
    for number in range(n_groups, 0, -1):
        group = [max(left, key=lambda row: max(likeness[row, other] for other in left))]
        while len(group) < -(-len(left) // number):
            others = [row for row in left if row not in group]
            group.append(max(others, key=lambda row: likeness[row, group].sum()))
        groups.append(group)
        left = [row for row in left if row not in group]
    return groups


@pytest.mark.parametrize("seed", range(40))
def test_groups_are_those_of_the_greedy_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(1, 25))
    matrix = rng.choice([-1, 0, 1], (n_rows, int(rng.integers(1, 12)))).astype(np.int64)
    n_groups = int(rng.integers(1, n_rows + 1))
    found = [group.tolist() for group in clustered(matrix, n_groups)]
    assert found == obviously_clustered(matrix, n_groups)


def test_no_rows_have_no_groups() -> None:
    assert clustered(np.zeros((0, 5), np.int64), 0) == []


@pytest.mark.slow
@pytest.mark.parametrize("wanted", ["additions", "full_adders"])
def test_what_is_chosen_by_some_groups_costs_little_more(
    monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.choice([-1, 1], (40, 512)).astype(np.int64)
    known = measure(build(matrix, measure=wanted, search_rounds=0)).of(wanted)
    for module in ("solver.adder_graph.methods", "solver.adder_graph.build"):
        monkeypatch.setattr(import_module(module), "HUGE", 2**13)
    graph = build(matrix, measure=wanted, search_rounds=0)
    check(graph, matrix)
    assert measure(graph).of(wanted) <= 1.02 * known
