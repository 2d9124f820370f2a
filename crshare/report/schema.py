"""Results as values, field by field as they stand in JSON; terminal and page show these.

docs/*.schema.json are made of these classes, by scripts/write_schemas.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from crshare.accuracy import Estimate
from crshare.evaluation.outcome import FollowedLayer, ObjectiveCosts
from crshare.plan.cost import LayerCounts, Totals
from crshare.plan.luts import LayerLuts
from crshare.planning.promise import Promise
from crshare.planning.solver_asked import Replaced
from crshare.report.drawn import DrawnLayer
from crshare.report.slice_statistics import LayerStatistics, ThresholdStatistics
from crshare.typed_json import Amount, Count, Hash, Number, Positive, Share


@dataclass(frozen=True, kw_only=True)
class Head:
    """Which version of crshare says this of which model. fingerprint: of weights and thresholds.
    read_with: the options that said how its file was read."""

    crshare: str
    model: str
    library: str
    fingerprint: Hash
    read_with: str = ""


@dataclass(frozen=True, kw_only=True)
class Reproducible(Head):
    """With what a run that should give the same needs: the command line and the versions."""

    command: str
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Realisations:
    """Some layers together, as LayerCounts has them."""

    before: Totals
    exact: Totals
    after: Totals
    exact_graph: Totals
    graph: Totals

    @classmethod
    def of(cls, layers: Sequence[LayerCounts]) -> "Realisations":
        sums = {
            field.name: sum((getattr(layer, field.name) for layer in layers), Totals())
            for field in fields(cls)
        }
        return cls(**sums)

    def slices(self, measure: str) -> tuple[int, int, int]:
        """Unshared, slices shared exactly, and as planned."""
        return self._of(measure, (self.before, self.exact, self.after))

    def graphs(self, measure: str) -> tuple[int, int, int]:
        """Unshared, and adder graphs: of the network's own weights, and of those of the plan."""
        return self._of(measure, (self.before, self.exact_graph, self.graph))

    @staticmethod
    def _of(measure: str, three: tuple[Totals, Totals, Totals]) -> tuple[int, int, int]:
        unshared, exact, planned = (getattr(one, measure) for one in three)
        return unshared, exact, planned


@dataclass(frozen=True, kw_only=True)
class MeasuredAccuracy:
    """Top-1 accuracy before and after on the same images (Accuracy says what each count is)."""

    n_images: Positive
    n_right_before: Count
    n_right_after: Count
    lost: Count
    won: Count
    images: str
    copies: Positive = 1
    net_squares: Count | None = None
    before_percent: Amount
    after_percent: Amount
    loss_points: Number
    interval_95_points: tuple[Number, Number]


@dataclass(frozen=True, kw_only=True)
class MethodAsked:
    """How plans were to be chosen. work, plan_work: units that a solver may do (solver.WORK);
    time_limit_s: seconds for a problem, in reports of before."""

    solver: str
    time_limit_s: Amount | None = None
    gap: Amount
    seed: int
    thresholds: str = "rates"
    work: Amount | None = None
    plan_work: Amount | None = None


@dataclass(frozen=True, kw_only=True)
class RequestAsked:
    """What was asked for, but for what changes no result: workers, and the folder `steps`."""

    max_loss_points: Amount
    method: MethodAsked
    time_limit_s: Amount | None
    mirror: bool | None
    confident: bool
    whole_curve: bool
    minimise: str = "slice_operations"


@dataclass(frozen=True, kw_only=True)
class TriedPlan:
    """A plan that the search measured on the validation images. price: the multiplier.
    cost: of the objective."""

    price: Amount
    cost: Count
    within: bool
    verdict: str
    loss: Estimate


@dataclass(frozen=True, kw_only=True)
class Solved:
    """Who solved the plan's problems, and how well. refusals: each reason with its number."""

    problems: dict[str, Count]
    refusals: dict[str, Count]
    proven_optimal: Count
    cost: int
    bound: int
    gap: Number
    worst_gap: Number
    operations_gap: Number


@dataclass(frozen=True, kw_only=True)
class SearchReport:
    """price: the multiplier of the plan kept, 0 for exact sharing. solver: None where none was
    asked. solver_replaced: where the solver that was named did not solve all of the plan kept.
    promise: None where the budget was kept on average alone."""

    price: Amount
    stopped: str
    tried: tuple[TriedPlan, ...]
    solver: Solved | None
    solver_replaced: Replaced | None = None
    promise: Promise | None = None


@dataclass(frozen=True, kw_only=True)
class PlanReport(Reproducible):
    """report.json of `crshare optimize`. chosen_on, accuracy: None where no images were given.
    luts: of the layers that stay unrolled, where the plan changes weights or LUTs are its goal.
    other_luts: of all stages around the graphs of `luts`, by estimate; None without these, or
    without hardware. images: hashes of the sets that chose (calibration) and reported (test)."""

    request: RequestAsked
    lossless: bool
    layers: tuple[LayerCounts, ...]
    binary_layers: Realisations
    first_layer: Realisations
    chosen_on: str | None
    objective: ObjectiveCosts
    search: SearchReport
    accuracy: MeasuredAccuracy | None
    images_with_equal_scores: Count | None
    portraits: tuple[LayerStatistics, ...]
    thresholds: tuple[ThresholdStatistics, ...]
    luts: tuple[LayerLuts, ...] = ()
    network: tuple[DrawnLayer, ...] = ()
    images: dict[str, Hash] = field(default_factory=dict)
    other_luts: Count | None = None

    def __post_init__(self) -> None:
        names = [layer.layer for layer in self.layers]
        if names != [statistics.layer for statistics in self.portraits]:
            raise ValueError("its `portraits` are of other layers than its `layers`")
        if len(set(names)) < len(names):
            raise ValueError("a layer stands twice in its `layers`")


@dataclass(frozen=True, kw_only=True)
class AnalysedLayer:
    """What one layer's slices hold. nearest: classes by the distance to the closest other one;
    memory: bytes of weights, and of representatives and indices."""

    layer: str
    storage: str
    taps: Positive
    n_groups: Positive
    n_filters: Positive
    positions: Positive
    n_distinct: Count
    n_up_to_inverse: Count
    chance_repeated: Share
    chance_inverse: Share
    nearest: dict[str, Count]
    memory_before: Count
    memory_after: Count
    counts: LayerCounts
    share_up_to_inverse: Share


@dataclass(frozen=True, kw_only=True)
class AnalysisReport(Reproducible):
    """What `crshare analyze --json` writes."""

    lossless: bool
    layers: tuple[AnalysedLayer, ...]
    binary_layers: Realisations
    first_layer: Realisations
    portraits: tuple[LayerStatistics, ...]
    thresholds: tuple[ThresholdStatistics, ...]
    network: tuple[DrawnLayer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvaluationReport(Head):
    """What `crshare evaluate --json` writes. followed: for one image, by layer. loss_by_layer: of
    each layer's sharing alone, with --by-layer."""

    lossless: bool
    layers: tuple[LayerCounts, ...]
    binary_layers: Realisations
    first_layer: Realisations
    accuracy: MeasuredAccuracy
    images_with_equal_scores: Count
    images_followed_slice_by_slice: Count
    followed: dict[str, FollowedLayer]
    loss_by_layer: dict[str, MeasuredAccuracy] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AppliedReport(Head):
    """What `crshare apply --json` writes: the file, and which layers the plan changes in it."""

    output: str
    layers_with_changed_weights: tuple[str, ...]
    changed_thresholds: tuple[str, ...]
    changed_offsets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A multiplier (price) tried. beaten: another has neither more cost nor more loss.

    test: on the test images, where no other beats it. luts: of the sums of layers that stay
    unrolled; None where the plan changes no weight.
    """

    price: Amount
    cost: Count
    loss: Estimate
    beaten: bool
    test: MeasuredAccuracy | None = None
    luts: Count | None = None


@dataclass(frozen=True, kw_only=True)
class CurveReport(Head):
    """pareto.json: loss against the objective for every multiplier (price) tried, rising.

    kept: the multiplier of the plan kept, 0 for exact sharing. luts: of the sums of all layers that
    stay unrolled together, `planned` being those of the plan kept; None where it changes no weight.
    """

    chosen_on: str | None
    objective: ObjectiveCosts
    points: tuple[CurvePoint, ...]
    max_loss_points: Amount = 0.0
    kept: Amount = 0.0
    luts: LayerLuts | None = None

    @property
    def tested(self) -> tuple[tuple[CurvePoint, MeasuredAccuracy], ...]:
        """The points that were measured on the test images."""
        return tuple((point, point.test) for point in self.points if point.test is not None)
