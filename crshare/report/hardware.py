"""Generated hardware as tables for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.text import Text

from crshare.hardware.around import around_part, queue_cost
from crshare.hardware.lowering import Lowered
from crshare.hardware.parts import between
from crshare.hardware.rtl import tallies
from crshare.hardware.shown import AROUND
from crshare.hardware.timing import latency
from crshare.report.responsive_table import Fitting, table_of
from crshare.screen import line
from hwgen import Decide, Gather, Pool, Queue, Tally
from hwgen.placement import Placed
from hwgen.synthesis import Area

SUMS_ALONE = "These LUTs are of sums alone; those below, of windows, memories and control as well."


def hardware_table(lowered: Lowered) -> Fitting:
    """Each layer's datapath: what was estimated of its graph, and the cells that are emitted."""
    table = table_of(f"Datapaths of {lowered.design.name}", "Layer")
    for name in (
        *("LUT6\n(est.)", "Full\nadders", "Addi-\ntions", "Depth"),
        *("Pop-\ncounts", "Adders", "Thres-\nholds"),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    cells = tallies(lowered)
    for layer in lowered.layers:
        figures = (layer.lut6, layer.full_adders, layer.additions, layer.depth)
        table.add_row(layer.layer, *(f"{n:,}" for n in figures), *_cells(cells[layer.layer]))
    around = _luts_around(lowered)
    if around:
        table.add_row(AROUND, f"{around:,}", *[""] * 6)
    if len(lowered.layers) > 1 or around:
        whole = sum((cells[layer.layer] for layer in lowered.layers), Tally())
        sums = (
            sum(layer.lut6 for layer in lowered.layers) + around,
            sum(layer.full_adders for layer in lowered.layers),
            sum(layer.additions for layer in lowered.layers),
        )
        table.add_row("all", *(f"{n:,}" for n in sums), "", *_cells(whole))
    return Fitting(table)


def _luts_around(lowered: Lowered) -> int:
    """Of the stages without weights, by estimate."""
    stages = lowered.design.stages
    queues = sum(queue_cost(stage).luts for stage in stages if isinstance(stage, Queue))
    if not any(isinstance(stage, Pool | Gather | Decide) for stage in stages):
        return queues
    part = between(lowered.network, lowered.start, lowered.end)
    return queues + around_part(part).resources.luts


def clocks_table(lowered: Lowered) -> Fitting:
    """Each layer's architecture, and its clocks from one image to the next."""
    table = table_of(f"Clocks of {lowered.design.name}", "Layer", "Architecture")
    multiplied = any(layer.dsps for layer in lowered.layers)
    names = "Clocks a\nwindow", "Clocks an\nimage", "Block\nRAMs", "DSPs"
    for name in names if multiplied else names[:-1]:
        table.add_column(name, justify="right", no_wrap=True)
    for layer in lowered.layers:
        figures = (layer.phases, layer.clocks, layer.block_rams, layer.dsps)[: 3 + multiplied]
        table.add_row(layer.layer, layer.architecture, *(f"{n:,}" for n in figures))
    return Fitting(table)


def slowest_line(lowered: Lowered, megahertz: float) -> Text:
    """The layer, or the input, that all others wait for, and how many images it lets through."""
    slowest = max(lowered.layers, key=lambda layer: layer.clocks)
    clocks, waited = slowest.clocks, f"{slowest.layer} is the slowest layer"
    if lowered.design.beats_in > clocks:
        clocks, waited = lowered.design.beats_in, "The input takes longest"
    every = "an image every clock" if clocks == 1 else f"an image every {clocks:,} clocks"
    images = megahertz * 1e6 / clocks
    return line(f"{waited}: {every}, {images:,.0f} a second at {megahertz:g} MHz.")


def latency_line(lowered: Lowered, megahertz: float) -> Text:
    """How long an image is under way."""
    clocks = latency(lowered.design)
    return line(
        f"An image is {clocks:,} clocks under way: {clocks / megahertz:,.1f} us at "
        f"{megahertz:g} MHz."
    )


def _cells(found: Tally) -> list[str]:
    return [f"{n:,}" for n in (found.popcounts, found.adders, found.comparisons)]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A folder's design, or one stage of it (`layer`), mapped to a target; no area: it took too
    long. design: what it shares, nothing (unshared), what is exact, or what a plan says."""

    target: str
    layer: str
    folder: str
    area: Area | None
    design: str | None = None


@dataclass(frozen=True, slots=True)
class PlacedFolder(Placed):
    """A folder's design on the device of a target."""

    folder: str


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """What `crshare synth --json` writes. proof: whether two datapaths are equal, if asked."""

    areas: tuple[Mapped, ...]
    proof: Literal["equal", "different", "open"] | None
    placed: tuple[PlacedFolder, ...]


def area_table(found: Sequence[Mapped]) -> Fitting:
    """Cells after mapping; where several designs stand together, the first over each other."""
    table = table_of("Cells after mapping with yosys", "Target", "Stage", "Folder")
    for name in ("LUT\nsites", "LUT\ncells", "Carry\ncells", "Regis-\nters", "LUT\nlevels"):
        table.add_column(name, justify="right", no_wrap=True)
    folders = list(dict.fromkeys(one.folder for one in found))
    names = [Path(folder).name for folder in folders]
    named = dict(zip(folders, names if len(set(names)) == len(names) else folders, strict=True))
    for one in found:
        table.add_row(one.target, one.layer, named[one.folder], *_figures(one.area))
    for target, stage in dict.fromkeys((one.target, one.layer) for one in found):
        first, *others = (one for one in found if (one.target, one.layer) == (target, stage))
        for other in others:
            if first.area and other.area and other.area.sites:
                ratio = f"{first.area.sites / other.area.sites:.3f}"
                name = f"first over {named[other.folder]}"
                table.add_row(target, stage, name, ratio, "", "", "", "")
    return Fitting(table, n_keys=3)


def _figures(area: Area | None) -> list[str]:
    if area is None:
        return ["too long", "", "", "", ""]
    figures = (area.sites, area.luts, area.carries, area.registers, area.levels)
    return [f"{n:,}" for n in figures]


def placed_lines(placed: Sequence[PlacedFolder]) -> list[Text]:
    """Where each folder's design was placed, and its highest clock."""
    return [
        line(
            f"{one.folder}: placed on {one.target}, {one.device.upper()}, {one.logic_cells:,} of "
            f"{one.of_cells:,} logic cells, up to {one.megahertz:g} MHz."
        )
        for one in placed
    ]
