"""From figures to coordinates: linear and logarithmic axes with round ticks."""

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Protocol

ROUND = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Axis:
    """low..high on start..end; start may be the greater."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    def ticks(self, n: int = 4) -> list[float]:
        """Round values within the axis, about n of them."""
        step = step_for((self.high - self.low) or 1.0, n)
        first = -floor(-self.low / step + 1e-9)
        last = floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class LogAxis:
    """low..high, both above 0, on start..end by ratio; start may be the greater."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = log10(value / self.low) / log10(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, n: int = 4) -> list[float]:
        """Round values within the axis, of one, two or three kinds, at most about n of them."""
        tens = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        for kinds in ((1, 2, 5), (1, 3), (1,)):
            values = [kind * 10.0**ten for ten in tens for kind in kinds]
            found = [value for value in values if self.low <= value <= self.high]
            if len(found) <= n:
                break
        return found


class Scale(Protocol):
    """What a figure asks of either axis."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    def at(self, value: float) -> float: ...

    def ticks(self, n: int = 4) -> list[float]: ...


def step_for(span: float, n: int) -> float:
    """The least round step that gives no more than about n ticks."""
    size = 10.0 ** floor(log10(span / n))
    return next(factor * size for factor in ROUND if factor * size >= span / n * 0.999)


def axis_over(low: float, high: float, start: float, end: float, n: int = 4) -> Axis:
    """An axis from round value to round value that holds low..high."""
    step = step_for((high - low) or 1.0, n)
    first, last = floor(low / step), -floor(-high / step)
    return Axis(first * step, max(last, first + 1) * step, start, end)


def label(value: float) -> str:
    """A tick's value in few characters."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}".replace("-", "−")
