"""Which multipliers to try next, and which keep a budget, given noisy losses at some multipliers.

A multiplier is what one unit of the objective is worth in damage: the higher, the cheaper the plan
and the greater its loss. A loss that is measured on some thousand images is uncertain by some
tenths of a point, while the true loss rises with the multiplier. So losses are first smoothed by
the closest fit that never falls.

Where the budget is a promise, multipliers are tried upwards from the safest, and the first that
does not surely keep the budget ends the way up: the fixed-sequence test of A. N. Angelopoulos et
al., "Learn then Test", arXiv 2110.01052, 2021. However many multipliers are tried, one false step
is needed to leave the budget, and its place is fixed beforehand: the first multiplier whose true
loss is beyond the budget. There are two ways up, in steps of two and then of `FINE` within the last
one, so the chance is at most twice that of one test.
"""

from collections.abc import Sequence
from math import inf, log

FIRST = (3e-4, 6e-4)  # the multipliers of the first round
WHOLE_CURVE = tuple(3.75e-5 * 2**step for step in range(8))
BETWEEN = 4  # multipliers of a round that closes in
CLOSE = 1.2  # the multiplier is known well enough to this factor
LEAST, MOST = 1e-7, 1e-1
SAFEST = WHOLE_CURVE[0]
FINE = 2 ** (1 / (BETWEEN + 1))  # steps of the second way up
AT_ONCE = 2  # multipliers of a round on a way up

Point = tuple[float, float]


def rising_fit(values: Sequence[float]) -> list[float]:
    """The never falling sequence closest to `values` in least squares.

    Pool adjacent violators: M. Ayer et al., "An empirical distribution function for sampling with
    incomplete information", 1955.
    """
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, size = value, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean = (before * count + mean * size) / (count + size)
            size += count
        blocks.append((mean, size))
    return [mean for mean, size in blocks for _ in range(size)]


def kept_and_broken(points: Sequence[Point], budget: float) -> tuple[float, float]:
    """The highest multiplier whose fitted loss keeps the budget, and the next: 0 and inf for none.

    points: multipliers and their losses, by rising multiplier.
    """
    fits = rising_fit([loss for _, loss in points])
    kept = [multiplier for (multiplier, _), fit in zip(points, fits, strict=True) if fit <= budget]
    broken = [multiplier for (multiplier, _), fit in zip(points, fits, strict=True) if fit > budget]
    return max(kept, default=0.0), min(broken, default=inf)


def next_multipliers(points: Sequence[Point], budget: float) -> tuple[float, ...]:
    """The multipliers of the next round, none where the best is known well enough."""
    kept, broken = kept_and_broken(points, budget)
    if kept == 0.0:
        multipliers = [broken / 2**step for step in (1, 2)]
    elif broken == inf:
        multipliers = [kept * 2**step for step in (1, 2)]
    elif broken <= CLOSE * kept:
        multipliers = []
    else:
        ratio = broken / kept
        multipliers = [kept * ratio ** (step / (BETWEEN + 1)) for step in range(1, BETWEEN + 1)]
    return tuple(multiplier for multiplier in multipliers if LEAST <= multiplier <= MOST)


def surely_kept(points: Sequence[Point], budget: float) -> tuple[float, float]:
    """The last multiplier before the first beyond the budget, and that one: 0 and inf for none.

    points: multipliers and the upper ends of their losses, by rising multiplier.
    """
    kept = 0.0
    for multiplier, loss in points:
        if loss > budget:
            return kept, multiplier
        kept = multiplier
    return kept, inf


def next_upwards(points: Sequence[Point], budget: float) -> tuple[float, ...]:
    """The next multipliers of the ways up from SAFEST, none where they have ended."""
    kept, broken = surely_kept(points, budget)
    if broken == inf:
        first = 2 * kept or SAFEST
        return tuple(multiplier for multiplier in (first, 2 * first) if multiplier <= MOST)
    if kept == 0.0:
        return ()
    n_between = round(log(broken / kept) / log(FINE)) - 1
    return tuple(kept * FINE**step for step in range(1, min(n_between, AT_ONCE) + 1))
