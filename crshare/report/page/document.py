"""What the page shows: a report as a value, and the files beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crshare.errors import CrshareError
from crshare.files import read_file_bytes
from crshare.plan.cost import LayerCounts
from crshare.report.schema import AnalysisReport, PlanReport, SearchReport
from crshare.report.slice_statistics import LayerStatistics
from crshare.strict_json import JsonError
from crshare.typed_json import Amount, Count, read_json

MAX_BYTES = 2**28
GIVE = "give a folder that `crshare optimize` wrote"
# Stood in earlier reports, mostly as Infinity, which is no JSON; no plan depends on it.
EARLIER = re.compile(rb',\s*"plan_s":\s*(Infinity|[0-9.e+-]+)')


@dataclass(frozen=True, slots=True)
class Luts:
    """LUT6 of one layer as synthesised, unshared and shared."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class MappedLuts:
    luts: Count


@dataclass(frozen=True, slots=True)
class MappedLayer:
    """A layer of one design; no area where mapping it took too long."""

    target: str
    layer: str
    area: MappedLuts | None


@dataclass(frozen=True, slots=True)
class Synthesised:
    """Of what `crshare synth --json` writes, what the page shows."""

    areas: tuple[MappedLayer, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that one stage of a run took."""

    stage: str
    seconds: Amount


@dataclass(frozen=True, eq=False)
class Document:
    """All that the page shows.

    luts: by layer, only those that were synthesised. spent: empty where no times were kept. opened:
    the layer whose sharing groups the reader asked for. portraits: those of the report, or with the
    channel that was asked for.
    """

    report: PlanReport | AnalysisReport
    layers: tuple[LayerCounts, ...]
    portraits: tuple[LayerStatistics, ...]
    luts: Mapping[str, Luts] = field(default_factory=dict)
    spent: tuple[Spent, ...] = ()
    opened: str | None = None

    @property
    def plan(self) -> PlanReport | None:
        """The report, where it is that of a plan."""
        return self.report if isinstance(self.report, PlanReport) else None

    @property
    def search(self) -> SearchReport | None:
        return self.plan.search if self.plan else None

    @property
    def changes(self) -> bool:
        """Whether the plan changes a weight or a threshold."""
        return self.plan is not None and not self.report.lossless

    def statistics(self, layer: str) -> LayerStatistics:
        return next(statistics for statistics in self.portraits if statistics.layer == layer)


def document_of(report: PlanReport | AnalysisReport, spent: tuple[Spent, ...] = ()) -> Document:
    if isinstance(report, PlanReport):
        return Document(report, report.layers, report.portraits, spent=spent)
    return Document(report, tuple(layer.counts for layer in report.layers), report.portraits)


def read_document(folder: Path) -> Document:
    """What `crshare optimize` wrote into a folder; CrshareError where it is not that."""
    path, times = folder / "report.json", folder / "times.json"
    content = read_file_bytes(path, CrshareError, GIVE, MAX_BYTES)
    try:
        report = read_json(EARLIER.sub(b"", content), PlanReport, upgraded=upgraded)
    except JsonError as error:
        raise CrshareError(
            f"{path}: is no report of this version of crshare ({error}); make it anew with "
            "`crshare optimize`"
        ) from error
    return document_of(report, _read_times(times) if times.exists() else ())


def upgraded(report: Any) -> Any:
    """A report of the time when slice operations were the only objective, as one of today."""
    try:
        if "objective" in report:
            return report
        tried = [
            {("cost" if key == "slice_operations" else key): value for key, value in entry.items()}
            for entry in report["search"]["tried"]
        ]
        objective = {
            "name": "slice_operations",
            "unit": "slice operations",
            "unshared": sum(layer["before"]["slice_operations"] for layer in report["layers"]),
            "exact": sum(layer["exact_slice_operations"] for layer in report["portraits"]),
            "planned": sum(layer["after"]["slice_operations"] for layer in report["layers"]),
        }
    except (AttributeError, KeyError, TypeError):
        return report  # no report of any time, which its types will say
    return report | {"objective": objective, "search": report["search"] | {"tried": tried}}


def _read_times(path: Path) -> tuple[Spent, ...]:
    try:
        return read_json(read_file_bytes(path, CrshareError, GIVE, MAX_BYTES), tuple[Spent, ...])
    except JsonError as error:
        raise CrshareError(
            f"{path}: holds no times of a run ({error}); remove it, or make it anew with "
            "`crshare optimize`"
        ) from error


def with_luts(document: Document, path: Path) -> Document:
    """With the LUTs of `crshare synth RTL --against UNSHARED --by-layer --json FILE`."""
    advice = "make it with `crshare synth RTL --against UNSHARED --by-layer --json FILE`"
    try:
        content = read_file_bytes(path, CrshareError, advice, MAX_BYTES)
        areas = read_json(content, Synthesised, whole=False).areas
    except JsonError as error:
        raise CrshareError(
            f"{path}: cannot be read as what `crshare synth --json` writes ({error}); {advice}"
        ) from error
    luts: dict[str, list[int]] = {}
    for one in areas:
        if one.target == "xilinx" and one.area is not None:
            luts.setdefault(one.layer, []).append(one.area.luts)
    pairs = {name: Luts(two[1], two[0]) for name, two in luts.items() if len(two) == 2}
    if not pairs or not pairs.keys() <= {layer.layer for layer in document.layers}:
        raise CrshareError(f"{path}: has no LUTs of this network's layers in two designs; {advice}")
    return replace(document, luts=pairs)
