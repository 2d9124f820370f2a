"""Generated hardware as tables for a terminal."""

from collections.abc import Sequence

from rich.text import Text

from crshare.fitting import Fitting, table_of
from crshare.hardware import tallies
from crshare.lower import Lowered
from hwgen import Tally
from hwgen.placement import Placed
from hwgen.synthesis import Area


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
    if len(lowered.layers) > 1:
        whole = sum((cells[layer.layer] for layer in lowered.layers), Tally())
        sums = (
            sum(layer.lut6 for layer in lowered.layers),
            sum(layer.full_adders for layer in lowered.layers),
            sum(layer.additions for layer in lowered.layers),
        )
        table.add_row("all", *(f"{n:,}" for n in sums), "", *_cells(whole))
    return Fitting(table)


def _cells(found: Tally) -> list[str]:
    return [f"{n:,}" for n in (found.popcounts, found.adders, found.comparisons)]


def area_table(areas: Sequence[tuple[str, str, Area]]) -> Fitting:
    """Cells after mapping; where two designs stand together, the first over the second."""
    table = table_of("Cells after mapping with yosys", "Target", "Folder")
    for name in ("LUTs", "Carry cells", "Registers"):
        table.add_column(name, justify="right")
    for target, folder, area in areas:
        table.add_row(
            target, folder, *(f"{n:,}" for n in (area.luts, area.carries, area.registers))
        )
    for target in dict.fromkeys(target for target, _, _ in areas):
        pair = [area for found, _, area in areas if found == target]
        if len(pair) == 2 and pair[1].luts:
            table.add_row(target, "first over second", f"{pair[0].luts / pair[1].luts:.3f}", "", "")
    return Fitting(table, n_keys=2)


def placed_lines(placed: Sequence[tuple[str, Placed]]) -> list[Text]:
    """Where each folder's design was placed, and its highest clock."""
    return [
        Text(
            f"{folder}: placed on an iCE40 {one.device.upper()}, {one.logic_cells:,} of "
            f"{one.of_cells:,} logic cells, up to {one.megahertz:g} MHz."
        )
        for folder, one in placed
    ]
