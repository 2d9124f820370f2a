"""`crshare optimize`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crshare.cli.arguments import IMAGES, IN_FILE, MODEL, OUT_FOLDER, folder_to_write, number
from crshare.cli.shared import (
    command_line,
    console,
    csv_option,
    deliver,
    json_option,
    model_options,
    progress,
    refuse_for_tables,
    source_of,
    write_csv,
)
from crshare.cli.stopping import going_on
from crshare.cli.written import shown, write_outcome
from crshare.errors import CrshareError
from crshare.folder_lock import locked
from crshare.limits import CLOCKS, POINTS, SECONDS, SEED, WORKERS
from crshare.planning import objectives
from crshare.planning.choices import RATES, THRESHOLDS
from solver.choices import AUTO, SOLVERS

if TYPE_CHECKING:
    from crshare.images.image_set import ImageSet
    from crshare.network.graph import Network

OF_SLICES = [
    "solver",
    "time_limit",
    "mirror",
    "pareto",
    "workers",
    "dask",
    "minimise",
    "clocks",
    "thresholds",
]


@click.command()
@click.argument("model", type=MODEL, required=False)
@click.option(
    "--max-acc-loss",
    type=number(POINTS),
    required=True,
    metavar="POINTS",
    help="Accuracy that may be lost, in percentage points; 0 for a lossless plan.",
)
@click.option(
    "--data",
    type=IN_FILE,
    help=f"Test images, which report the loss: {IMAGES}",
)
@click.option(
    "--calib",
    type=IN_FILE,
    help="Calibration images, which choose the plan; without them --data is split in two.",
)
@click.option("-o", "--output", type=OUT_FOLDER, help="Folder for the plan and its reports.")
@click.option(
    "--solver",
    type=click.Choice([AUTO, *SOLVERS]),
    default=AUTO,
    show_default=True,
    help="Who solves the facility location problems of the plan.",
)
@click.option(
    "--time-limit",
    type=number(SECONDS),
    default=None,
    metavar="SECONDS",
    help="End the search with the best plan until then, which depends on how fast and how busy the "
    "machine is. [default: none; work is counted instead, so any machine finds the same plan]",
)
@click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Mirror the calibration images, to stand for images that the network was not trained on. "
    "[default: where it gets most mirrored images right; else losses are measured on images moved "
    "by a pixel, where it gets most of those right]",
)
@click.option(
    "--confidence/--on-average",
    default=True,
    show_default=True,
    help="Keep the loss at the upper end of its 95 % interval, each half of the calibration images "
    "judging what the other half chose; or only in its middle, on images that chose the plan.",
)
@click.option(
    "--pareto",
    is_flag=True,
    help="Try multipliers well below and above too, and measure those plans that no other beats on "
    "the test images, with their LUTs; write pareto.json, pareto.csv and plots (.svg).",
)
@click.option(
    "--workers",
    type=number(WORKERS),
    default=1,
    show_default=True,
    help="Processes that share the search; the plan is the same for any number.",
)
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="A Dask scheduler whose workers share the search instead; needs the extra `cluster`.",
)
@click.option(
    "--minimise",
    type=click.Choice([name.replace("_", "-") for name in objectives.OBJECTIVES]),
    default=objectives.DEFAULT.replace("_", "-"),
    show_default=True,
    help="What the plan has least of. With additions, slices of the plan are corrected from others "
    "where that takes fewer; it changes no output. With luts, inputs share patterns of groups of "
    "filters, and some are left out, in layers that stay unrolled.",
)
@click.option(
    "--clocks",
    type=number(CLOCKS),
    default=1,
    metavar="N",
    help="With --minimise luts, clocks that an image may take: a layer with 16 or more for each "
    "window will have its weights in memory, and is left alone.",
)
@click.option(
    "--thresholds",
    type=click.Choice(THRESHOLDS),
    default=RATES,
    show_default=True,
    help="What thresholds follow: each channel fires as often as it did; with labels, those of "
    "the last layers then move to where the labels of the images are more likely. No weight does.",
)
@click.option(
    "--seed", type=number(SEED), default=0, show_default=True, help="Of splits and samples."
)
@csv_option
@json_option
@model_options
def optimize(
    model: Path | None,
    max_acc_loss: float,
    data: Path | None,
    calib: Path | None,
    output: Path | None,
    solver: str,
    time_limit: float | None,
    mirror: bool | None,
    confidence: bool,
    pareto: bool,
    workers: int,
    dask: str | None,
    minimise: str,
    clocks: int,
    thresholds: str,
    seed: int,
    csv_path: Path | None,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Plan the sharing of MODEL within an accuracy loss, and write the plan.

    Without MODEL, the small network and images that come with crshare are used.
    """
    from crshare.cli.written import write_luts, written_luts
    from crshare.evaluation.lut_outcome import optimize_luts
    from crshare.evaluation.outcome import Request
    from crshare.images import digits
    from crshare.jobs import images_for
    from crshare.jobs import optimize as run
    from crshare.plan.lut_plan import is_lut_network
    from crshare.plan.warm_up import compiling_ahead
    from crshare.planning.candidates import Workers
    from crshare.planning.layerwise import Method
    from crshare.report.lut_report import optimized
    from crshare.typed_json import write_json

    screen, began = console(json_path), time.monotonic()
    is_demo, model = model is None, model or digits.demo_model()
    folder = output or Path("crshare-out") / model.stem
    folder_to_write(folder)
    click.get_current_context().with_resource(locked(folder))
    if is_demo:
        screen.print(
            f"No model given: using the example network {model.name} and the handwritten "
            "digits of scikit-learn."
        )
    source = source_of(model, sign_layers, rescale)
    loaded = source.read()
    calibration, test = images_for(
        _images(calib, loaded.network), _images(data, loaded.network), seed
    )
    if calibration is None and source.path == digits.demo_model_or_none():
        calibration, test = digits.demo_images()
    if test is None and max_acc_loss > 0:
        screen.print(
            "Without --data no accuracy can be measured, so only exact sharing is "
            "planned, which loses nothing."
        )
    if is_lut_network(loaded.network):
        refuse_for_tables(*OF_SLICES)
        with progress() as show:
            tables = optimize_luts(
                loaded, calibration, test, max_acc_loss, show, confident=confidence, seed=seed
            )
        said = optimized(tables, max_acc_loss, command_line(), confident=confidence)
        write_luts(folder, tables, said)
        written_luts(said, json_path, csv_path=csv_path)
        screen.print(f"Wrote plan.json, report.json, report.txt and report.html to {folder}.")
        return
    objective = objectives.objective(minimise.replace("-", "_"), clocks)
    request = Request(
        max_loss_points=max_acc_loss,
        method=Method(solver=solver, seed=seed, thresholds=thresholds, objective=objective),
        time_limit_s=time_limit,
        mirror=mirror,
        confident=confidence,
        whole_curve=pareto,
        workers=Workers(workers, dask),
        kept_candidates=folder / "steps",
    )
    searches = calibration is not None and max_acc_loss > 0
    if searches:
        going_on(
            f"what the search has found so far is kept in {request.kept_candidates}; run the same "
            "command again to go on"
        )
    with compiling_ahead() if searches else nullcontext(), progress() as show:
        outcome = run(loaded, calibration, test, request, show)
    report, curve = write_outcome(folder, outcome, request, command_line(), show.seconds())
    write_csv(csv_path, outcome.table())
    deliver(json_path, write_json(report))
    screen.print(shown(report, curve))
    screen.print(
        f"Wrote plan.json, report.json, report.txt and report.html to {folder} "
        f"after {time.monotonic() - began:.0f} s."
    )
    if outcome.found.lost:
        raise CrshareError(
            f"stopped before the search was done, with the best plan until then in {folder}: "
            f"{outcome.found.lost}"
        )


def _images(path: Path | None, network: Network) -> ImageSet | None:
    from crshare.images.image_set import load_images

    return load_images(path, network) if path else None
