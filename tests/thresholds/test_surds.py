"""Signs of numbers with square roots, against nested squaring, which is exact and exponential."""

from fractions import Fraction
from functools import reduce
from math import isclose, sqrt

import numpy as np
import pytest

from crshare.thresholds.surds import Surd

F = Fraction
Coefficients = tuple[Fraction, ...]
LayerOps = list[tuple[Fraction, Fraction, Fraction]]  # factor, radicand, offset


def surd(start: Fraction, steps: LayerOps) -> Surd:
    return reduce(
        lambda v, step: v.times(step[0]).over_root(step[1]).plus(step[2]), steps, Surd(start)
    )


def nested_sign(start: Fraction, steps: LayerOps) -> int:
    """Of the same number as c[0] + c[1] sqrt(v0) + c[2] sqrt(v1) + c[3] sqrt(v0) sqrt(v1) ..."""
    c: Coefficients = (start,)
    for factor, radicand, offset in steps:
        scaled = tuple(value * factor / radicand for value in c)
        c = (offset, *(F(0),) * (len(c) - 1), *scaled)
    return sign(c, tuple(radicand for _, radicand, _ in steps))


def sign(c: Coefficients, radicands: Coefficients) -> int:
    """The sign of a + b sqrt(v): by the signs of a and b, and where they differ of a^2 - b^2 v."""
    if not radicands:
        return (c[0] > 0) - (c[0] < 0)
    *rest, v = radicands
    inner = tuple(rest)
    a, b = c[: len(c) // 2], c[len(c) // 2 :]
    sign_a, sign_b = sign(a, inner), sign(b, inner)
    if sign_a * sign_b >= 0:
        return sign_a or sign_b
    squares = zip(product(a, a, inner), product(b, b, inner), strict=True)
    return sign_a * sign(tuple(aa - bb * v for aa, bb in squares), inner)


def product(a: Coefficients, b: Coefficients, radicands: Coefficients) -> Coefficients:
    total = [F(0)] * len(a)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            term = left * right
            for k, radicand in enumerate(radicands):
                term *= radicand if i & j & (1 << k) else 1
            total[i ^ j] += term
    return tuple(total)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_a_sign_is_that_of_nested_squaring(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(10):
        start, steps = F(int(rng.integers(-10, 11))), random_steps(rng, int(rng.integers(1, 5)))
        assert surd(start, steps).sign() == nested_sign(start, steps)


def random_steps(rng: np.random.Generator, n: int) -> LayerOps:
    """Small numbers, with radicands whose roots often depend on each other, so that ties happen."""
    factors, offsets = rng.integers(-3, 4, n).tolist(), rng.integers(-4, 5, n).tolist()
    above = rng.choice([1, 2, 3, 4, 8, 12, 18], n).tolist()
    below = rng.choice([1, 2, 3, 4], n).tolist()
    return [(F(factors[i], 2), F(above[i], below[i]), F(offsets[i], 2)) for i in range(n)]


@pytest.mark.parametrize("seed", range(60))
def test_a_tie_of_many_roots_and_what_is_next_to_it(seed: int) -> None:
    """((v / sqrt(r1) + ...) / sqrt(rn)) times all roots again, less v: 0 whatever the roots are."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    roots = [F(float(np.float32(value))) for value in rng.uniform(0.1, 3, n)]
    one, nothing = F(1), F(0)
    there = [(one, root, nothing) for root in roots]
    back = [(root, root, nothing) for root in rng.permutation(np.array(roots, object)).tolist()]
    start = F(float(np.float32(rng.normal())))
    assert surd(start, [*there, *back, (one, one, -start)]).sign() == 0
    for hair in (F(1, 10**40), -F(1, 10**400)):
        assert surd(start, [*there, *back, (one, one, hair - start)]).sign() == (
            1 if hair > 0 else -1
        )


def test_roots_of_one_kind_may_tie_and_others_only_come_close() -> None:
    one, nothing = F(1), F(0)
    assert surd(F(2), [(one, F(1, 2), nothing), (one, F(1, 8), F(-8))]).sign() == 0
    above, below = 5, 2  # above / below is next to sqrt(6), from above: above^2 - 6 below^2 = 1
    for _ in range(40):
        above, below = 5 * above + 12 * below, 2 * above + 5 * below
    for close, found in ((F(above, below), -1), (F(6 * below, above), 1)):
        steps = [(one, F(1, 2), nothing), (one, F(1, 3), -close)]
        assert surd(one, steps).sign() == nested_sign(one, steps) == found


def test_a_float_keeps_its_digits_where_terms_cancel() -> None:
    near = surd(F(1), [(F(1), F(1, 2), -F(14142135623730951, 10**16))])  # sqrt(2) less its digits
    assert isclose(float(near), -5.1198311275790302e-17, rel_tol=1e-15)
    assert isclose(float(surd(F(3), [(F(2), F(5), F(1, 3))])), 6 / sqrt(5) + 1 / 3)
    assert float(surd(F(10**400), [(F(1, 10**400), F(1), F(0))])) == 1
