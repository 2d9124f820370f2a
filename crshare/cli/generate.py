"""`crshare generate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.arguments import IN_FILE, MODEL, OUT_FOLDER, ChoiceOf, number
from crshare.cli.choosing import Asked, choice_options
from crshare.cli.shared import (
    deliver,
    json_option,
    model_options,
    model_or_example,
    progress,
    source_of,
)
from crshare.limits import IMAGES, LEVELS, LUTS, POSITIONS, TURNS
from solver.choices import AUTO, MEASURES, METHODS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from crshare.network.graph import Network

N_IMAGES = 20


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option("--plan", type=IN_FILE, help="A plan.json that `optimize` wrote.")
@click.option("-o", "--output", type=OUT_FOLDER, help="The folder to write.")
@click.option(
    "--layers", metavar="FIRST[,LAST]", help="Only the layers with weights from FIRST to LAST."
)
@click.option("--combinational", is_flag=True, help="One layer's datapath alone, no registers.")
@click.option(
    "--method", type=click.Choice(METHODS), default=AUTO, show_default=True, help="Adder graph."
)
@click.option(
    "--target",
    type=ChoiceOf("hwgen.targets", "TARGETS"),
    default="generic",
    show_default=True,
    help="Plain Verilog, or half the LUTs by primitives of Xilinx devices.",
)
@click.option(
    "--measure",
    type=click.Choice(MEASURES),
    help="What the adder graph has least of.  [default: the target's LUTs]",
)
@click.option(
    "--pipeline",
    type=number(LEVELS),
    default=3,
    show_default=True,
    metavar="LEVELS",
    help="At most so many adders between two registers.",
)
@click.option(
    "--max-luts",
    type=number(LUTS),
    default=100_000,
    show_default=True,
    help="Refuse a layer above this estimate.",
)
@click.option(
    "--fold",
    type=number(TURNS),
    default=1,
    show_default=True,
    metavar="TURNS",
    help="Give a layer's outputs in so many turns, a clock each, where that takes fewer LUTs.",
)
@click.option(
    "--folding", type=IN_FILE, help="Architectures of layers by hand, as JSON (docs/hardware.md)."
)
@click.option(
    "--beat",
    type=number(POSITIONS),
    metavar="POSITIONS",
    help="Positions of an image in one beat, where the network flattens its input.  [default: 1, "
    "or as many as --clocks wants]",
)
@click.option(
    "--skip",
    type=ChoiceOf("crshare.hardware.options", "SKIPS"),
    default="auto",
    show_default=True,
    help="Weights in fixed point: additions, multipliers of the device, or what is cheaper.",
)
@click.option("--verify", "prove", is_flag=True, help="Simulate against the executor.")
@click.option(
    "--simulator",
    "simulators",
    type=ChoiceOf("hwgen.simulate", "PROGRAMS"),
    multiple=True,
    help="What --verify runs; repeatable; without it, all that are installed.",
)
@click.option(
    "--data", type=IN_FILE, help="Images for --verify and --testbench; without them, random ones."
)
@click.option(
    "--images",
    type=number(IMAGES),
    default=N_IMAGES,
    show_default=True,
    help="How many images --verify runs, or a testbench has.",
)
@click.option(
    "--testbench",
    "with_bench",
    is_flag=True,
    help="Write a testbench of these images as well; it says which layer differs first.",
)
@choice_options
@json_option
@model_options
def generate(
    model: Path | None,
    plan: Path | None,
    output: Path | None,
    layers: str | None,
    combinational: bool,
    method: str,
    target: str,
    measure: str | None,
    pipeline: int,
    max_luts: int,
    fold: int,
    folding: Path | None,
    beat: int | None,
    skip: str,
    prove: bool,
    simulators: tuple[str, ...],
    data: Path | None,
    images: int,
    with_bench: bool,
    asked: Asked,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write MODEL, with or without a plan, as streaming Verilog.

    One position of a map enters a clock; the class of each image leaves. Streams are named as in
    AXI4-Stream. With --verify the executor's own beats go through Verilator and Icarus Verilog,
    where they are installed, with and without random stalls. Without MODEL, the small network that
    comes with crshare is used.
    """
    from rich.console import Group

    from crshare.cli.choosing import estimates, rates_of, target_of
    from crshare.errors import HardwareError
    from crshare.hardware.choosing import Chooser
    from crshare.hardware.folding_file import read_folding
    from crshare.hardware.lowering import Options
    from crshare.hardware.rtl import Wish, generate_rtl, report
    from crshare.hardware.steps import for_hardware
    from crshare.hardware.take_home import CHIP, Home
    from crshare.hardware.wide_input import in_beats
    from crshare.plan.file import read_plan
    from crshare.plan.lut_plan import is_lut_network, read_lut_plan, shared_network
    from crshare.report.architectures import choice_facts, choice_tables
    from crshare.report.hardware import (
        SUMS_ALONE,
        clocks_table,
        hardware_table,
        latency_line,
        slowest_line,
    )
    from crshare.screen import line

    if output is None and asked.picture is None and not asked.only_estimate:
        raise HardwareError("nothing says where to write; name a folder with -o, or see --estimate")
    loaded = source_of(model_or_example(model, json_path), sign_layers, rescale).read()
    network = loaded.network
    sharing = None
    if plan and is_lut_network(network):
        network = shared_network(network, read_lut_plan(plan, network, loaded.weights_hash))
    elif plan:
        sharing = read_plan(plan, network, loaded.weights_hash)
    goal, only = asked.goal(), _only(layers)
    network = in_beats(for_hardware(network, sharing), beat, goal.clocks if goal else None)
    by_hand = read_folding(folding, network) if folding else {}
    target = target_of(asked, target)
    options = Options(target, method, measure, pipeline, max_luts, fold, by_hand, skip)
    chooser = Chooser(network, sharing, options, only)
    with progress() as show:
        chosen = chooser.choose(goal, show) if goal and (output or asked.chooses) else None
        rates = rates_of(asked, chooser, loaded.weights_hash, show)
    if output is None or asked.only_estimate:
        facts, tables = estimates(chosen, rates, chooser)
        deliver(json_path, json.dumps(facts, indent=1) + "\n", Group(*tables))
        return
    shown = _pixels(data, network, images) if prove or with_bench else None
    wish = Wish(
        chosen.options if chosen else options,
        only,
        combinational,
        shown if prove else None,
        simulators,
        Home(asked.clock_mhz, asked.device or CHIP, chosen.choice.clocks if chosen else None),
        shown if with_bench else None,
    )
    with progress() as show:
        made = generate_rtl(network, sharing, wish, output, show, name=loaded.path.stem)
    lines = [
        line(f"{v.simulator}, {'random' if v.stalls else 'no'} stalls: {v.said}")
        for v in made.verdicts
    ]
    found = report(made.lowered) | {"verified": [asdict(verdict) for verdict in made.verdicts]}
    found |= {"choice": choice_facts(chosen)} if chosen else {}
    found |= {"rates": asdict(rates)} if rates else {}
    wrote = line(f"Wrote {made.n_files} files to {output}; files.f names the Verilog ones.")
    folds = [line(f"{layer.layer} {layer.why}.") for layer in made.lowered.layers if layer.why]
    picked = choice_tables(chosen) if chosen else [slowest_line(made.lowered, asked.clock_mhz)]
    clocks = [] if chosen else [clocks_table(made.lowered)]
    delay = latency_line(made.lowered, asked.clock_mhz)
    sums = [line(SUMS_ALONE)] if chosen else []
    tables = [hardware_table(made.lowered), *sums, *clocks, *picked, delay, *folds, *lines, wrote]
    deliver(json_path, json.dumps(found, indent=1) + "\n", Group(*tables))


def _only(layers: str | None) -> tuple[str, str] | None:
    if layers is None:
        return None
    first, _, last = layers.partition(",")
    return first.strip(), (last or first).strip()


def _pixels(data: Path | None, network: Network, n: int) -> npt.NDArray[np.int64]:
    """Images of a file, or random ones over the whole range of the input."""
    import numpy as np

    from crshare.images.image_set import load_images

    if data is not None:
        return load_images(data, network).images[:n].astype(np.int64)
    given = network.input
    rng = np.random.default_rng(0)
    return rng.integers(given.low, given.high + 1, (n, *given.shape))
