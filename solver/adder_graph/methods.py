"""The methods by name: a matrix in, the sums worth trying out.

Candidates are functions without arguments, so that whoever weighs them holds one at a time; they
know nothing of measures. The matrix has no zero rows and no two rows equal up to sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from solver.adder_graph.buckets import bucket_sums, tables
from solver.adder_graph.clusters import Likeness, clustered, likeness
from solver.adder_graph.cse import share_columns
from solver.adder_graph.depth import share_pairs_within
from solver.adder_graph.differences import column_differences, row_differences
from solver.adder_graph.sums import Sums, from_matrix
from solver.arrays import Ints

Candidate = Callable[[], Sums | None]  # None: not possible within the depth limit

_LARGEST_GROUP = 9  # outputs: beyond this nearly every bucket holds one input
_GROUP_NUMBERS = 6  # so many are tried
_FEW_DIFFERENCES = 0.4  # of the entries: with fewer, rows as they are are slow and do not win
SMALL = 2**13  # entries: below this, buckets hardly fill
HUGE = 2**20  # entries: beyond this, large groups are best, and by far quickest
_EVERY = 8  # groups, of which one stands for the others where only numbers are compared
LARGE = 2**17  # entries: beyond this, buckets win by far and pairs of the bare matrix take long


def families(
    matrix: Ints, method: str, seed: int, max_depth: int | None
) -> dict[str, list[Candidate]]:
    """What to try for a method, by the method's name; for "auto" all that may be best.

    Candidates of one family are alike, so that a search need start only from the best of each.
    """
    if method == "subexpressions":
        return {method: subexpressions(matrix, seed, max_depth)}
    if method == "buckets":
        return {method: buckets(matrix)}
    if method == "combined":
        return {method: combined(matrix, seed, max_depth)}
    tried = dict[str, list[Candidate]]()
    if matrix.size <= LARGE:
        tried["subexpressions"] = subexpressions(matrix, seed, max_depth)
    if matrix.size > SMALL or max_depth is not None:
        tried["combined"] = combined(matrix, seed, max_depth)
    tried["buckets"] = buckets(matrix) if matrix.size > SMALL else []
    if max_depth is not None:
        tried["separate"] = [partial(from_matrix, matrix)]  # fits wherever anything does
    return tried


def subexpressions(matrix: Ints, seed: int, max_depth: int | None) -> list[Candidate]:
    """Common subexpressions of the matrix as it is, and of what rows or columns differ in."""
    if max_depth is not None:
        return [partial(share_pairs_within, from_matrix(matrix), seed, max_depth)]
    plain, differences = from_matrix(matrix), row_differences(matrix)
    tried: list[Candidate] = [
        lambda: share_columns(differences, seed),
        lambda: share_columns(column_differences(matrix), seed),
    ]
    if len(differences.source) > _FEW_DIFFERENCES * len(plain.source):
        tried.append(lambda: share_columns(plain, seed))
    return tried


def buckets(matrix: Ints) -> list[Candidate]:
    """Buckets of clustered outputs, for every number of groups that can pay."""
    return [partial(grouped_sums, matrix, n_groups) for n_groups in group_numbers(matrix)]


def combined(matrix: Ints, seed: int, max_depth: int | None) -> list[Candidate]:
    """Buckets whose members and recovery share pairs, inside groups and between them."""
    return [partial(_shared, plain, seed, max_depth) for plain in buckets(matrix)]


def grouped_sums(matrix: Ints, n_groups: int) -> Sums:
    """Buckets of clustered groups, recovered by tables."""
    return bucket_sums(matrix, clustered(matrix, n_groups), [tables] * n_groups)


def best_by_some(matrix: Ints, numbers: Sequence[int], cost: Callable[[Sums], int]) -> int:
    """The number of groups in which an output costs least, by every few groups of each alone."""
    alike = likeness(matrix)
    return min(numbers, key=lambda number: _cost_of_some(matrix, number, cost, alike))


def _cost_of_some(
    matrix: Ints, n_groups: int, cost: Callable[[Sums], int], alike: Likeness
) -> float:
    groups = clustered(matrix, n_groups, alike)[::_EVERY]
    rows = matrix[np.concatenate(groups)]
    ends = np.cumsum([len(group) for group in groups])[:-1]
    places = np.split(np.arange(len(rows)), ends)
    return cost(bucket_sums(rows, places, [tables] * len(groups))) / len(rows)


def _shared(plain: Candidate, seed: int, max_depth: int | None) -> Sums | None:
    sums = plain()
    return None if sums is None else share_pairs_within(sums, seed, max_depth)


def descended(
    candidates: Sequence[Callable[[], Sums]], cost: Callable[[Sums], int]
) -> tuple[int, Sums]:
    """The cheapest of candidates whose costs fall and then rise, without trying all; its place.

    From the middle on towards a cheaper neighbour, until the next is no cheaper.
    """

    def made(place: int) -> tuple[int, int, Sums]:
        sums = candidates[place]()
        return cost(sums), place, sums

    best = made(len(candidates) // 2)
    for step in (-1, 1):
        moved = False
        while 0 <= best[1] + step < len(candidates):
            following = made(best[1] + step)
            if following[0] >= best[0]:
                break
            best, moved = following, True
        if moved:
            break
    return best[1], best[2]


def group_numbers(matrix: Ints) -> list[int]:
    """Numbers of groups for which a group has about log2(n_inputs) outputs, or somewhat fewer."""
    n_rows, n_inputs = matrix.shape
    if not n_rows:
        return [0]
    largest = min(max(n_inputs, 4).bit_length() - 1, _LARGEST_GROUP)
    smallest = max(2, largest - 3)
    spread = np.linspace(n_rows / largest, n_rows / smallest, _GROUP_NUMBERS)
    return sorted({max(1, round(number)) for number in spread.tolist()})
