"""The working form of adder graphs: what transposing, sharing and searching must keep."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from solver.adder_graph.buckets import RECOVERIES, bucket_sums
from solver.adder_graph.clusters import clustered
from solver.adder_graph.cse import share_columns, share_pairs
from solver.adder_graph.depth import least_depths, share_pairs_within
from solver.adder_graph.differences import column_differences, row_differences
from solver.adder_graph.regroup import improved
from solver.adder_graph.sums import Sums, distinct_rows, from_matrix, inlined, spread, transpose
from solver.arrays import Ints


def signs(rows: int, columns: int, seed: int = 0, zeros: float = 0.0) -> Ints:
    rng = np.random.default_rng(seed)
    drawn: Ints = rng.choice([-1, 1], (rows, columns))
    return np.where(rng.random((rows, columns)) >= zeros, drawn, 0)


def multiplied_out(sums: Sums) -> Ints:
    """The matrix of the sums, one row at a time."""
    forms = list(np.eye(sums.n_inputs, dtype=int))
    for begin, end in zip(sums.start[:-1], sums.start[1:], strict=True):
        form = np.zeros(sums.n_inputs, dtype=int)
        for t in range(begin, end):
            form = form + sums.coefficient[t] * forms[sums.source[t]]
        forms.append(form)
    return np.array(forms[len(forms) - sums.n_outputs :]).reshape(sums.n_outputs, sums.n_inputs)


MAKERS: dict[str, Callable[[Ints], Sums]] = {
    "as it is": from_matrix,
    "row differences": row_differences,
    "column differences": column_differences,
    "tables": lambda m: bucket_sums(m, clustered(m, 3), [RECOVERIES[0]] * 3),
    "halves": lambda m: bucket_sums(m, clustered(m, 3), [RECOVERIES[1]] * 3),
}


@pytest.mark.parametrize("zeros", [0.0, 0.4])
@pytest.mark.parametrize("maker", MAKERS)
def test_every_step_keeps_the_matrix(maker: str, zeros: float) -> None:
    matrix = signs(14, 33, zeros=zeros)
    sums = MAKERS[maker](matrix)
    shared = share_pairs(sums, seed=1)
    for step in (sums, shared, share_columns(sums, seed=1), improved(shared, rounds=40, seed=2)):
        assert np.array_equal(multiplied_out(step), matrix)
    assert np.array_equal(multiplied_out(transpose(shared)), matrix.T)
    assert improved(shared, rounds=40, seed=2).additions <= shared.additions <= sums.additions


@pytest.mark.parametrize("maker", MAKERS)
def test_the_transposition_principle(maker: str) -> None:
    sums = share_pairs(MAKERS[maker](signs(14, 33)), seed=0)
    turned = transpose(sums)
    assert turned.additions - turned.n_inputs == sums.additions - sums.n_inputs
    assert transpose(turned).additions == sums.additions


def test_sharing_leaves_no_pair_twice() -> None:
    sums = share_pairs(from_matrix(signs(20, 40)), seed=3)
    seen: Counter[tuple[int, int, bool]] = Counter()
    for begin, end in zip(sums.start[:-1], sums.start[1:], strict=True):
        terms = sorted(zip(sums.source[begin:end], sums.coefficient[begin:end], strict=True))
        seen.update((a, b, x == y) for (a, x), (b, y) in combinations(terms, 2))
    assert max(seen.values()) == 1


@pytest.mark.slow
def test_sharing_keeps_within_a_depth() -> None:
    sums = from_matrix(signs(20, 64))
    for limit in (6, 7, 9):
        shared = share_pairs_within(sums, 0, limit)
        assert shared is not None and shared.additions < sums.additions
        assert least_depths(shared).max() <= limit
    assert share_pairs_within(sums, 0, 5) is None


def test_inlining_everything_gives_the_matrix_back() -> None:
    matrix = signs(9, 17)
    shared = share_pairs(from_matrix(matrix), seed=0)
    plain = inlined(shared, np.arange(shared.n_sums) < shared.n_sums - shared.n_outputs)
    assert plain.n_sums == 9
    assert plain.additions == 9 * 16


def test_distinct_rows_spread_to_all_rows() -> None:
    matrix = signs(5, 8)[[0, 1, 0, 2, 1]] * np.array([[1], [1], [-1], [0], [-1]])
    rows, which, sign = distinct_rows(matrix)
    assert len(rows) == 2
    assert which.tolist() == [0, 1, 0, -1, 1]
    assert np.array_equal(multiplied_out(spread(from_matrix(rows), which, sign)), matrix)


def test_clusters_are_a_partition_of_alike_outputs() -> None:
    matrix = signs(3, 50)[[0, 1, 2, 0, 1, 2]] * np.array([[1], [1], [1], [-1], [1], [-1]])
    groups = clustered(matrix, 3)
    assert sorted(sorted(group.tolist()) for group in groups) == [[0, 3], [1, 4], [2, 5]]
