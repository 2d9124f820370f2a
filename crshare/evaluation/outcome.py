"""What the jobs are asked for and what they find, as values that reports are made of."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from crshare.accuracy import Accuracy
from crshare.evaluation.count_frames import luts, measures, origins, short_frame
from crshare.evaluation.layer_losses import LayerLoss
from crshare.evaluation.measured_curve import MeasuredPoint
from crshare.frame import Cell, Frame, Tabled
from crshare.limits import POINTS, SECONDS
from crshare.model.read import Model
from crshare.plan.cost import LayerCounts
from crshare.plan.luts import LayerLuts
from crshare.planning.candidates import Workers
from crshare.planning.layerwise import Method
from crshare.planning.promise import Promise
from crshare.planning.search import Budget, Found, Tried, curve
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


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Tabled):
    """What exact sharing would save, layer by layer, for one image."""

    model: Model
    layers: tuple[LayerAnalysis, ...]

    def summary(self) -> Frame:
        title = f"{self.model.path.name}: what exact sharing would save"
        return short_frame(title, [layer.counts for layer in self.layers], planned=False)

    def table(self) -> Frame:
        return Frame.of(self.model.path.name, [_analysed(layer) for layer in self.layers])


def _analysed(layer: LayerAnalysis) -> dict[str, Cell]:
    figures: dict[str, Cell] = {
        name: value
        for name, value in vars(layer).items()
        if name not in ("nearest", "counts") and isinstance(value, str | int | float)
    }
    return figures | measures(layer.counts, planned=False)


@dataclass(frozen=True, kw_only=True)
class ObjectiveCosts:
    """The objective of all layers for one image: shared not at all, exactly, and as planned."""

    name: str
    unit: str
    unshared: Count
    exact: Count
    planned: Count


@dataclass(frozen=True, eq=False, repr=False)
class Outcome(Tabled):
    """What an optimization found. calibration: its images, by name; it and accuracy are None
    where no images were given. luts: of layers that stay unrolled, as PlanReport has them. images:
    a hash of each set by its role. promise: of the loss on new images, where the budget is kept
    surely and not on average. other_luts: of all stages around the graphs of `luts`. tested: of a
    whole curve, the plans on the test images."""

    model: Model
    found: Found
    objective: ObjectiveCosts
    counts: tuple[LayerCounts, ...]
    calibration: str | None
    accuracy: Accuracy | None
    n_equal: int | None
    exact: bool
    luts: tuple[LayerLuts, ...] = ()
    images: dict[str, str] = field(default_factory=dict)
    promise: Promise | None = None
    other_luts: int | None = None
    tested: tuple[MeasuredPoint, ...] = ()

    def summary(self) -> Frame:
        lost = "lossless" if self.exact else _lost(self.accuracy)
        title = f"{self.model.path.name}: sharing plan, {lost}"
        return short_frame(title, self.counts, self.luts, planned=True)

    def table(self) -> Frame:
        records = [
            origins(one) | measures(one, planned=True) | luts(one.layer, self.luts)
            for one in self.counts
        ]
        return Frame.of(self.model.path.name, records)

    @property
    def curve(self) -> Frame:
        """Loss against the objective for every multiplier tried, on the validation images; of a
        whole curve with the loss on the test images and LUTs, where no other plan beats it."""
        records = [_point(entry) | self._tested(entry[0]) for entry in curve(self.found)]
        return Frame.of(f"{self.model.path.name}: plans tried", records)

    def _tested(self, tried: Tried) -> dict[str, Cell]:
        if not self.tested:
            return {}
        found = {one.multiplier: one for one in self.tested}.get(tried.multiplier)
        low, high = found.accuracy.interval if found else (None, None)
        return {
            "test_points_lost": found.accuracy.loss_points if found else None,
            "test_low_95": low,
            "test_high_95": high,
            "luts": found.luts if found else None,
        }


def _lost(accuracy: Accuracy | None) -> str:
    if accuracy is None:
        return "loss not measured"
    low, high = accuracy.interval
    return (
        f"{accuracy.loss_points:.2f} points lost on {accuracy.n_images:,} images "
        f"(95 % interval {low:.2f} to {high:.2f})"
    )


def _point(entry: tuple[Tried, bool]) -> dict[str, Cell]:
    tried, beaten = entry
    low, high = tried.accuracy.interval
    return {
        "multiplier": tried.multiplier,
        "cost": tried.cost,
        "points_lost": tried.accuracy.loss_points,
        "low_95": low,
        "high_95": high,
        "kept_budget": tried.within,
        "beaten": beaten,
    }


@dataclass(frozen=True, slots=True)
class FollowedLayer:
    """What a run slice by slice did in one layer for one image."""

    slice_operations: Count
    additions: Count


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Tabled):
    """A plan's accuracy on test images, and the counts of a run that followed it slice by slice.

    n_followed: images of that run. followed: its slice operations and additions for one image.
    by_layer: of each layer's sharing alone, where that was asked for.
    """

    model: Model
    counts: tuple[LayerCounts, ...]
    accuracy: Accuracy
    n_equal: int
    exact: bool
    n_followed: int
    followed: dict[str, FollowedLayer]
    by_layer: tuple[LayerLoss, ...] = ()

    def summary(self) -> Frame:
        lost = "lossless" if self.exact else _lost(self.accuracy)
        title = f"{self.model.path.name}: plan evaluated, {lost}"
        return short_frame(title, self.counts, planned=True)

    def table(self) -> Frame:
        records = [
            origins(one)
            | measures(one, planned=True)
            | _counted(self.followed[one.layer])
            | self._lost_alone(one.layer)
            for one in self.counts
        ]
        return Frame.of(self.model.path.name, records)

    def _lost_alone(self, layer: str) -> dict[str, Cell]:
        lost = {one.layer: one.accuracy.loss_points for one in self.by_layer}
        return {"points_lost_alone": lost.get(layer)} if self.by_layer else {}


def _counted(layer: FollowedLayer) -> dict[str, Cell]:
    return {f"followed_{name}": n for name, n in asdict(layer).items()}


@dataclass(frozen=True, slots=True)
class Request:
    """What an optimization is asked for.

    time_limit_s: None for a plan that depends on no machine. mirror: None to see for itself.
    confident: the loss must keep its limit at the upper end of its 95 % interval, on images that
    did not choose the plan; else on average, on all calibration images. whole_curve: try
    multipliers well below and above the budget too. kept_candidates: the folder from which a search
    that was stopped goes on.
    """

    max_loss_points: float
    method: Method
    time_limit_s: float | None = None
    mirror: bool | None = None
    confident: bool = True
    whole_curve: bool = False
    workers: Workers = Workers()
    kept_candidates: Path | None = None

    def __post_init__(self) -> None:
        POINTS.check("max_loss_points", self.max_loss_points)
        if self.time_limit_s is not None:
            SECONDS.check("time_limit_s", self.time_limit_s)

    @property
    def budget(self) -> Budget:
        return Budget(self.max_loss_points, confident=self.confident)
