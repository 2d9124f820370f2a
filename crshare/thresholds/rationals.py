"""Exact arithmetic beyond Fraction: the rational a decimal means, and numbers with square roots."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf, nextafter, prod, sqrt


def simplest(value: float) -> Fraction:
    """The fraction of least denominator that rounds to the same float64 (0.00784... is 2/255)."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return exact
    below, above = (Fraction(nextafter(value, end)) for end in (-inf, inf))
    between = _least_denominator((below + exact) / 2, (exact + above) / 2)
    return between if float(between) == value else exact


def _least_denominator(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of least denominator in [low, high]."""
    whole = floor(low)
    if whole == low:
        return low
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _least_denominator(1 / (high - whole), 1 / (low - whole))


@dataclass(frozen=True, slots=True)
class Surd:
    """A number built from rationals and square roots, whose sign is decided exactly.

    With radicands (v0, v1) it is c[0] + c[1] sqrt(v0) + c[2] sqrt(v1) + c[3] sqrt(v0) sqrt(v1).
    """

    coefficients: tuple[Fraction, ...]
    radicands: tuple[Fraction, ...] = ()

    @staticmethod
    def rational(value: Fraction) -> "Surd":
        return Surd((value,))

    def plus(self, value: Fraction) -> "Surd":
        return Surd((self.coefficients[0] + value, *self.coefficients[1:]), self.radicands)

    def times(self, value: Fraction) -> "Surd":
        return Surd(tuple(c * value for c in self.coefficients), self.radicands)

    def over_root(self, radicand: Fraction) -> "Surd":
        """Divided by the square root of a positive rational."""
        if radicand == 1:
            return self
        zeros = (Fraction(0),) * len(self.coefficients)
        scaled = self.times(1 / radicand).coefficients
        return Surd((*zeros, *scaled), (*self.radicands, radicand))

    def sign(self) -> int:
        """-1, 0 or +1."""
        return _sign(self.coefficients, self.radicands)

    def __float__(self) -> float:
        total = 0.0
        for i, coefficient in enumerate(self.coefficients):
            roots = (v for k, v in enumerate(self.radicands) if i & (1 << k))
            total += float(coefficient) * prod(sqrt(v) for v in roots)
        return total


def _sign(c: tuple[Fraction, ...], radicands: tuple[Fraction, ...]) -> int:
    """The sign of a + b sqrt(v): by the signs of a and b, and where they differ of a^2 - b^2 v."""
    if not radicands:
        return (c[0] > 0) - (c[0] < 0)
    *rest, v = radicands
    inner = tuple(rest)
    a, b = c[: len(c) // 2], c[len(c) // 2 :]
    sign_a, sign_b = _sign(a, inner), _sign(b, inner)
    if sign_a * sign_b >= 0:
        return sign_a or sign_b
    squares = zip(_product(a, a, inner), _product(b, b, inner), strict=True)
    return sign_a * _sign(tuple(aa - bb * v for aa, bb in squares), inner)


def _product(
    a: tuple[Fraction, ...], b: tuple[Fraction, ...], radicands: tuple[Fraction, ...]
) -> tuple[Fraction, ...]:
    product = [Fraction(0)] * len(a)
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            term = left * right
            for k, radicand in enumerate(radicands):
                term *= radicand if i & j & (1 << k) else 1
            product[i ^ j] += term
    return tuple(product)
