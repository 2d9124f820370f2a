"""Depth of sums, and the room a depth limit leaves them.

Terms of depths d1, d2, ... can be added up in depth D exactly when 2**d1 + 2**d2 + ... <= 2**D
(Kraft's inequality; adding the two shallowest first reaches it).
"""

from __future__ import annotations

import numpy as np

from solver.adder_graph.cse import share_pairs
from solver.adder_graph.kernels import sum_depths
from solver.adder_graph.sums import Sums
from solver.arrays import Ints

_DEEPEST = 60  # 2**depth is held in 64 bits; no graph of ours comes near


def least_depths(sums: Sums) -> Ints:
    """The least depth of every node, inputs being 0. [n_inputs + n_sums]"""
    depths: Ints = sum_depths(sums.n_inputs, sums.start, sums.source)
    return depths


def share_pairs_within(sums: Sums, seed: int, max_depth: int | None) -> Sums | None:
    """`share_pairs` such that no output gets deeper than max_depth; None if one already is.

    Inner sums keep their depth; all the room that the limit leaves goes to the outputs.
    """
    if max_depth is None:
        return share_pairs(sums, seed)
    max_depth = min(max_depth, _DEEPEST)
    depth = least_depths(sums)
    if depth.max(initial=0) > max_depth:
        return None
    room = depth[sums.n_inputs :].copy()
    room[sums.n_sums - sums.n_outputs :] = max_depth
    return share_pairs(sums, seed, depth=depth, room=np.left_shift(1, room))
