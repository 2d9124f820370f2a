"""Buckets: group outputs, count inputs of one sign pattern together, recover the outputs.

For k outputs, inputs whose signs over these outputs are equal (up to negation) always enter
together: add each such bucket up once, then compute the k outputs from at most 2**(k-1) buckets
instead of from all inputs. It is Lupanov's table method (1956) seen from the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from solver.adder_graph.cse import share_columns, share_pairs
from solver.adder_graph.differences import column_differences
from solver.adder_graph.sums import Sums, Terms, from_matrix, from_rows
from solver.arrays import Ints

_DIGITS = 39  # base 3, that fit an int64
Recovery = Callable[[Ints], Sums]  # pattern [k, n_buckets] to sums that multiply by it


def bucket_sums(matrix: Ints, groups: list[Ints], recoveries: Sequence[Recovery]) -> Sums:
    """Buckets of the given groups of outputs, and each group's outputs recovered from them."""
    n_outputs, n_inputs = matrix.shape
    rows = list[Terms]()
    outputs: list[Terms] = [[] for _ in range(n_outputs)]
    for group, recovery in zip(groups, recoveries, strict=True):
        pattern, members = _buckets(matrix[group])
        first = n_inputs + len(rows)
        rows += members
        nodes = np.arange(first, first + len(members))
        inner, ends = _recovered(pattern, nodes, first + len(members), recovery)
        rows += inner
        for output, terms in zip(group.tolist(), ends, strict=True):
            outputs[output] = terms
    return from_rows(n_inputs, rows + outputs, n_outputs)


def signed_patterns(block: Ints) -> tuple[Ints, Ints]:
    """Every column times the sign of its first entry that is not 0, and these signs."""
    first = (block != 0).argmax(axis=0)
    sign = block[first, np.arange(block.shape[1])]
    return block * sign, sign


def _buckets(block: Ints) -> tuple[Ints, list[Terms]]:
    """Distinct patterns [k, n_buckets] that are not all 0, and the signed inputs of each."""
    patterns, sign = signed_patterns(block)
    _, first, member = np.unique(codes(patterns), return_index=True, return_inverse=True)
    order = np.argsort(member.reshape(-1), kind="stable")
    bounds = np.append(0, np.cumsum(np.bincount(member.reshape(-1), minlength=len(first))))
    distinct = patterns[:, first]
    kept = np.flatnonzero(distinct.any(axis=0))
    terms = list(zip(order.tolist(), sign[order].tolist(), strict=True))
    members: list[Terms] = [terms[bounds[b] : bounds[b + 1]] for b in kept.tolist()]
    return distinct[:, kept], members


def codes(patterns: Ints) -> Ints:
    """A number for each column of -1, 0 and +1: equal for equal columns, lexicographic order."""
    known = np.zeros(patterns.shape[1], dtype=np.int64)
    for first in range(0, len(patterns), _DIGITS):
        part = patterns[first : first + _DIGITS] + 1
        value = 3 ** np.arange(len(part))[::-1] @ part
        pairs = np.stack([known, value], axis=1)
        known = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1) if first else value
    return known


def _recovered(
    pattern: Ints, nodes: Ints, next_node: int, recovery: Recovery
) -> tuple[list[Terms], list[Terms]]:
    """Inner sums (numbered from next_node) and one last sum for each row of the pattern."""
    sums = recovery(pattern)
    name = np.concatenate([nodes, next_node + np.arange(sums.n_sums)])
    rows: list[Terms] = [
        list(zip(name[sums.source[a:b]].tolist(), sums.coefficient[a:b].tolist(), strict=True))
        for a, b in zip(sums.start[:-1], sums.start[1:], strict=True)
    ]
    inner = len(rows) - len(pattern)
    return rows[:inner], rows[inner:]


def tables(pattern: Ints) -> Sums:
    """Outputs from buckets: patterns built on one another, one addition for each (Gray code)."""
    return share_columns(column_differences(pattern), seed=0)


def halves(pattern: Ints) -> Sums:
    """Outputs from buckets: split the rows in two, add up what is equal in a half, and go on so."""
    if len(pattern) <= 2:
        return from_matrix(pattern) if len(pattern) < 2 else share_pairs(from_matrix(pattern), 0)
    cut = (len(pattern) + 1) // 2
    rows, outputs = list[Terms](), list[Terms]()
    for half in (pattern[:cut], pattern[cut:]):
        distinct, members = _buckets(half)
        first = pattern.shape[1] + len(rows)
        rows += members
        nodes = np.arange(first, first + len(members))
        inner, ends = _recovered(distinct, nodes, first + len(members), halves)
        rows += inner
        outputs += ends
    return from_rows(pattern.shape[1], rows + outputs, len(pattern))


RECOVERIES: tuple[Recovery, ...] = (tables, halves)
