"""`crshare export`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.arguments import IMAGES, IN_FILE, MODEL, OUT_FILE, number
from crshare.cli.shared import deliver, is_given, json_option, model_options, source_of
from crshare.limits import FACTOR_BITS

if TYPE_CHECKING:
    from crshare.evaluation.fixed_point import Fixed
    from crshare.network.graph import Network
    from crshare.report.command_schemas import NetworkWritten

FIXED_ONLY = ("factor_bits", "data")


@click.command()
@click.argument("model", type=MODEL)
@click.option("--plan", type=IN_FILE, help="A plan.json: its weights and thresholds are written.")
@click.option(
    "--fixed-point",
    metavar="BITS",
    help="Round real values, and write the network in fixed point: INTEGER.FRACTION bits such as "
    "4.4, or all bits such as 8, where images of --data say where the points stand.",
)
@click.option(
    "--factor-bits",
    type=number(FACTOR_BITS),
    default=8,
    show_default=True,
    help="With --fixed-point: of factors and real-valued weights, sign included.",
)
@click.option(
    "--data",
    type=IN_FILE,
    help=f"With --fixed-point, images to measure on: {IMAGES}",
)
@click.option("-o", "--output", type=OUT_FILE, required=True, help="The .npz to write.")
@json_option
@model_options
def export(
    model: Path,
    plan: Path | None,
    fixed_point: str | None,
    factor_bits: int,
    data: Path | None,
    output: Path,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write what was read of MODEL as signs, shapes and thresholds: numpy's .npz.

    Every command reads that file as it reads MODEL, without --rescale and --sign-layer.
    """
    from rich.console import Group

    from crshare.errors import ArgumentError
    from crshare.frontend.lut_container import write_lut_network
    from crshare.plan.file import read_plan
    from crshare.plan.plan import planned_network
    from crshare.report.command_schemas import NetworkWritten
    from crshare.report.written import measured
    from crshare.screen import line
    from crshare.typed_json import write_json

    if output.suffix != ".npz":
        raise ArgumentError(f"{output}: a network is written as .npz; name such a file")
    _refuse_alone(fixed_point)
    loaded = source_of(model, sign_layers, rescale).read()
    network, fixed = loaded.network, None
    if plan is not None:
        network = planned_network(network, read_plan(plan, network, loaded.weights_hash))
    if fixed_point is not None:
        fixed = _in_fixed_point(model, network, fixed_point, data, factor_bits)
        network = fixed.network
    write_lut_network(network, output, loaded.library)
    facts = NetworkWritten(
        output=str(output),
        layers=tuple(layer.name for layer in network.layers),
        formats={} if fixed is None else dict(fixed.formats),
        accuracy=measured(fixed.accuracy) if fixed and fixed.accuracy else None,
    )
    said = [f"Wrote {output}: {len(network.layers)} layers.", *_said(facts)]
    deliver(json_path, write_json(facts), Group(*map(line, said)))


def _refuse_alone(fixed_point: str | None) -> None:
    """Options that say nothing without --fixed-point are not passed over."""
    for name in FIXED_ONLY:
        if fixed_point is None and is_given(name):
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} is for --fixed-point; give that too, or leave it out")


def _in_fixed_point(
    model: Path, network: Network, fixed_point: str, data: Path | None, factor_bits: int
) -> Fixed:
    from crshare.errors import NetworkError
    from crshare.evaluation.fixed_point import asked, in_fixed_point
    from crshare.images.image_set import load_images

    wanted = asked(fixed_point)
    images = None if data is None else load_images(data, network)
    try:
        return in_fixed_point(network, wanted, images, factor_bits=factor_bits)
    except NetworkError as error:
        raise NetworkError(f"{model}: {error}") from error


def _said(facts: NetworkWritten) -> list[str]:
    from crshare.report.terminal_accuracy import accuracy_sentence

    if not facts.formats:
        return []
    counted = Counter(map(str, facts.formats.values()))
    shown = ", ".join(
        f"{name} in {n} place{'s' if n > 1 else ''}" for name, n in sorted(counted.items())
    )
    lines = [f"In fixed point, integer.fraction bits: {shown}."]
    return lines if facts.accuracy is None else [*lines, accuracy_sentence(facts.accuracy)]
