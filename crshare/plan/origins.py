"""Where what a user of a plan has comes from: each kind by itself, and how many there are."""

from dataclasses import dataclass

from crshare.typed_json import Count


@dataclass(frozen=True, slots=True)
class Computed:
    """Run the slice's own XNOR and popcount."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Equal slice: take the representative's result as it is."""

    representative: int


@dataclass(frozen=True, slots=True)
class Negated:
    """Inverse slice: every position disagrees, so the count is K - P."""

    representative: int


@dataclass(frozen=True, slots=True)
class Similar:
    """Take the result of a representative (or its negation) that it only resembles."""

    representative: int
    negated: bool
    distance: int


@dataclass(frozen=True, slots=True)
class Corrected:
    """Take a representative's result (or its negation) and mend the positions that differ."""

    representative: int
    negated: bool
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An input that counts for no filter of the group: its weights are 0."""


Origin = Computed | Copied | Negated | Similar | Corrected | LeftOut


ORIGINS = "computed", "copied", "negated", "similar", "corrected"  # of slices


@dataclass(frozen=True, slots=True)
class OriginCounts:
    """How many slices of a layer come from where; of patterns, how many inputs of all groups."""

    computed: Count = 0
    copied: Count = 0
    negated: Count = 0
    similar: Count = 0
    corrected: Count = 0
    left_out: Count = 0

    def __add__(self, other: "OriginCounts") -> "OriginCounts":
        return OriginCounts(
            self.computed + other.computed,
            self.copied + other.copied,
            self.negated + other.negated,
            self.similar + other.similar,
            self.corrected + other.corrected,
            self.left_out + other.left_out,
        )
