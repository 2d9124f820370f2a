"""The compiled lowering of sums to adders equals the plain one, node by node."""

import numpy as np
import pytest

from solver.adder_graph.adder_trees import lower
from solver.adder_graph.methods import families
from solver.adder_graph.sums import Sums, distinct_rows, from_matrix, from_rows, spread
from solver.arrays import Ints
from tests.solver.lowering_reference import lower as plain_lower

BITS = (0, 1)


def all_sums(matrix: Ints) -> list[Sums]:
    """What every method makes of a matrix, and the matrix itself."""
    rows, which, sign = distinct_rows(matrix)
    makers = [make for family in families(rows, "auto", 0, None).values() for make in family]
    made = [spread(sums, which, sign) for make in makers if (sums := make()) is not None]
    return [from_matrix(matrix), *made]


def assert_equal(sums: Sums, low: Ints, high: Ints) -> None:
    for shallow in (False, True):
        for share in (False, True):
            options = {"shallow": shallow, "share": share}
            assert lower(sums, low, high, **options) == plain_lower(sums, low, high, **options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_the_compiled_lowering_equals_the_plain_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, (20, 90))
    matrix = rng.choice([-1, 0, 1], shape, p=[0.45, 0.1, 0.45] if seed % 3 else [0.5, 0, 0.5])
    low, high = np.zeros(shape[1], int), np.ones(shape[1], int)
    if seed % 2:  # bits beside small integers, some of them constant
        low, high = rng.integers(-3, 1, shape[1]), rng.integers(0, 4, shape[1])
    for sums in all_sums(matrix):
        assert_equal(sums, low, high)


@pytest.mark.parametrize("n_bits", [*range(1, 60), 576])
def test_any_number_of_bits_is_cut_alike(n_bits: int) -> None:
    sums = from_matrix(np.where(np.arange(n_bits) % 3, 1, -1)[None])
    assert_equal(sums, np.zeros(n_bits, int), np.ones(n_bits, int))


def test_shifts_names_and_empty_outputs_are_lowered_alike() -> None:
    rows = [[(0, 2), (1, -4)], [(3, -1)], [(3, 8), (2, 1), (0, -1)], []]
    sums = from_rows(3, rows, 3)
    assert_equal(sums, np.array([0, -5, 0]), np.array([1, 7, 1]))
