"""The numbers that users choose, each with the range in which crshare keeps what it says.

Both ends are allowed. `whole` numbers are integers, the others any finite number.
"""

from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Rational, Real

from crshare.errors import ArgumentError


@dataclass(frozen=True, slots=True)
class Limit:
    low: float
    high: float
    whole: bool = True

    def check(self, name: str, value: object) -> None:
        """ArgumentError, which calls the number by this name, where it is not within."""
        is_number = isinstance(value, Integral if self.whole else Real)
        if not is_number or not self.low <= value <= self.high:  # type: ignore[operator]
            raise ArgumentError(f"{name} {str(value)[:40]}: expected {self}")

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:,} to {self.high:,}"


MAX_POWER = 10**30


def check_rescale(rescale: object) -> None:
    """ArgumentError unless these are two exact numbers, 0 or from 1e-30 to 1e30 in size."""
    given = rescale if isinstance(rescale, tuple) else ()
    sizes = [abs(Fraction(value)) for value in given if isinstance(value, Rational)]
    fair = all(not size or 1 <= size * MAX_POWER <= MAX_POWER**2 for size in sizes)
    if not len(sizes) == len(given) == 2 or not fair:
        raise ArgumentError(
            f"rescale {str(rescale)[:60]}: expected two exact numbers of fair size, as in "
            "(Fraction(1, 255), Fraction(0))"
        )


POINTS = Limit(0, 100, whole=False)
SECONDS = Limit(1, 1_000_000, whole=False)  # 11 days; what waits for a program counts to 24
RATE = Limit(1e-12, 1_000, whole=False)
SEED = Limit(0, 2**31 - 1)  # the least that a solver or TensorFlow takes
WORKERS = Limit(1, 1_024)
IMAGES = Limit(1, 10_000)  # that a simulator runs
ROWS = Limit(1, 10**9)  # of a data set
LEVELS = Limit(1, 1_000)
LUTS = Limit(1, 10**9)
MEGAHERTZ = Limit(0.001, 10_000, whole=False)
FPS = Limit(0.001, 1e10, whole=False)
CLOCKS = Limit(1, 10**9)  # of an image
SHARE = Limit(0.01, 1, whole=False)
TURNS = Limit(1, 32)  # a bit of an int64 for each, and those that number a layer's inputs
POSITIONS = Limit(1, 10**6)  # of an image, in one beat
CLOCKS = Limit(1, 10**9)  # for an image
EPOCHS = Limit(1, 1_000_000)
SHIFT = Limit(0, 10_000)
FACTOR_BITS = Limit(2, 16)  # of factors in fixed point
FRAMES = Limit(1, 4_096)  # of a modulation, as network.lut_ops has it
