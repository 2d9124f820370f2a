"""The main jobs, each as its stages in order: analyze, optimize, evaluate."""

import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import inf
from pathlib import Path

import numpy as np

from crshare.errors import PlanError
from crshare.evaluation.analysing import analyze_model, counting
from crshare.evaluation.job import job_of, named
from crshare.evaluation.layer_losses import layer_losses
from crshare.evaluation.measured_curve import MeasuredPoint, measured_curve
from crshare.evaluation.outcome import (
    Analysis,
    Evaluation,
    FollowedLayer,
    ObjectiveCosts,
    Outcome,
    Request,
)
from crshare.evaluation.plan_run import follow, measure_accuracy
from crshare.evaluation.planned_luts import planned_luts
from crshare.frontend.declared import Declared
from crshare.hardware.other_stages import other_luts
from crshare.images.image_set import ImageSet, StreamedSet, split
from crshare.limits import FRAMES, check_rescale
from crshare.model.read import Model, read_model
from crshare.network.graph import Network
from crshare.network.slices import decompose
from crshare.plan.cost import LayerCounts, count_layer
from crshare.plan.plan import SharingPlan, is_exact
from crshare.planning.candidates import Job, evaluator
from crshare.planning.checkpoint import KeptCandidates
from crshare.planning.choices import THRESHOLDS
from crshare.planning.layerwise import exact_plan
from crshare.planning.measured import measured_method
from crshare.planning.objective import Objective, plan_cost
from crshare.planning.promise import promise_of
from crshare.planning.search import Found, Search
from crshare.planning.search_progress import SearchProgress, part_of_whole
from solver import BackendUnavailableError, dense, solve

Progress = Callable[[str, float], None]

TRIED_S = 60.0  # for a solver that is named to solve a problem of one item
SEARCHING = (0.05, 0.8)  # begin and end of a stage, as shares of the whole
LAST_STAGES = (  # refining, counting adders and LUTs, a whole curve on the test images
    (0.8, 0.84),
    (0.84, 0.9),
    (0.9, 0.95),
    (0.95, 1.0),
)
NO_SEARCH = ((0.0, 0.02), (0.02, 0.9), (0.9, 0.95), (0.95, 1.0))  # the same, of exact sharing alone
N_FOLLOWED = 100  # images on which a plan is followed slice by slice


@dataclass(frozen=True, slots=True)
class Source:
    """Which model file, and how to read it."""

    path: Path
    sign_layers: Set[str] = frozenset()
    rescale: tuple[Fraction, Fraction] | None = None
    frames: int | None = None
    layers: Declared = field(default_factory=dict)
    features: bool = False

    def __post_init__(self) -> None:
        if self.frames is not None:
            FRAMES.check("frames", self.frames)
        if self.rescale is not None:
            check_rescale(self.rescale)

    def read(self) -> Model:
        return read_model(
            self.path,
            sign_layers=self.sign_layers,
            rescale=self.rescale,
            frames=self.frames,
            layers=self.layers,
            features=self.features,
        )


def analyze(source: Source, on_progress: Progress) -> Analysis:
    """What exact sharing would save, layer by layer."""
    return analyze_model(source.read(), on_progress)


def optimize(
    model: Model,
    calibration: ImageSet | None,
    test: ImageSet | None,
    request: Request,
    on_progress: Progress,
) -> Outcome:
    """The cheapest plan within the loss: exact sharing always, similar slices where images allow.

    Without images no accuracy can be measured, so only exact sharing is planned.
    """
    _check(request)
    network, objective = model.network, request.method.objective
    exact = exact_plan(network, model.weights_hash)
    found, used = Found(exact), None
    if calibration is not None and request.max_loss_points > 0:
        on_progress("looking at the original network", 0.0)
        job = job_of(model, calibration, request.mirror, request.method.seed)
        plans = SearchProgress(part_of_whole(on_progress, *SEARCHING))
        found, used = search(job, request, plans), job
    refining, counting_adders, sizing, testing = (
        part_of_whole(on_progress, *one) for one in (LAST_STAGES if used else NO_SEARCH)
    )
    found = replace(found, plan=objective.refined(network, found.plan, refining))
    refining("measuring the plan", 1.0)
    accuracy, n_equal = None, None
    if test is not None:
        accuracy, n_equal = measure_accuracy(network, found.plan, test)
    counts = count_plan(network, found.plan, counting_adders)
    luts = planned_luts(network, found.plan, objective, sizing)
    tested: tuple[MeasuredPoint, ...] = ()
    if request.whole_curve and test is not None:
        tested = measured_curve(network, found, objective, test, testing)
    return Outcome(
        model=model,
        found=found,
        objective=objective_costs(objective, network, exact, found.plan),
        counts=counts,
        calibration=named(used) if used else None,
        accuracy=accuracy,
        n_equal=n_equal,
        exact=is_exact(network, found.plan),
        luts=luts,
        other_luts=other_luts(network, [one.layer for one in luts]) if luts else None,
        images={
            role: images.digest
            for role, images in (("calibration", calibration if used else None), ("test", test))
            if images is not None
        },
        promise=promise_of(found, request.budget),
        tested=tested,
    )


def objective_costs(
    objective: Objective, network: Network, exact: SharingPlan, planned: SharingPlan
) -> ObjectiveCosts:
    tables = decompose(network)
    return ObjectiveCosts(
        name=objective.name,
        unit=objective.unit,
        unshared=sum(objective.unshared_cost(table) for table in tables),
        exact=plan_cost(objective, exact, tables),
        planned=plan_cost(objective, planned, tables),
    )


def images_for(
    calib: ImageSet | None, data: ImageSet | None, seed: int
) -> tuple[ImageSet | None, ImageSet | None]:
    """Calibration and test images: with one set given, a seeded split of it."""
    one = calib or data
    if one is None or (calib and data):
        return calib, data
    return split(one, seed)


def search(job: Job, request: Request, on_progress: Progress) -> Found:
    """The best plan within the loss that is measured on the validation images."""
    exact = exact_plan(job.network, job.fingerprint)
    limit_s = inf if request.time_limit_s is None else request.time_limit_s
    began = time.monotonic()
    with evaluator(job, request.workers, on_progress) as evaluate:
        folder = request.kept_candidates
        kept = KeptCandidates(job, evaluate, folder) if folder else evaluate
        method = measured_method(request.method, decompose(job.network), kept)
        left_s = max(0.0, limit_s - (time.monotonic() - began))
        budget = replace(request.budget, time_limit_s=left_s)
        search = Search(exact, kept, budget, at_once=request.workers.at_once)
        return search.run(method, whole_curve=request.whole_curve)


def _check(request: Request) -> None:
    """What cannot be followed, and a solver that cannot run, is refused now, not after minutes."""
    if request.method.thresholds not in THRESHOLDS:
        raise PlanError(
            f"thresholds {request.method.thresholds!r}: nothing to follow; choose "
            f"{' or '.join(THRESHOLDS)}"
        )
    solver = request.method.solver
    if solver != "auto":
        limit_s = TRIED_S if request.time_limit_s is None else min(TRIED_S, request.time_limit_s)
        try:
            solve(dense([1], np.array([[0]])), solver, time_limit_s=limit_s)
        except BackendUnavailableError as error:
            raise PlanError(f"--solver {solver}: {error}") from error


def count_plan(
    network: Network, plan: SharingPlan, on_progress: Progress
) -> tuple[LayerCounts, ...]:
    return tuple(
        count_layer(table, plan.layer(table.layer), network.input_of(network.layer(table.layer)))
        for table in counting(decompose(network), on_progress)
    )


def evaluate(
    model: Model,
    plan: SharingPlan,
    images: ImageSet | StreamedSet,
    on_progress: Progress,
    *,
    by_layer: bool = False,
) -> Evaluation:
    """A plan's accuracy on images, and its operations as counted by a run that follows it.

    by_layer: measure what each layer's sharing alone loses, too.
    """
    on_progress(f"measuring accuracy on {len(images):,} images", 0.0)
    accuracy, n_equal = measure_accuracy(model.network, plan, images)
    n_followed = min(N_FOLLOWED, len(images))
    on_progress(f"following the plan slice by slice on {n_followed} images", 0.0)
    run = follow(model.network, plan, images.images[:n_followed])
    return Evaluation(
        model=model,
        counts=count_plan(model.network, plan, on_progress),
        accuracy=accuracy,
        n_equal=n_equal,
        exact=is_exact(model.network, plan),
        n_followed=n_followed,
        followed={
            name: FollowedLayer(
                counts.slice_operations // n_followed, counts.additions // n_followed
            )
            for name, counts in run.items()
        },
        by_layer=layer_losses(model.network, plan, images, on_progress) if by_layer else (),
    )
