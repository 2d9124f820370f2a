"""Results as the values that are written and shown; docs/measures.md defines their figures."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import crshare
from crshare.accuracy import Accuracy
from crshare.evaluation.measured_curve import MeasuredPoint
from crshare.evaluation.outcome import Analysis, Evaluation, LayerAnalysis, Outcome, Request
from crshare.model.read import Model
from crshare.plan.cost import LayerCounts
from crshare.plan.luts import luts_together
from crshare.plan.plan import SharingPlan, changed_layers
from crshare.planning.layerwise import Method, SolverTally, exact_plan
from crshare.planning.search import curve, verdicts
from crshare.planning.solver_asked import replaced
from crshare.report.drawn import drawn_network
from crshare.report.schema import (
    AnalysedLayer,
    AnalysisReport,
    AppliedReport,
    CurvePoint,
    CurveReport,
    EvaluationReport,
    MeasuredAccuracy,
    MethodAsked,
    PlanReport,
    Realisations,
    RequestAsked,
    SearchReport,
    Solved,
    TriedPlan,
)
from crshare.report.slice_statistics import layer_statistics, threshold_statistics

PACKAGES = ("numpy", "numba", "highspy", "pulp", "gurobipy")  # those that may change a figure


def analysis_report(analysis: Analysis, command: str = "") -> AnalysisReport:
    """`command`: the command line, as a report repeats it."""
    model = analysis.model
    plan = exact_plan(model.network, model.weights_hash)
    return AnalysisReport(
        **head(model),
        **origin(command),
        lossless=True,
        layers=analysed_layers(analysis),
        **_together([layer.counts for layer in analysis.layers]),
        portraits=layer_statistics(model.network, plan),
        thresholds=threshold_statistics(model.network, plan),
        network=drawn_network(model.network),
    )


def analysed_layers(analysis: Analysis) -> tuple[AnalysedLayer, ...]:
    return tuple(map(_analysed, analysis.layers))


def _analysed(layer: LayerAnalysis) -> AnalysedLayer:
    given = {field.name: getattr(layer, field.name) for field in fields(layer)}
    given["nearest"] = {str(d): n for d, n in enumerate(layer.nearest) if n}
    share = layer.n_up_to_inverse / layer.counts.n_slices
    return AnalysedLayer(**given, share_up_to_inverse=share)


def plan_report(outcome: Outcome, request: Request, command: str = "") -> PlanReport:
    """`command`: the command line, as a report repeats it."""
    model = outcome.model
    return PlanReport(
        **head(model),
        **origin(command),
        request=_asked(request),
        lossless=outcome.exact,
        layers=outcome.counts,
        **_together(outcome.counts),
        chosen_on=outcome.calibration,
        objective=outcome.objective,
        luts=outcome.luts,
        search=_search(outcome, request.method.solver),
        accuracy=measured(outcome.accuracy) if outcome.accuracy else None,
        images_with_equal_scores=outcome.n_equal,
        portraits=layer_statistics(model.network, outcome.found.plan),
        thresholds=threshold_statistics(model.network, outcome.found.plan),
        network=drawn_network(model.network),
        images=outcome.images,
        other_luts=outcome.other_luts,
    )


def evaluation_report(evaluation: Evaluation) -> EvaluationReport:
    return EvaluationReport(
        **head(evaluation.model),
        lossless=evaluation.exact,
        layers=evaluation.counts,
        **_together(evaluation.counts),
        accuracy=measured(evaluation.accuracy),
        images_with_equal_scores=evaluation.n_equal,
        images_followed_slice_by_slice=evaluation.n_followed,
        followed=evaluation.followed,
        loss_by_layer={one.layer: measured(one.accuracy) for one in evaluation.by_layer},
    )


def applied_report(model: Model, plan: SharingPlan, output: Path) -> AppliedReport:
    return AppliedReport(
        **head(model),
        output=output.name,
        layers_with_changed_weights=tuple(changed_layers(model.network, plan)),
        changed_thresholds=tuple(sorted(plan.thresholds)),
        changed_offsets=tuple(sorted(plan.offsets)),
    )


def curve_report(outcome: Outcome, request: Request) -> CurveReport:
    tested = {one.multiplier: one for one in outcome.tested}
    points = tuple(
        CurvePoint(
            price=entry.multiplier,
            cost=entry.cost,
            loss=entry.accuracy.estimate,
            beaten=beaten,
            **_tested(tested.get(entry.multiplier)),
        )
        for entry, beaten in curve(outcome.found)
    )
    return CurveReport(
        **head(outcome.model),
        chosen_on=outcome.calibration,
        objective=outcome.objective,
        points=points,
        max_loss_points=request.max_loss_points,
        kept=outcome.found.multiplier,
        luts=luts_together(outcome.luts) if outcome.luts else None,
    )


def _tested(found: MeasuredPoint | None) -> dict[str, Any]:
    return {} if found is None else {"test": measured(found.accuracy), "luts": found.luts}


def measured(accuracy: Accuracy) -> MeasuredAccuracy:
    counts = {name: value for name, value in asdict(accuracy).items() if "weighed" not in name}
    return MeasuredAccuracy(
        **counts,
        before_percent=accuracy.before,
        after_percent=accuracy.after,
        loss_points=accuracy.loss_points,
        interval_95_points=accuracy.interval,
    )


def _asked(request: Request) -> RequestAsked:
    method = MethodAsked(**_taken(request.method, MethodAsked))
    minimise = request.method.objective.name
    return RequestAsked(**_taken(request, RequestAsked) | {"method": method, "minimise": minimise})


def _taken(value: Request | Method, kind: type) -> dict[str, Any]:
    """What a value says of the fields of a kind."""
    return {f.name: getattr(value, f.name) for f in fields(kind) if hasattr(value, f.name)}


def head(model: Model) -> dict[str, Any]:
    """What every report begins with."""
    return {
        "crshare": crshare.__version__,
        "model": model.path.name,
        "library": model.library,
        "fingerprint": model.weights_hash,
        "read_with": model.read_with,
    }


def origin(command: str) -> dict[str, Any]:
    """What a run that should give the same needs."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"command": command, "versions": versions}


def _together(counts: Sequence[LayerCounts]) -> dict[str, Any]:
    binary = [layer for layer in counts if not layer.integer_input]
    first = [layer for layer in counts if layer.integer_input]
    return {"binary_layers": Realisations.of(binary), "first_layer": Realisations.of(first)}


def _search(outcome: Outcome, asked: str) -> SearchReport:
    found = outcome.found
    tried = tuple(
        TriedPlan(
            price=entry.multiplier,
            cost=entry.cost,
            within=entry.within,
            verdict=verdict,
            loss=entry.accuracy.estimate,
        )
        for entry, verdict in verdicts(found)
    )
    solver = _solved(found.tally) if found.tally and found.tally.backends else None
    return SearchReport(
        price=found.multiplier,
        stopped=found.stopped,
        solver_replaced=replaced(found, asked),
        tried=tried,
        solver=solver,
        promise=outcome.promise,
    )


def _solved(tally: SolverTally) -> Solved:
    return Solved(
        problems=dict(sorted(tally.backends.items())),
        refusals=dict(sorted(tally.refusals.items())),
        proven_optimal=tally.n_optimal,
        cost=tally.cost,
        bound=tally.bound,
        gap=tally.gap,
        worst_gap=tally.worst_gap,
        operations_gap=tally.objective_gap,
    )
