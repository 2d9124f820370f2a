"""The rational that a decimal number in a file means."""

from fractions import Fraction
from math import floor, inf, nextafter

import numpy as np


def simplest(value: float) -> Fraction:
    """The fraction of least denominator that rounds to the same float64 (0.00784... is 2/255)."""
    exact = Fraction(value)
    if exact.denominator == 1:
        return exact
    below, above = (Fraction(nextafter(value, end)) for end in (-inf, inf))
    between = _least_denominator((below + exact) / 2, (exact + above) / 2)
    return between if float(between) == value else exact


def simplest_float32(value: float) -> Fraction:
    """The same of a float32 (0.00392156885936856... is 1/255)."""
    exact, given = Fraction(value), np.float32(value)
    if exact.denominator == 1 or float(given) != value:
        return exact
    below, above = (Fraction(float(np.nextafter(given, np.float32(end)))) for end in (-inf, inf))
    between = _least_denominator((below + exact) / 2, (exact + above) / 2)
    return between if np.float32(float(between)) == given else exact


def _least_denominator(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of least denominator in [low, high]."""
    whole = floor(low)
    if whole == low:
        return low
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / _least_denominator(1 / (high - whole), 1 / (low - whole))
