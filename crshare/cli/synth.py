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
@click.option(
    "--prove",
    "wants_proof",
    is_flag=True,
    help="Prove by SAT that both folders, of --combinational, compute the same.",
)
@click.option("--place", "wants_place", is_flag=True, help="Place on an iCE40: cells and clock.")
@json_option
@refusing
def synth(
    rtl: Path,
    against: Path | None,
    targets: tuple[str, ...],
    time_limit: float,
    wants_proof: bool,
    wants_place: bool,
    json_path: Path | None,
) -> None:
    """Map a folder that `generate` wrote with yosys: LUTs, carry cells and registers.

    --place goes on with nextpnr-ice40: does it fit an HX8K, and how fast is its clock?
    """
    from rich.console import Group
    from rich.text import Text

    from crshare.errors import HardwareError
    from crshare.hardware import generated, prove
    from crshare.hardware_tables import area_table, placed_lines
    from hwgen.placement import place
    from hwgen.synthesis import synthesise

    if wants_proof and against is None:
        raise HardwareError("--prove compares two folders; name the second with --against")
    folders = [folder for folder in (rtl, against) if folder is not None]
    designs = [(folder, *generated(folder)) for folder in folders]
    areas: list[tuple[str, str, Area]] = []
    with progress() as show:
        for number, target in enumerate(targets):
            for folder, top, sources in designs:
                show(f"yosys, {target}, {folder.name}", number / len(targets))
                area = synthesise(target, sources, top, time_limit)
                areas.append((target, str(folder), area))
        proof = None
        if wants_proof and against is not None:
            show("proving that both are equal", 0.0)
            proof = prove(rtl, against, time_limit)
        placed = [
            (str(folder), place(sources, top, time_limit))
            for folder, top, sources in (designs if wants_place else [])
        ]
    found = {
        "areas": [{"target": t, "folder": folder, **asdict(area)} for t, folder, area in areas],
        "proof": None if proof is None else proof.name.lower(),
        "placed": [{"folder": folder, **asdict(result)} for folder, result in placed],
    }
    said = [Text(f"Both folders: {proof.value}.")] if proof is not None else []
    tables = Group(area_table(areas), *placed_lines(placed), *said)
    deliver(json_path, json.dumps(found, indent=1) + "\n", tables)
