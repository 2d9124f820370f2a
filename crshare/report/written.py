"""Results as JSON: every figure in full, named as in DESIGN 3."""

import json
import platform
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import crshare
from crshare.accuracy import Accuracy
from crshare.evaluation.outcome import Analysis, Evaluation, Outcome, Request
from crshare.model.read import Model
from crshare.plan.cost import LayerCounts
from crshare.plan.plan import SharingPlan, changed_layers
from crshare.planning.layerwise import exact_plan
from crshare.planning.search import Found, curve, verdicts
from crshare.report.slice_statistics import portray, portray_thresholds
from crshare.report.terminal import totals

Json = dict[str, Any]

PACKAGES = ("numpy", "numba", "highspy", "pulp", "gurobipy")  # those that may change a figure


def analysis_json(analysis: Analysis, command: str = "") -> str:
    """`command`: the command line, as a report repeats it."""
    layers = []
    for layer in analysis.layers:
        entry = asdict(layer)
        entry["nearest"] = {str(d): n for d, n in enumerate(layer.nearest) if n}
        entry["share_up_to_inverse"] = layer.n_up_to_inverse / layer.counts.n_slices
        layers.append(entry)
    counts = [layer.counts for layer in analysis.layers]
    plan = exact_plan(analysis.model.network, analysis.model.weights_hash)
    return _text(
        {
            **_head(analysis.model),
            **_origin(command),
            "lossless": True,
            "layers": layers,
            **_totals(counts),
            **_looks(analysis.model, plan),
        }
    )


def outcome_json(outcome: Outcome, request: Request, command: str = "") -> str:
    """`command`: the command line, as a report repeats it."""
    return _text(
        {
            **_head(outcome.model),
            **_origin(command),
            "request": _request(request),
            "lossless": outcome.exact,
            "layers": [asdict(layer) for layer in outcome.counts],
            **_totals(outcome.counts),
            "chosen_on": outcome.choosing,
            "search": _search(outcome.found),
            "accuracy": accuracy_json(outcome.accuracy),
            "images_with_equal_scores": outcome.n_equal,
            **_looks(outcome.model, outcome.found.plan),
        }
    )


def evaluation_json(evaluation: Evaluation) -> str:
    return _text(
        {
            **_head(evaluation.model),
            "lossless": evaluation.exact,
            "layers": [asdict(layer) for layer in evaluation.counts],
            **_totals(evaluation.counts),
            "accuracy": accuracy_json(evaluation.accuracy),
            "images_with_equal_scores": evaluation.n_equal,
            "images_followed_slice_by_slice": evaluation.n_followed,
            "followed": {name: asdict(layer) for name, layer in evaluation.followed.items()},
        }
    )


def applied_json(model: Model, plan: SharingPlan, output: Path) -> str:
    """What `crshare apply` wrote: the file, and which layers the plan changes in it."""
    return _text(
        {
            **_head(model),
            "output": output.name,
            "layers_with_changed_weights": changed_layers(model.network, plan),
            "changed_thresholds": sorted(plan.thresholds),
        }
    )


def curve_json(outcome: Outcome) -> str:
    """Loss against slice operations for every price tried, by rising price."""
    before = sum(layer.before.slice_operations for layer in outcome.counts)
    points = curve(outcome.found)
    return _text(
        {
            **_head(outcome.model),
            "chosen_on": outcome.choosing,
            "slice_operations_before": before,
            "points": [
                {
                    "price": entry.price,
                    "slice_operations": entry.slice_operations,
                    "loss": asdict(entry.accuracy.estimate),
                    "beaten": beaten,
                }
                for entry, beaten in points
            ],
        }
    )


def _request(request: Request) -> Json:
    """Without what changes nothing: workers, and the folder of steps."""
    return {k: v for k, v in asdict(request).items() if k not in ("workers", "steps")}


def accuracy_json(accuracy: Accuracy | None) -> Json | None:
    if accuracy is None:
        return None
    return {
        **asdict(accuracy),
        "before_percent": accuracy.before,
        "after_percent": accuracy.after,
        "loss_points": accuracy.loss_points,
        "interval_95_points": list(accuracy.interval),
    }


def _head(model: Model) -> Json:
    return {
        "crshare": crshare.__version__,
        "model": model.path.name,
        "library": model.library,
        "fingerprint": model.weights_hash,
    }


def _origin(command: str) -> Json:
    """What a run that should give the same needs: the command line and the versions."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"command": command, "versions": versions}


def _looks(model: Model, plan: SharingPlan) -> Json:
    return {
        "portraits": [asdict(layer) for layer in portray(model.network, plan)],
        "thresholds": [asdict(layer) for layer in portray_thresholds(model.network, plan)],
    }


def _totals(counts: list[LayerCounts] | tuple[LayerCounts, ...]) -> Json:
    parts = {
        "binary_layers": [layer for layer in counts if not layer.integer_input],
        "first_layer": [layer for layer in counts if layer.integer_input],
    }
    names = ("before", "after", "graph")
    return {
        key: dict(zip(names, map(asdict, totals(part)), strict=True)) for key, part in parts.items()
    }


def _search(found: Found) -> Json:
    tally = found.tally
    return {
        "price": found.price,
        "stopped": found.stopped,
        "tried": [
            {
                "price": entry.price,
                "slice_operations": entry.slice_operations,
                "within": entry.within,
                "verdict": verdict,
                "loss": asdict(entry.accuracy.estimate),
            }
            for entry, verdict in verdicts(found)
        ],
        "solver": None
        if tally is None
        else {
            "problems": dict(sorted(tally.backends.items())),
            "refusals": dict(sorted(tally.refusals.items())),
            "proven_optimal": tally.n_optimal,
            "cost": tally.cost,
            "bound": tally.bound,
            "gap": tally.gap,
            "worst_gap": tally.worst_gap,
            "operations_gap": tally.operations_gap,
        },
    }


def _text(document: Json) -> str:
    return json.dumps(document, indent=1) + "\n"
