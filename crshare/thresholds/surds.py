"""Numbers built from rationals and square roots, with an exact sign.

A chain of batch normalisations is value * factor / sqrt(radicand) + offset, again and again. Its
value is a sum of rational multiples of square roots, one for each step at most. Two square roots
depend on each other over the rationals only if the ratio of their radicands is a square, and roots
of which no two do are linearly independent (A. S. Besicovitch, 1940): so a value is 0 only where it
is 0 term by term, and any other value shows its sign once it is computed with enough digits.
"""

from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

FIRST_DIGITS = 50
SURE = Decimal("1e-20")  # relative error of what is handed out
PRIMES = tuple(2**30 - k for k in (35, 41, 83, 101, 105, 107, 135, 153))


class Stretch(NamedTuple):
    """value * factor / sqrt(radicand) + offset; the radicand is positive."""

    factor: Fraction
    radicand: Fraction
    offset: Fraction


@dataclass(frozen=True, slots=True)
class Surd:
    """A rational and what is done to it."""

    start: Fraction
    steps: tuple[Stretch, ...] = ()

    def plus(self, value: Fraction) -> "Surd":
        if not self.steps:
            return Surd(self.start + value)
        *before, last = self.steps
        return Surd(self.start, (*before, last._replace(offset=last.offset + value)))

    def times(self, value: Fraction) -> "Surd":
        if not self.steps:
            return Surd(self.start * value)
        *before, (factor, radicand, offset) = self.steps
        return Surd(self.start, (*before, Stretch(factor * value, radicand, offset * value)))

    def over_root(self, radicand: Fraction) -> "Surd":
        """Divided by the square root of a positive rational."""
        if radicand == 1:
            return self
        return Surd(self.start, (*self.steps, Stretch(Fraction(1), radicand, Fraction(0))))

    def sign(self) -> int:
        """-1, 0 or +1."""
        value = self._approximately()
        return (value > 0) - (value < 0)

    def __float__(self) -> float:
        return float(self._approximately())

    def _approximately(self) -> Decimal:
        """The value with a relative error of 1e-20 at most, so 0 only where it is 0."""
        digits = FIRST_DIGITS
        value, sure = self._computed(digits)
        if not sure and self._vanishes():
            return Decimal(0)
        while not sure:
            digits *= 2
            value, sure = self._computed(digits)
        return value

    def _computed(self, digits: int) -> tuple[Decimal, bool]:
        """The value computed with so many digits, and whether its error is known to be small.

        A step rounds seven times, by a relative 10^(1 - digits) / 2 each; `unit` is twenty of it.
        """
        with localcontext(_context(digits)):
            unit = Decimal(10) ** (2 - digits)
            value = _decimal(self.start)
            error = abs(value) * unit
            for factor, radicand, offset in self.steps:
                slope = _decimal(factor) / _decimal(radicand).sqrt()
                moved, added = value * slope, _decimal(offset)
                value = moved + added
                error = error * abs(slope) * (1 + unit) + (abs(moved) + abs(added)) * unit
            return value, error <= abs(value) * SURE

    def _vanishes(self) -> bool:
        """Whether the value is 0, by its terms: an integer coefficient for each integer radicand.

        All are the value's own times `unit`; no ratio of two radicands is a square.
        """
        unit = self.start.denominator
        terms = {1: self.start.numerator}
        for factor, radicand, offset in self.steps:
            scaled = _times_root(terms, radicand.numerator * radicand.denominator)
            unit *= factor.denominator * radicand.numerator
            scale = factor.numerator * offset.denominator
            terms = {root: scale * count for root, count in scaled.items()}
            terms[1] = terms.get(1, 0) + offset.numerator * unit
            unit *= offset.denominator
            terms = {root: count for root, count in terms.items() if count}
        return not any(terms.values())


def _times_root(terms: dict[int, int], radicand: int) -> dict[int, int]:
    """Each term times a square root; where that makes it rational, as the term of 1."""
    scaled = {}
    for root, count in terms.items():
        product = root * radicand
        side = _root_of_square(product)
        scaled[1 if side else product] = count * (side or 1)
    return scaled


def _root_of_square(value: int) -> int | None:
    if any(pow(value % p, p // 2, p) == p - 1 for p in PRIMES):  # no square to this prime
        return None
    root = isqrt(value)
    return root if root * root == value else None


def _context(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator
