"""What is asked of a choice of architectures: a rate, a device, or both."""

from dataclasses import dataclass

from crshare.errors import HardwareError
from crshare.hardware.choice import Budget, Choice, Question, budget_of, cheapest, fastest
from hwgen.devices import CHIPS
from hwgen.targets import TARGETS

UTILISATION = 0.8


def target_for(chip: str | None, otherwise: str) -> str:
    """The target of the primitives that a chip has, where there is one."""
    if chip not in CHIPS:
        return otherwise
    family = CHIPS[chip].family
    return next((name for name, one in TARGETS.items() if family in one.devices), otherwise)


@dataclass(frozen=True, slots=True)
class Goal:
    """clocks: of an image, at most. chip: of `CHIPS`, with the share of it that may be taken.

    With clocks the least LUTs are chosen, without them the fewest clocks that the chip holds.
    """

    clocks: int | None = None
    chip: str | None = None
    utilisation: float = UTILISATION
    clock_mhz: float = 100.0

    def __post_init__(self) -> None:
        if self.chip is not None and self.chip not in CHIPS:
            raise HardwareError(f"device {self.chip[:40]!a} is none of {', '.join(CHIPS)}")

    @classmethod
    def of(
        cls,
        clocks: int | None,
        fps: float | None,
        chip: str | None,
        utilisation: float = UTILISATION,
        clock_mhz: float = 100.0,
    ) -> "Goal | None":
        """None where nothing is asked for. fps: images a second at the clock, instead of clocks.

        HardwareError where two rates are asked for, or one that no clock gives.
        """
        if clocks is None and fps is None and chip is None:
            return None
        if fps is not None:
            if clocks is not None:
                raise HardwareError("--fps and --clocks both name a rate; give one of them")
            clocks = int(clock_mhz * 1e6 / fps)
            if clocks < 1:
                raise HardwareError(
                    f"--fps {fps:g} is more than one image a clock at --clock {clock_mhz:g}; ask "
                    "for fewer"
                )
        return cls(clocks, chip, utilisation, clock_mhz)

    @property
    def budget(self) -> Budget:
        return Budget() if self.chip is None else budget_of(CHIPS[self.chip], self.utilisation)

    def ask(self, question: Question) -> Choice | None:
        if self.clocks is None:
            return fastest(question)
        found = cheapest(question, self.clocks)
        return found if found and question.budget.holds(found.resources) else None
