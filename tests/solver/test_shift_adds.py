"""Integer matrices as shifted additions, against plain products."""

from random import Random

import pytest

from solver.shift_adds import ShiftAdds, digits, shift_adds


@pytest.mark.parametrize("weight", range(-70, 71))
def test_digits_are_a_weight_and_never_side_by_side(weight: int) -> None:
    found = list(digits(weight))
    assert sum((-1 if negative else 1) << place for place, negative in found) == weight
    places = [place for place, _ in found]
    assert all(later - place > 1 for place, later in zip(places, places[1:], strict=False))


def matrix(random: Random, bound: int) -> list[list[int]]:
    n_rows, n_inputs = random.randint(1, 9), random.randint(1, 9)
    return [[random.randint(-bound, bound) for _ in range(n_inputs)] for _ in range(n_rows)]


@pytest.mark.parametrize("seed", range(60))
def test_rows_are_products(seed: int) -> None:
    random = Random(seed)
    weights = matrix(random, (1, 3, 20, 200)[seed % 4])
    inputs = [random.randint(-100, 100) for _ in weights[0]]
    found = shift_adds(weights)
    plain = [sum(w * x for w, x in zip(row, inputs, strict=True)) for row in weights]
    assert found.values(inputs) == plain


def test_what_occurs_twice_is_added_once() -> None:
    assert len(shift_adds([[1, 1, 0], [1, 1, 1], [2, 2, 5]]).sums) == 4
    assert len(shift_adds([[5, 0], [0, 0]]).sums) == 1


def test_a_row_of_nothing_and_a_single_term() -> None:
    assert shift_adds([[0, 0], [0, -4]]) == ShiftAdds(2, (), shift_adds([[0, 0], [0, -4]]).rows)
    assert shift_adds([[0, 0], [0, -4]]).values([7, 3]) == [0, -12]


def test_sharing_takes_fewer_additions_than_digits_alone() -> None:
    random = Random(0)
    weights = [[random.randint(-7, 7) for _ in range(16)] for _ in range(16)]
    alone = sum(len(list(digits(weight))) for row in weights for weight in row) - len(weights)
    assert len(shift_adds(weights).sums) < 0.75 * alone
