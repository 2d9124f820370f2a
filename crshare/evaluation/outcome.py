"""What the jobs are asked for and what they find, as values that reports are made of."""

from dataclasses import dataclass
from pathlib import Path

from crshare.accuracy import Accuracy
from crshare.limits import POINTS, SECONDS
from crshare.model.read import Model
from crshare.plan.cost import LayerCounts
from crshare.plan.luts import LayerLuts
from crshare.planning.candidates import Workers
from crshare.planning.layerwise import Method
from crshare.planning.search import Found
from crshare.typed_json import Count


@dataclass(frozen=True, eq=False)
class LayerAnalysis:
    """What one layer's slices hold. shares are of its slices; memory in bytes of weights."""

    layer: str
    storage: str
    taps: int
    n_groups: int
    n_filters: int
    positions: int
    n_distinct: int
    n_up_to_inverse: int
    chance_repeated: float
    chance_inverse: float
    nearest: tuple[int, ...]
    memory_before: int
    memory_after: int
    counts: LayerCounts


@dataclass(frozen=True, eq=False)
class Analysis:
    model: Model
    layers: tuple[LayerAnalysis, ...]


@dataclass(frozen=True, kw_only=True)
class ObjectiveCosts:
    """The objective of all layers for one image: shared not at all, exactly, and as planned."""

    name: str
    unit: str
    unshared: Count
    exact: Count
    planned: Count


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an optimization found. calibration: its images, by name; it and accuracy are None
    where no images were given. luts: of layers that stay unrolled, as PlanReport has them."""

    model: Model
    found: Found
    objective: ObjectiveCosts
    counts: tuple[LayerCounts, ...]
    calibration: str | None
    accuracy: Accuracy | None
    n_equal: int | None
    exact: bool
    luts: tuple[LayerLuts, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowedLayer:
    """What a run slice by slice did in one layer for one image."""

    slice_operations: Count
    additions: Count


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A plan's accuracy on test images, and the counts of a run that followed it slice by slice.

    n_followed: images of that run. followed: its slice operations and additions for one image.
    """

    model: Model
    counts: tuple[LayerCounts, ...]
    accuracy: Accuracy
    n_equal: int
    exact: bool
    n_followed: int
    followed: dict[str, FollowedLayer]


@dataclass(frozen=True, slots=True)
class Request:
    """What an optimization is asked for.

    time_limit_s: None for a plan that depends on no machine. mirror: None to see for itself.
    confident: the loss must keep its limit at the upper end of its 95 % interval. whole_curve: try
    multipliers well below and above the budget too. kept_candidates: the folder from
    which a search that was stopped goes on.
    """

    max_loss_points: float
    method: Method
    time_limit_s: float | None = None
    mirror: bool | None = None
    confident: bool = False
    whole_curve: bool = False
    workers: Workers = Workers()
    kept_candidates: Path | None = None

    def __post_init__(self) -> None:
        POINTS.check("max_loss_points", self.max_loss_points)
        if self.time_limit_s is not None:
            SECONDS.check("time_limit_s", self.time_limit_s)
