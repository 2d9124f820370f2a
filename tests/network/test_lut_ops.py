"""Tables, modulation and class sums: what they compute, and what they refuse."""

from fractions import Fraction

import numpy as np
import pytest

from crshare.errors import NetworkError
from crshare.network import reference
from crshare.network.graph import ClassSums, Flatten, Input, Lut, Modulate
from crshare.network.lut_ops import class_sums, modulation
from tests.lut_networks import chain, one_table


@pytest.mark.parametrize(("table", "gives"), [(0b0010, {1}), (0b0100, {2}), (0b1110, {1, 2, 3})])
def test_input_0_is_the_least_significant_of_an_entry(table: int, gives: set[int]) -> None:
    pixels = np.array([[entry & 1, entry >> 1] for entry in range(4)])[:, None, None]
    bits = reference.run(one_table(table, 2), pixels)["layer1"]
    assert {entry for entry in range(4) if bits[entry, 0, 0, 0] == 1} == gives


@pytest.mark.parametrize("n", [1, 2, 3, 15])
@pytest.mark.parametrize("in_time", [True, False])
def test_a_bit_of_a_modulation_is_above_the_middle_of_its_step(n: int, in_time: bool) -> None:
    given = Input((1, 1, 1), low=-4, high=200)
    network = chain(given, modulation(n, 1, low=-4, high=200, in_time=in_time))
    values = np.arange(-4, 201)
    bits = reference.run(network, values.reshape(-1, 1, 1, 1))["layer0"].reshape(len(values), n)
    for value, row in zip(values.tolist(), bits, strict=True):
        x = Fraction(value + 4, 204)
        assert [bit == 1 for bit in row] == [x > Fraction(2 * f + 1, 2 * n) for f in range(n)]


def test_a_window_is_numbered_row_by_row_and_outside_the_map_are_zeros() -> None:
    wires = Lut(np.arange(4, dtype=np.int32)[:, None], np.full(4, 0b10, np.uint64), (2, 2))
    given = Input((2, 2, 1), high=1)
    bits = reference.run(chain(given, modulation(1, 1, high=1), wires), _image([[1, 0], [0, 0]]))
    assert bits["layer1"].reshape(-1).tolist() == [1, -1, -1, -1]
    same = Lut(wires.connections, wires.tables, (2, 2), same=True)
    bits = reference.run(chain(given, modulation(1, 1, high=1), same), _image([[1, 1], [1, 1]]))
    assert bits["layer1"][0, 1, 1].tolist() == [1, -1, -1, -1]


def test_class_sums_count_every_nth_channel_over_all_frames() -> None:
    sums = ClassSums(np.array([3, -2], np.int32), np.array([0, 100], np.int32), frames=2)
    at = np.array([1, 2], np.int32).reshape(2, 1, 1)
    network = chain(Input((1, 5, 1), high=2), Modulate(at), Flatten(), sums)
    scores = reference.run(network, _image([[2, 2, 1, 0, 0]]))["layer2"]
    # channels 0, 2, 4 are of class 0: 2 + 1 + 0 ones; channels 1, 3 of class 1: 2 + 0
    assert scores.reshape(-1).tolist() == [3 * 3, -2 * 2 + 100]


def _image(rows: list[list[int]]) -> "np.typing.NDArray[np.int64]":
    return np.array(rows)[None, :, :, None]


NODE = np.zeros((1, 2), np.int32)


@pytest.mark.parametrize(
    ("connections", "tables", "sentence"),
    [
        (NODE[0], [0], "connections are int32 [nodes, inputs], not int32 [2]"),
        (NODE, [0, 0], "tables are one uint64 for each node, not uint64 [2]"),
        (NODE, [16], "tables of 2 inputs have 4 entries"),
        (NODE - 1, [0], "connections are places of a window, which are not negative"),
        (np.zeros((1, 7), np.int32), [0], "nodes have 1 to 6 inputs, not int32 [1, 7]"),
    ],
)
def test_a_table_that_is_none_is_refused(
    connections: "np.typing.NDArray[np.int32]", tables: list[int], sentence: str
) -> None:
    with pytest.raises(NetworkError) as refused:
        Lut(connections, np.array(tables, np.uint64))
    assert str(refused.value) == sentence


def test_what_does_not_fit_is_refused() -> None:
    given = Input((1, 1, 2), high=1)
    far = Lut(np.array([[2]], np.int32), np.array([1], np.uint64))
    with pytest.raises(NetworkError, match="connects to place 2 of windows of 2 places"):
        chain(given, modulation(1, 2, high=1), far)
    with pytest.raises(NetworkError, match="adds up 1 frames, and gets 3"):
        chain(given, modulation(3, 2, high=1), class_sums(2))
    with pytest.raises(NetworkError, match="expects integers, and gets bits"):
        chain(given, modulation(1, 2, high=1), modulation(1, 2))
    with pytest.raises(NetworkError, match="modulation by 0 thresholds; 1 to 4096 are possible"):
        modulation(0, 1)
