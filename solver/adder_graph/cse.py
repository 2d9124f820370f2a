"""Greedy common subexpressions: sums in, sums out that share their repeated pairs."""

from __future__ import annotations

import numpy as np

from solver.adder_graph.extract import NO_LIMIT, extract
from solver.adder_graph.sums import Sums, ordered, pruned, transpose
from solver.arrays import Ints


def share_pairs(
    sums: Sums, seed: int, *, depth: Ints | None = None, room: Ints | None = None
) -> Sums:
    """Make every pair of terms that repeats, the most frequent first, a sum of its own.

    Greedy, as in C. Paar, "Optimized arithmetic for Reed-Solomon encoders" (ISIT 1997), with
    signs; see `extract`. room [n_sums] limits what sums may hold of nodes of given depth [n_nodes]
    (see `depth`).
    """
    n_nodes = sums.n_inputs + sums.n_sums
    if depth is None or room is None:
        depth = np.zeros(n_nodes, dtype=np.int64)
        room = np.full(sums.n_sums, NO_LIMIT)
    source, coefficient = sums.source.copy(), sums.coefficient.copy()
    made, size = extract(n_nodes, sums.start, source, coefficient, depth, room, seed)
    return _with_pairs(sums, made, size, source, coefficient)


def _with_pairs(sums: Sums, made: Ints, size: Ints, source: Ints, coefficient: Ints) -> Sums:
    """The shrunken sums and the new pairs as one set of sums, in order."""
    inner = sums.n_sums - sums.n_outputs
    kept = np.repeat(sums.start[:-1], size) + _counting(size)
    cut = int(size[:inner].sum())
    first_new = sums.n_inputs + inner
    rename = np.arange(sums.n_inputs + sums.n_sums + len(made))
    rename[sums.n_inputs + sums.n_sums :] = first_new + np.arange(len(made))
    sources = np.concatenate([source[kept[:cut]], made[:, :2].ravel(), source[kept[cut:]]])
    signs = np.stack([np.ones(len(made), dtype=np.int64), made[:, 2]], axis=1).ravel()
    coefficients = np.concatenate([coefficient[kept[:cut]], signs, coefficient[kept[cut:]]])
    sizes = np.concatenate([size[:inner], np.full(len(made), 2, dtype=np.int64), size[inner:]])
    start = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=start[1:])
    together = Sums(sums.n_inputs, sums.n_outputs, start, rename[sources], coefficients)
    return pruned(ordered(together))


def _counting(sizes: Ints) -> Ints:
    """0, 1, ... within each run of the given sizes."""
    ends = np.cumsum(sizes)
    return np.arange(int(sizes.sum())) - np.repeat(ends - sizes, sizes)


def share_columns(sums: Sums, seed: int) -> Sums:
    """`share_pairs` on the transposed sums: what repeats among the readers of nodes."""
    return transpose(share_pairs(transpose(sums), seed))
