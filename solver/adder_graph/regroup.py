"""Local search on sums: forget some shared sums, share greedily anew, keep what is no worse.

Every other round works on the transposed sums (see `sums`): what has no repeated pair one way round
often has some the other way. Effort is counted in rounds, so that equal seeds give equal results; a
time limit, where the caller sets one, can only end the search early.
"""

from __future__ import annotations

import time

import numpy as np

from solver.adder_graph.cse import share_pairs
from solver.adder_graph.sums import Sums, inlined, transpose

_HEAT = 8  # the share of all rounds that each start of a race has, as one in so many
_TURN = 8  # rounds before the sums are transposed
_SHARES = (0.01, 0.02, 0.05)  # of the inner sums, forgotten in one round


def race(starts: list[Sums], *, rounds: int, seed: int, deadline: float | None = None) -> Sums:
    """The best of several starts, searched: each has a short run, the best goes on alone."""
    heat = rounds // _HEAT if len(starts) > 1 else 0
    ran = [improved(sums, rounds=heat, seed=seed, deadline=deadline) for sums in starts]
    best = min(ran, key=lambda sums: sums.additions)
    return improved(best, rounds=rounds - heat * len(starts), seed=seed + 1, deadline=deadline)


def improved(sums: Sums, *, rounds: int, seed: int, deadline: float | None = None) -> Sums:
    """Sums of the same matrix with no more additions than the given ones.

    deadline: a time.monotonic() value at which to stop before all rounds are done.
    """
    rng = np.random.default_rng(seed)
    best, turned = sums, False
    for number in range(rounds):
        if deadline is not None and time.monotonic() >= deadline:
            break
        if number % _TURN == _TURN - 1:
            best, turned = transpose(best), not turned
        trial = _reshared(best, rng)
        if trial is not None and trial.additions <= best.additions:
            best = trial
    return transpose(best) if turned else best


def default_rounds(sums: Sums) -> int:
    """Rounds that bring most of the gain: more for more sums, fewer where a round takes long."""
    n = max(sums.additions, 1)
    return max(50, min(n * n // 10_000, 12_000_000 // n))


def _reshared(sums: Sums, rng: np.random.Generator) -> Sums | None:
    """The sums with a random few inner ones forgotten and pairs shared again."""
    inner = sums.n_sums - sums.n_outputs
    away = np.zeros(sums.n_sums, dtype=np.bool_)
    away[:inner] = rng.random(inner) < rng.choice(_SHARES)
    plain = inlined(sums, away)
    return None if plain is None else share_pairs(plain, int(rng.integers(2**31)))
