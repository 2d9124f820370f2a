"""Lanes of matrix-vector units: what they count, and the LUT sites that they take."""

from random import Random

import pytest

from crshare.hardware.lanes import LaneShape, lane_cost, weighted_lane
from hwgen import interpret


@pytest.mark.parametrize("heaps", [False, True])
@pytest.mark.parametrize(
    ("simd", "width", "signed"), [(1, 1, False), (2, 1, False), (7, 3, True), (24, 1, False)]
)
def test_a_lane_counts_bits_that_agree(simd: int, width: int, signed: bool, heaps: bool) -> None:
    shape, rng = LaneShape(simd, width, signed, None, heaps), Random(simd)
    lane = weighted_lane(shape)
    for _ in range(20):
        bits = [rng.randrange(2) for _ in range(simd * width)]
        weights = [rng.randrange(2) for _ in range(simd)]
        inverted = [signed and place == width - 1 for place in range(width)]
        expected = sum(
            ((bits[value * width + place] ^ inverted[place]) == weights[value]) << place
            for value in range(simd)
            for place in range(width)
        )
        assert interpret(lane, bits + weights) == [expected]


@pytest.mark.parametrize(("simd", "sites"), [(3, 2), (7, 5), (64, 56), (576, 494)])
def test_weights_of_a_memory_are_compared_where_they_are_added(simd: int, sites: int) -> None:
    """Seven values: a table of two sites, two full adders, and one for the carries."""
    assert lane_cost(LaneShape(simd, 1, False, None, heaps=True)).sites == sites
