"""Whether the solver that was named solved all problems of a plan, and if not, why."""

from dataclasses import dataclass

from crshare.planning.layerwise import OUT_OF_TIME, OUT_OF_WORK
from crshare.planning.search import LOST, Found

WHY = {
    OUT_OF_TIME: "its plan was not ready at the time limit",
    OUT_OF_WORK: "its plan took more work than a plan may",
    LOST: "the search lost its workers first",
}


@dataclass(frozen=True, slots=True)
class Replaced:
    """A solver that was named, and solved only so many of the problems of the plan kept.

    by: who solved the others, and how many.
    """

    asked: str
    solved: int
    by: dict[str, int]
    why: str

    @property
    def sentence(self) -> str:
        total = self.solved + sum(self.by.values())
        others = ", ".join(f"{name} {n:,}" for name, n in self.by.items())
        return (
            f"The solver that was named, {self.asked}, solved {self.solved:,} of the {total:,} "
            f"problems of this plan ({others}): {self.why}."
        )


def replaced(found: Found, asked: str) -> Replaced | None:
    """None where the solver that was asked for solved all, or none was named or needed."""
    if asked == "auto" or found.tally is None:
        return None
    by = {name: n for name, n in sorted(found.tally.backends.items()) if name != asked}
    if not by:
        return None
    return Replaced(asked, found.tally.backends[asked], by, _why(found, asked))


def _why(found: Found, asked: str) -> str:
    assert found.tally is not None
    refusals = [text for text in sorted(found.tally.refusals) if text.startswith(f"{asked}: ")]
    if refusals:
        return refusals[0].removeprefix(f"{asked}: ")
    return WHY.get(found.stopped, "its plan at this multiplier lost too much")
