"""LUTs against clocks as values: of exact sharing, of a plan, and what a device holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from crshare.hardware.choice import Choice, budget_of
from crshare.typed_json import Count, Hash, Share
from hwgen.devices import CHIPS


@dataclass(frozen=True, slots=True)
class RatePoint:
    """The cheapest choice at so many clocks an image."""

    clocks: Count
    luts: Count
    registers: Count
    block_rams_18k: Count


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The share of a device that may be taken. luts: of six inputs."""

    device: str
    utilisation: Share
    luts: Count
    registers: Count
    block_rams_18k: Count


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Curves of a network with exact sharing and, where there is a plan, of that.

    fingerprint: of the model's weights and thresholds.
    """

    fingerprint: Hash
    target: str
    exact: tuple[RatePoint, ...]
    planned: tuple[RatePoint, ...] = ()
    limit: RateLimit | None = None

    def __post_init__(self) -> None:
        for curve in (self.exact, self.planned):
            clocks = [point.clocks for point in curve]
            if clocks != sorted(set(clocks)) or 0 in clocks:
                raise ValueError("a curve's clocks do not rise")
        if not self.exact:
            raise ValueError("its curve has no points")

    @property
    def clocks(self) -> list[int]:
        """At which a point of a curve is."""
        return sorted({point.clocks for point in (*self.exact, *self.planned)})


def points_of(curve: Sequence[Choice]) -> tuple[RatePoint, ...]:
    return tuple(
        RatePoint(
            one.clocks,
            one.resources.luts,
            one.resources.registers,
            one.resources.block_rams,
        )
        for one in curve
    )


def limit_of(chip: str, utilisation: float) -> RateLimit:
    budget = budget_of(CHIPS[chip], utilisation)
    return RateLimit(
        chip, utilisation, budget.luts or 0, budget.registers or 0, budget.block_rams or 0
    )


def at(curve: Sequence[RatePoint], clocks: int) -> RatePoint | None:
    """The cheapest point that takes so many clocks or fewer."""
    return next((point for point in reversed(curve) if point.clocks <= clocks), None)
