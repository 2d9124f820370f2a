"""Compressor trees: every column is added up to one bit, and few sites do it."""

from math import ceil, log2

import numpy as np
import pytest

from solver.bit_heap import Chain, LinkKind, Tree, compressor_tree, sites

ROOM = {LinkKind.PARITY: 6, LinkKind.ADD: 2, LinkKind.TERNARY: 4, LinkKind.SIX: 6}


def heaps(n: int) -> list[tuple[list[int], list[int]]]:
    """Heights and constant ones of random heaps, flat, steep and with gaps."""
    rng = np.random.default_rng(n)
    found = []
    for _ in range(n):
        columns = int(rng.integers(1, 12))
        heights = rng.integers(0, int(rng.integers(1, 25)), columns)
        ones = rng.integers(0, 2, columns) * (heights > 0) * rng.integers(0, 2)
        found.append((heights.tolist(), ones.tolist()))
    return found


def reduced(heights: list[int], chain: Chain) -> int:
    """Take a chain's bits off a heap and put its sum bits back; the sites that it takes."""
    place, taken, routed, positions = chain.column, chain.carry_in, 0, 0
    made = []
    for link in chain.links:
        wanted = [link.bits[0] + taken, *link.bits[1:]]
        for column, bits in enumerate(wanted):
            if bits:  # a link of six at the top has no column above it
                heights[place + column] -= bits
                assert heights[place + column] >= 0
        if link.kind in ROOM and not chain.loose:
            assert sum(link.bits) + routed <= ROOM[link.kind]
        if link.kind is LinkKind.SIX:
            assert len(link.bits) == 2 and link.bits[1] == 0
        size = 1 if link.kind in (LinkKind.GROUP, LinkKind.TABLE) else len(link.bits)
        if link.kind is LinkKind.GROUP:
            total = routed + sum(bits << c for c, bits in enumerate(link.bits))
            assert total + 2 <= 2 << len(link.bits)
        else:
            made += list(range(place, place + len(link.bits)))
        positions += size
        place, taken = place + len(link.bits), False
        routed = int(link.kind is LinkKind.TERNARY)
    if not chain.loose:
        made += [place] * (1 + routed)
    else:
        made += [place]
    for column in made:
        if column < len(heights):
            heights[column] += 1
    return positions


def built(heights: list[int], ones: list[int], *, top: bool) -> tuple[Tree, list[int], int]:
    """A tree, the heap before its last chain, and the sites of all chains before that one."""
    tree, left = compressor_tree(heights, ones, top=top), list(heights)
    return tree, left, sum(reduced(left, chain) for chain in tree.chains)


@pytest.mark.parametrize(("heights", "ones"), heaps(60))
def test_a_sum_ends_with_one_bit_a_column(heights: list[int], ones: list[int]) -> None:
    tree, left, spent = built(heights, ones, top=False)
    if tree.last is None:
        assert max(left) <= 1
    else:
        assert all(height <= 1 for height in left[: tree.last.column])
        spent += reduced(left, tree.last)
        assert max(left) <= 1
    assert tree.sites == spent


@pytest.mark.parametrize(("heights", "ones"), heaps(60))
def test_the_highest_bit_takes_all_that_may_reach_it(heights: list[int], ones: list[int]) -> None:
    tree, left, spent = built(heights, ones, top=True)
    if tree.last is None:
        assert max(left) <= 1
        return
    below, (first, *_) = tree.last.column, tree.last.links
    assert all(height <= 1 for height in left[:below])
    wanted = left[below:]
    if first.kind is LinkKind.TABLE:
        assert list(first.bits) == wanted
        assert sum(wanted) - sum(ones[below:]) <= 6
        assert tree.sites == spent + 1
        return
    found = [bits for link in tree.last.links for bits in link.bits]
    found[0] += tree.last.carry_in
    assert found == wanted[: len(found)]
    assert len(found) == len(wanted) or wanted[len(found) :] == [0]
    assert tree.sites == spent + reduced(left, tree.last)


@pytest.mark.parametrize("n", [3, 7, 15, 18, 36, 63, 100, 288, 576])
def test_a_count_of_bits_takes_about_half_a_site_a_bit(n: int) -> None:
    """A site takes at most two bits off a heap: (n - ceil(log2(n + 1))) / 2 is a bound."""
    columns = n.bit_length()
    found = compressor_tree([n] + [0] * (columns - 1), [0] * columns, top=False).sites
    bound = (n - ceil(log2(n + 1))) / 2
    assert bound <= found <= bound + 5.5


def test_more_nodes_are_never_worse_and_many_heaps_are_as_one() -> None:
    found = [heap for heap in heaps(30) if len(heap[0]) == 6]
    heights, ones = (np.array(rows, dtype=np.int64) for rows in zip(*found, strict=True))
    columns = np.full(len(found), 6)
    few, many = (sites(heights, ones, columns, nodes) for nodes in (5, 500))
    assert (many <= few).all()
    alone = [compressor_tree(h, o, top=False, max_nodes=500).sites for h, o in found]
    assert many.tolist() == alone


@pytest.mark.parametrize(
    ("heights", "top", "expected"),
    [
        ([3, 0], False, 1),  # a full adder
        ([6, 0, 0], False, 2),  # the six-bit counter on a chain
        ([7, 0, 0], False, 2),  # and with the carry into it
        ([2, 2, 2, 2, 0], False, 4),  # an adder, its carry out free
        ([3, 3, 3, 3, 0, 0], False, 5),  # a ternary adder
        ([2, 2, 2, 2, 0], True, 2),  # a comparison: two columns a site
        ([6, 0], True, 1),  # one table
        ([1, 1, 1], True, 0),  # nothing is carried
        ([2, 2, 2, 2, 3], True, 3),  # and what is there already
    ],
)
def test_known_heaps_take_known_sites(heights: list[int], top: bool, expected: int) -> None:
    assert compressor_tree(heights, [0] * len(heights), top=top).sites == expected
