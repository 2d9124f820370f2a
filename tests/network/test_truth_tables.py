"""Functions of tables: equal ones are equal values, whatever the order of their inputs."""

from itertools import product
from random import Random

import pytest

from crshare.network.truth_tables import Function, full, function, variable


def value(places: list[int], table: int, bits: tuple[int, ...]) -> int:
    """By definition: the entry that the inputs' bits name."""
    return table >> sum(bits[place] << j for j, place in enumerate(places)) & 1


def flipped(bits: tuple[int, ...], place: int) -> tuple[int, ...]:
    return (*bits[:place], 1 - bits[place], *bits[place + 1 :])


@pytest.mark.parametrize("seed", range(60))
def test_a_function_has_the_values_of_its_table_and_needs_all_its_inputs(seed: int) -> None:
    random = Random(seed)
    k = random.randrange(1, 7)
    places = [random.randrange(5) for _ in range(k)]
    table = random.getrandbits(1 << k) & random.choice([full(k), variable(k, 0), 0])
    found = function(places, table)
    assert list(found.places) == sorted(set(found.places))
    values = {}
    for bits in product((0, 1), repeat=5):
        values[bits] = value(places, table, bits)
        assert value(list(found.places), found.table, bits) == values[bits]
        assert value(list(found.places), found.inverse.table, bits) == 1 - values[bits]
    for place in range(5):
        matters = any(values[bits] != values[flipped(bits, place)] for bits in values)
        assert matters == (place in found.places)


@pytest.mark.parametrize("seed", range(20))
def test_inputs_in_another_order_are_the_same_function(seed: int) -> None:
    random = Random(seed)
    places = random.sample(range(9), 6)
    table = random.getrandbits(64)
    order = random.sample(range(6), 6)
    moved = 0
    for entry in range(64):
        other = sum((entry >> j & 1) << order[j] for j in range(6))
        moved |= (table >> other & 1) << entry
    assert function([places[j] for j in order], moved) == function(places, table)


def test_constants_and_wires_take_no_lut() -> None:
    assert function([4, 2], 0b1111) == Function((), 1)
    assert function([4, 2], 0b1010) == Function((4,), 0b10)
    assert function([4, 4], 0b0110) == Function((), 0)
    assert function([4, 2], 0b0011).is_wire
    assert not function([4, 2], 0b0110).is_costless
    assert function([4, 2], 0b1001).positive == function([2, 4], 0b0110)
