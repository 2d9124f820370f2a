"""`crshare synth`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crshare.cli.arguments import IN_FOLDER, STDOUT, ChoiceOf, number
from crshare.cli.shared import deliver, json_option, progress
from crshare.limits import SECONDS

if TYPE_CHECKING:
    from crshare.report.hardware import Mapped, PlacedFolder
    from hwgen.equivalence import Proof


@click.command()
@click.argument("rtl", type=IN_FOLDER)
@click.option(
    "--against",
    type=IN_FOLDER,
    multiple=True,
    help="Another folder beside it, e.g. of --method separate; repeatable.",
)
@click.option(
    "--target",
    "targets",
    type=ChoiceOf("hwgen.devices", "DEVICES"),
    multiple=True,
    default=("xilinx",),
    show_default=True,
    help="What to map to; repeatable.",
)
@click.option(
    "--time-limit",
    type=number(SECONDS),
    default=1800,
    show_default=True,
    metavar="SECONDS",
    help="For one run of a tool.",
)
@click.option("--by-layer", is_flag=True, help="Map each stage by itself.")
@click.option(
    "--prove",
    "wants_proof",
    is_flag=True,
    help="Prove by SAT that both folders, of --combinational, compute the same.",
)
@click.option(
    "--place",
    "wants_place",
    is_flag=True,
    help="Place and route as well, on ice40 and ecp5: cells and clock.",
)
@json_option
def synth(
    rtl: Path,
    against: tuple[Path, ...],
    targets: tuple[str, ...],
    time_limit: float,
    by_layer: bool,
    wants_proof: bool,
    wants_place: bool,
    json_path: Path | None,
) -> None:
    """Map a folder that `generate` wrote with yosys: LUTs, carry cells, registers and LUT levels.

    With --by-layer and --json FILE, of the designs PLAN --against EXACT --against UNSHARED,
    `report --luts FILE` shows where the LUTs go; the file grows with every stage that is mapped.

    --place goes on with nextpnr for each --target that is ice40 (an HX8K) or ecp5 (an LFE5U-85F):
    does it fit, and how fast is its clock?
    """
    from rich.console import Group

    from crshare.errors import HardwareError
    from crshare.files import is_replaced, write_text
    from crshare.hardware.folder import prove, read_folder
    from crshare.report.hardware import Mapped, PlacedFolder, area_table, placed_lines
    from crshare.screen import line
    from hwgen import TimeLimitError
    from hwgen.placement import place, placer_of
    from hwgen.synthesis import synthesise

    if wants_proof and len(against) != 1:
        raise HardwareError("--prove compares two folders; name the second with --against")
    placed_on = targets if wants_place else ()
    for target in placed_on:
        placer_of(target)
    designs = [read_folder(folder) for folder in (rtl, *against)]
    for design, target in product(designs, targets):
        design.must_suit(target)
    tasks = [
        (target, stage, design, sources)
        for target in targets
        for design in designs
        for stage, sources in (design.stages() if by_layer else {"all": design.sources}).items()
    ]
    found = list[Mapped]()
    with progress() as show:
        for number, (target, stage, design, sources) in enumerate(tasks):
            what = f"yosys, {target}, {design.path.name}, {stage} ({number + 1} of {len(tasks)})"
            show(what, number / len(tasks))
            try:
                area = synthesise(target, sources, time_limit)
            except TimeLimitError:
                area = None
            found.append(Mapped(target, stage, str(design.path), area, design.shares))
            if json_path not in (None, STDOUT) and is_replaced(json_path):
                write_text(json_path, _written(found))
        proof = None
        if wants_proof:
            show("proving that both are equal", 0.0)
            proof = prove(designs[0], designs[1], time_limit)
        placed = [
            PlacedFolder(
                **asdict(place(target, design.sources, time_limit)), folder=str(design.path)
            )
            for target in placed_on
            for design in designs
        ]
    said = [line(f"Both folders: {proof.value}.")] if proof is not None else []
    tables = Group(area_table(found), *placed_lines(placed), *said)
    deliver(json_path, _written(found, proof, placed), tables)


def _written(
    found: Sequence[Mapped], proof: Proof | None = None, placed: Sequence[PlacedFolder] = ()
) -> str:
    from crshare.report.hardware import SynthesisReport
    from crshare.typed_json import write_json

    said: Any = None if proof is None else proof.name.lower()
    return write_json(SynthesisReport(tuple(found), said, tuple(placed)))
