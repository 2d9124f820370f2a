"""A report's JSON as values: what the page draws, checked where it is read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crshare.accuracy import Accuracy, Estimate
from crshare.errors import CrshareError
from crshare.plan.cost import LayerCounts, Totals
from crshare.plan.plan import OriginCounts
from crshare.report.slice_statistics import (
    ChannelPortrait,
    LayerPortrait,
    Pattern,
    ThresholdPortrait,
    Use,
)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Luts:
    """LUT6 of one layer as synthesised, unshared and shared."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class TriedPlan:
    """A plan that the search measured on the choosing images."""

    price: float
    slice_operations: int
    within: bool
    verdict: str
    loss: Estimate


@dataclass(frozen=True, slots=True)
class Solved:
    """Who solved the plan's problems, and how well. refusals: each reason with its number."""

    problems: Mapping[str, int]
    refusals: Mapping[str, int]
    n_optimal: int
    gap: float
    worst_gap: float
    operations_gap: float


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that one stage of a run took."""

    stage: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Document:
    """All that the page shows.

    accuracy, max_loss_points, seed: None where nothing was measured or asked. luts: by layer, only
    those that were synthesised. spent: empty where no times were kept. opened: the layer whose
    sharing groups the reader asked for.
    """

    version: str
    model: str
    library: str
    fingerprint: str
    command: str
    versions: Mapping[str, str]
    lossless: bool
    layers: tuple[LayerCounts, ...]
    portraits: tuple[LayerPortrait, ...]
    thresholds: tuple[ThresholdPortrait, ...]
    luts: Mapping[str, Luts]
    tried: tuple[TriedPlan, ...] = ()
    solved: Solved | None = None
    chosen_on: str | None = None
    stopped: str = "finished"
    accuracy: Accuracy | None = None
    n_equal: int | None = None
    max_loss_points: float | None = None
    seed: int | None = None
    is_plan: bool = True
    spent: tuple[Spent, ...] = ()
    opened: str | None = None

    def portrait(self, layer: str) -> LayerPortrait:
        return next(portrait for portrait in self.portraits if portrait.layer == layer)


def read_document(folder: Path) -> Document:
    """What `crshare optimize` wrote into a folder; CrshareError where it is not that."""
    path, times = folder / "report.json", folder / "times.json"
    try:
        text = path.read_text("utf-8")
        spent = times.read_text("utf-8") if times.is_file() else "[]"
    except FileNotFoundError:
        raise CrshareError(
            f"{path}: no such file; give a folder that `crshare optimize` wrote"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CrshareError(f"{path}: cannot be read ({error})") from error
    return parse(text, spent, str(path))


def parse(text: str, times: str = "[]", where: str = "the report") -> Document:
    """A report's text, and the times of its run."""
    try:
        return _document(json.loads(text), json.loads(times))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise CrshareError(
            f"{where}: is no report of this version of crshare ({what}); make it anew with "
            "`crshare optimize`"
        ) from error


def with_luts(document: Document, path: Path) -> Document:
    """With the LUTs of `crshare synth RTL --against UNSHARED --by-layer --json FILE`."""
    try:
        areas = json.loads(path.read_text("utf-8"))["areas"]
        luts = dict[str, list[int]]()
        for one in areas:
            if one["target"] == "xilinx" and one["area"] is not None:
                luts.setdefault(one["layer"], []).append(int(one["area"]["luts"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CrshareError(
            f"{path}: cannot be read as what `crshare synth --json` writes ({error})"
        ) from error
    names = {layer.layer for layer in document.layers}
    pairs = {name: Luts(two[1], two[0]) for name, two in luts.items() if len(two) == 2}
    if not pairs or not pairs.keys() <= names:
        raise CrshareError(
            f"{path}: has no LUTs of this network's layers in two designs; make it with "
            "`crshare synth RTL --against UNSHARED --by-layer --json FILE`"
        )
    return replace(document, luts=pairs)


def _document(report: Json, times: list[Json]) -> Document:
    request = report.get("request") or {}
    search = report.get("search") or {}
    layers = report["layers"]
    return Document(
        version=report["crshare"],
        model=report["model"],
        library=report["library"],
        fingerprint=report["fingerprint"],
        command=report["command"],
        versions=report["versions"],
        lossless=report["lossless"],
        layers=tuple(_counts(layer.get("counts", layer)) for layer in layers),
        portraits=tuple(_portrait(item) for item in report["portraits"]),
        thresholds=tuple(_threshold(item) for item in report["thresholds"]),
        luts={},
        tried=tuple(_tried(entry) for entry in search.get("tried", ())),
        solved=_solved(search.get("solver")),
        chosen_on=report.get("chosen_on"),
        stopped=search.get("stopped", "finished"),
        accuracy=_accuracy(report.get("accuracy")),
        n_equal=report.get("images_with_equal_scores"),
        max_loss_points=request.get("max_loss_points"),
        seed=request.get("method", {}).get("seed"),
        is_plan="search" in report,
        spent=tuple(Spent(item["stage"], item["seconds"]) for item in times),
    )


def _counts(item: Json) -> LayerCounts:
    return LayerCounts(
        layer=item["layer"],
        integer_input=item["integer_input"],
        is_dense=item["is_dense"],
        n_slices=item["n_slices"],
        origins=OriginCounts(**item["origins"]),
        before=Totals(**item["before"]),
        after=Totals(**item["after"]),
        graph=Totals(**item["graph"]),
    )


def _portrait(item: Json) -> LayerPortrait:
    patterns = tuple(Pattern(**pattern) for pattern in item["patterns"])
    height, width = item["shape"]
    return LayerPortrait(
        **{
            **item,
            "shape": (height, width),
            "patterns": patterns,
            "nearest": tuple(item["nearest"]),
            "taken": tuple(item["taken"]),
            "channel": _channel(item["channel"]),
        }
    )


def _channel(item: Json) -> ChannelPortrait:
    uses = tuple(Use(**use) for use in item["uses"])
    return ChannelPortrait(item["channel"], tuple(item["representatives"]), uses)


def _threshold(item: Json) -> ThresholdPortrait:
    return ThresholdPortrait(
        **{**item, "before": tuple(item["before"]), "after": tuple(item["after"])}
    )


def _tried(entry: Json) -> TriedPlan:
    low, high = entry["loss"]["interval_points"]
    loss = Estimate(**{**entry["loss"], "interval_points": (low, high)})
    return TriedPlan(
        entry["price"],
        entry["slice_operations"],
        entry["within"],
        entry["verdict"],
        loss,
    )


def _accuracy(item: Json | None) -> Accuracy | None:
    names = ("n_images", "n_right_before", "n_right_after", "lost", "won", "images")
    return Accuracy(**{name: item[name] for name in names}) if item else None


def _solved(item: Json | None) -> Solved | None:
    if item is None:
        return None
    return Solved(
        problems=item["problems"],
        refusals=item["refusals"],
        n_optimal=item["proven_optimal"],
        gap=item["gap"],
        worst_gap=item["worst_gap"],
        operations_gap=item["operations_gap"],
    )
