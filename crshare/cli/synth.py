"""`crshare synth`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.shared import FILE, deliver, json_option, progress, refusing

if TYPE_CHECKING:
    from hwgen.synthesis import Area

TARGETS = ("xilinx", "ice40")


@click.command()
@click.argument("rtl", type=FILE)
@click.option("--against", type=FILE, help="A second folder, e.g. of --method separate.")
@click.option(
    "--target",
    "targets",
    type=click.Choice(TARGETS),
    multiple=True,
    default=("xilinx",),
    show_default=True,
    help="What to map to; repeatable.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=1),
    default=1800,
    show_default=True,
    metavar="SECONDS",
    help="For one run of yosys.",
)
@json_option
@refusing
def synth(
    rtl: Path,
    against: Path | None,
    targets: tuple[str, ...],
    time_limit: float,
    json_path: Path | None,
) -> None:
    """Map a folder that `generate` wrote with yosys: LUTs, carry cells and registers."""
    from crshare.hardware import generated
    from crshare.hardware_tables import area_table
    from hwgen.synthesis import synthesise

    folders = [folder for folder in (rtl, against) if folder is not None]
    designs = [(folder, *generated(folder)) for folder in folders]
    areas: list[tuple[str, str, Area]] = []
    with progress() as show:
        for number, target in enumerate(targets):
            for folder, top, sources in designs:
                show(f"yosys, {target}, {folder.name}", number / len(targets))
                area = synthesise(target, sources, top, time_limit)
                areas.append((target, str(folder), area))
    found = [{"target": target, "folder": folder, **asdict(area)} for target, folder, area in areas]
    deliver(json_path, json.dumps(found, indent=1) + "\n", area_table(areas))
