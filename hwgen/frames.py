"""Stages of a modulation over frames: pixels to the bits of one frame after the other, and the
scores of all frames added up. An image comes once for each frame, whole maps behind each other.
"""

from dataclasses import dataclass

from hwgen.cells import Range
from hwgen.errors import NetlistError


@dataclass(frozen=True, slots=True)
class Modulation:
    """In frame f, bit (d * channels + c) is value c >= at[f][d][c]. beats: of a map."""

    name: str
    values: Range
    at: tuple[tuple[tuple[int, ...], ...], ...]
    beats: int

    def __post_init__(self) -> None:
        if not self.at or not self.at[0] or not self.at[0][0] or self.beats < 1:
            raise NetlistError(f"{self.name}: a modulation has a frame, a threshold and a value")

    @property
    def channels(self) -> int:
        return len(self.at[0][0])

    @property
    def frames(self) -> int:
        return len(self.at)

    @property
    def in_width(self) -> int:
        return self.channels * self.values.width

    @property
    def out_width(self) -> int:
        return self.channels * len(self.at[0])


@dataclass(frozen=True, slots=True)
class Accumulate:
    """The sums of each of `lanes` values over `frames` beats, as one beat."""

    name: str
    values: Range
    lanes: int
    frames: int

    @property
    def sums(self) -> Range:
        """Of one lane."""
        return Range(self.values.low * self.frames, self.values.high * self.frames)

    @property
    def in_width(self) -> int:
        return self.lanes * self.values.width

    @property
    def out_width(self) -> int:
        return self.lanes * self.sums.width
