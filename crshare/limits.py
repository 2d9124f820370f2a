"""The numbers that users choose, each with the range in which crshare keeps what it says.

Both ends are allowed. `whole` numbers are integers, the others any finite number.
"""

from dataclasses import dataclass
from numbers import Integral, Real

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


POINTS = Limit(0, 100, whole=False)
SECONDS = Limit(1, 1_000_000, whole=False)  # 11 days; what waits for a program counts to 24
RATE = Limit(1e-12, 1_000, whole=False)
SEED = Limit(0, 2**31 - 1)  # the least that a solver or TensorFlow takes
WORKERS = Limit(1, 1_024)
IMAGES = Limit(1, 10_000)  # that a simulator runs
ROWS = Limit(1, 10**9)  # of a data set
LEVELS = Limit(1, 1_000)
LUTS = Limit(1, 10**9)
TURNS = Limit(1, 32)  # a bit of an int64 for each, and those that number a layer's inputs
EPOCHS = Limit(1, 1_000_000)
SHIFT = Limit(0, 10_000)
