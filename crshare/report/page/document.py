"""What the page shows: a report as a value, and the files beside it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from crshare.errors import CrshareError
from crshare.files import read_file_bytes
from crshare.hardware.lowering import DESIGNS
from crshare.plan.cost import LayerCounts
from crshare.plan.file import PlannedLayer, load_plan_file
from crshare.plan.luts import LayerLuts
from crshare.report.rates import Rates
from crshare.report.schema import AnalysisReport, CurveReport, PlanReport, SearchReport
from crshare.report.slice_statistics import LayerStatistics
from crshare.strict_json import JsonError
from crshare.typed_json import Amount, Count, read_json

T = TypeVar("T")

MAX_BYTES = 2**28
GIVE = "give a folder that `crshare optimize` wrote"
SYNTHESISE = (
    "make it with `crshare synth PLAN --against EXACT --against UNSHARED --by-layer --json FILE`"
)
# Stood in earlier reports, mostly as Infinity, which is no JSON; no plan depends on it.
EARLIER = re.compile(rb',\s*"plan_s":\s*(Infinity|[0-9.e+-]+)')


@dataclass(frozen=True, slots=True)
class MappedLuts:
    sites: Count


@dataclass(frozen=True, slots=True)
class MappedStage:
    """A stage of a design; no area where mapping it took too long."""

    target: str
    layer: str
    area: MappedLuts | None
    design: str | None = None


@dataclass(frozen=True, slots=True)
class Synthesised:
    """Of what `crshare synth --json` writes, what the page shows."""

    areas: tuple[MappedStage, ...]


@dataclass(frozen=True, slots=True)
class ChosenLayer:
    """What is chosen for a layer, and what that takes."""

    architecture: str
    clocks: Count
    luts: Count
    block_rams_18k: Count
    dsps: Count = 0


@dataclass(frozen=True, slots=True)
class Estimated:
    """Of what `crshare generate --curve --json` writes, what the page shows. layers, clocks: of the
    choice, where a rate or device was asked for."""

    rates: Rates
    layers: dict[str, ChosenLayer] = field(default_factory=dict)
    clocks: Count = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that one stage of a run took."""

    stage: str
    seconds: Amount


@dataclass(frozen=True, eq=False)
class Document:
    """All that the page shows.

    luts: of all stages as synthesised, where they were. rates: LUTs against clocks, where they
    were counted. chosen: with them, what each layer is at one of the rates. spent: empty where
    no times were kept. opened: the layer whose sharing groups the reader asked for. planned,
    curve: the layers as plan.json has them, and pareto.json, where these stand beside the
    report. portraits: those of the report, or with the channel that was asked for.
    """

    report: PlanReport | AnalysisReport
    layers: tuple[LayerCounts, ...]
    portraits: tuple[LayerStatistics, ...]
    luts: tuple[LayerLuts, ...] = ()
    spent: tuple[Spent, ...] = ()
    rates: Rates | None = None
    chosen: Mapping[str, ChosenLayer] = field(default_factory=dict)
    chosen_clocks: int = 0
    opened: str | None = None
    planned: tuple[PlannedLayer, ...] = ()
    curve: CurveReport | None = None

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
        report = read_json(EARLIER.sub(b"", content), PlanReport)
    except JsonError as error:
        raise CrshareError(
            f"{path}: is no report of this version of crshare ({error}); make it anew with "
            "`crshare optimize`"
        ) from error
    document = document_of(report, _read_times(times) if times.exists() else ())
    if (folder / "pareto.json").exists():
        document = _with_curve(document, folder / "pareto.json")
    plan = folder / "plan.json"
    return with_planned(document, plan) if plan.exists() else document


def _with_curve(document: Document, path: Path) -> Document:
    """With the curve of the same search; CrshareError where it is that of another model."""
    advice = "remove it, or make it anew with `crshare optimize --pareto`"
    curve = _written_by("optimize --pareto", path, CurveReport, advice)
    if curve.fingerprint != document.report.fingerprint:
        raise CrshareError(f"{path}: has the curve of another model; {advice}")
    return replace(document, curve=curve)


def with_planned(document: Document, path: Path) -> Document:
    """With the layers of the plan; CrshareError where it is that of another model."""
    file = load_plan_file(path)
    if file.model.fingerprint != document.report.fingerprint:
        raise CrshareError(f"{path}: is no plan of the model that the report is of; {GIVE}")
    return replace(document, planned=file.layers)


def _read_times(path: Path) -> tuple[Spent, ...]:
    try:
        return read_json(read_file_bytes(path, CrshareError, GIVE, MAX_BYTES), tuple[Spent, ...])
    except JsonError as error:
        raise CrshareError(
            f"{path}: holds no times of a run ({error}); remove it, or make it anew with "
            "`crshare optimize`"
        ) from error


def with_luts(document: Document, path: Path) -> Document:
    """With the LUTs of `crshare synth PLAN --against EXACT --against UNSHARED --by-layer --json
    FILE`, of all stages that are mapped in the three designs."""
    areas = _written_by("synth --json", path, Synthesised, SYNTHESISE).areas
    found: dict[str, dict[str, int]] = {}
    for one in areas:
        if one.target == "xilinx" and one.area is not None and one.design in DESIGNS:
            found.setdefault(one.layer, {})[one.design] = one.area.sites
    luts = tuple(
        LayerLuts(stage, *(by_design[name] for name in DESIGNS))
        for stage, by_design in found.items()
        if len(by_design) == len(DESIGNS)
    )
    if not {one.layer for one in luts} & {layer.layer for layer in document.layers}:
        raise CrshareError(
            f"{path}: has no LUTs of this network's layers in three designs, unshared, exact and "
            f"of the plan; {SYNTHESISE}"
        )
    return replace(document, luts=luts)


def with_rates(document: Document, path: Path) -> Document:
    """With the curves of `crshare generate MODEL --plan PLAN --curve PICTURE --json FILE`."""
    advice = "make it with `crshare generate MODEL --plan PLAN --curve PICTURE --json FILE`"
    found = _written_by("generate --curve --json", path, Estimated, advice)
    if found.rates.fingerprint != document.report.fingerprint:
        raise CrshareError(f"{path}: has the curves of another model; {advice}")
    return replace(document, rates=found.rates, chosen=found.layers, chosen_clocks=found.clocks)


def _written_by(command: str, path: Path, kind: type[T], advice: str) -> T:
    """What a command wrote to a file; other keys beside those of the value are passed over."""
    try:
        return read_json(read_file_bytes(path, CrshareError, advice, MAX_BYTES), kind, whole=False)
    except JsonError as error:
        raise CrshareError(
            f"{path}: cannot be read as what `crshare {command}` writes ({error}); {advice}"
        ) from error
