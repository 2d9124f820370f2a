"""The command line: arguments in, exit code out; the only file that prints.

Everything heavy is imported inside the command that needs it, so that --help is instant.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import crshare
from crshare.errors import CrshareError

if TYPE_CHECKING:
    from rich.console import Console

    from crshare.images import ImageSet
    from crshare.network import Network
    from crshare.pipeline import Outcome, Request, Source

Progress = Callable[[str, float], None]
SOLVERS = ("auto", "gurobi", "highs", "cbc", "lagrangian", "greedy")
FILE = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(crshare.__version__, prog_name="crshare")
def main() -> None:
    """Result sharing for binarized neural networks.

    Finds 2-D filter slices that are repeated, inverse or similar, and plans which of them to
    compute, so that one result serves many filters.

    Exit codes: 0 done, 2 the input cannot be used (one sentence on stderr says why).
    """


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how to read a model file."""
    command = click.option(
        "--sign-layer",
        "sign_layers",
        multiple=True,
        metavar="NAME",
        help="A layer, class or activation that is a sign (+1 for >= 0, else -1); repeatable.",
    )(command)
    return click.option(
        "--rescale",
        metavar="SCALE,OFFSET",
        help="Preprocessing outside the model: it expects SCALE * pixel + OFFSET, e.g. 1/127.5,-1.",
    )(command)


def refusing(command: Callable[..., None]) -> Callable[..., None]:
    """Print what is the user's to mend as one sentence, and end with code 2."""

    @wraps(command)
    def run(**arguments: Any) -> None:
        from solver import SolverError

        try:
            command(**arguments)
        except (CrshareError, SolverError) as error:
            click.echo(f"crshare: {error}", err=True)
            sys.exit(2)

    return run


@main.command()
@click.argument("model", type=FILE)
@click.option("--json", "json_path", type=FILE, help="Write every figure to this file as well.")
@model_options
@refusing
def analyze(
    model: Path, json_path: Path | None, sign_layers: tuple[str, ...], rescale: str | None
) -> None:
    """Show what exact sharing would save in MODEL, layer by layer."""
    from crshare import pipeline, report, report_json
    from crshare.output import write_text

    with progress() as show:
        analysis = pipeline.analyze(_source(model, sign_layers, rescale), show)
    if json_path is not None:
        write_text(json_path, report_json.analysis_json(analysis))
    _console().print(report.analysis_tables(analysis))


@main.command()
@click.argument("model", type=FILE, required=False)
@click.option(
    "--max-acc-loss",
    type=click.FloatRange(min=0),
    required=True,
    metavar="POINTS",
    help="Accuracy that may be lost, in percentage points; 0 for a lossless plan.",
)
@click.option("--data", type=FILE, help="Reporting images: .npz with `images` and `labels`.")
@click.option("--calib", type=FILE, help="Choosing images; without them --data is split in two.")
@click.option("-o", "--output", type=FILE, help="Folder for plan.json, report.json, report.txt.")
@click.option(
    "--solver",
    type=click.Choice(SOLVERS),
    default="auto",
    show_default=True,
    help="Who solves the facility location problems of the plan.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=1),
    default=420,
    show_default=True,
    metavar="SECONDS",
    help="For the search; it ends with the best plan until then.",
)
@click.option(
    "--mirror/--no-mirror",
    default=None,
    help="Mirror every second choosing image, to stand for images that the network was "
    "not trained on. [default: where it gets most mirrored images right]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of splits and samples.")
@model_options
@refusing
def optimize(
    model: Path | None,
    max_acc_loss: float,
    data: Path | None,
    calib: Path | None,
    output: Path | None,
    solver: str,
    time_limit: float,
    mirror: bool | None,
    seed: int,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Plan the sharing of MODEL within an accuracy loss, and write the plan.

    Without MODEL, the small network and images that come with crshare are used.
    """
    from crshare import demo
    from crshare.pipeline import Request, images_for
    from crshare.pipeline import optimize as run
    from crshare.trial import Method

    console, began = _console(), time.monotonic()
    if model is None:
        model = demo.demo_model()
        console.print(
            f"No model given: using the example network {model.name} and the handwritten "
            "digits of scikit-learn."
        )
    source = _source(model, sign_layers, rescale)
    loaded = source.read()
    choosing, reporting = images_for(
        _images(calib, loaded.network), _images(data, loaded.network), seed
    )
    if choosing is None and source.path == demo.demo_model_or_none():
        choosing, reporting = demo.demo_images()
    if reporting is None and max_acc_loss > 0:
        console.print(
            "Without --data no accuracy can be measured, so only exact sharing is "
            "planned, which loses nothing."
        )
    request = Request(max_acc_loss, Method(solver=solver, seed=seed), time_limit, mirror)
    with progress() as show:
        outcome = run(loaded, choosing, reporting, request, show)
    folder = output or Path("crshare-out") / model.stem
    _write_outcome(folder, outcome, request, console)
    console.print(
        f"Wrote plan.json, report.json and report.txt to {folder} "
        f"after {time.monotonic() - began:.0f} s."
    )


@main.command()
@click.argument("model", type=FILE)
@click.option("--plan", type=FILE, required=True, help="A plan.json that `optimize` wrote.")
@click.option("--data", type=FILE, required=True, help=".npz with `images` and `labels`.")
@click.option("--json", "json_path", type=FILE, help="Write every figure to this file as well.")
@model_options
@refusing
def evaluate(
    model: Path,
    plan: Path,
    data: Path,
    json_path: Path | None,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Measure MODEL with a plan on images, and count the operations of a run that follows it."""
    from crshare import report, report_json
    from crshare.images import load_images
    from crshare.output import write_text
    from crshare.pipeline import evaluate as run
    from crshare.plan_file import read_plan

    loaded = _source(model, sign_layers, rescale).read()
    sharing = read_plan(plan, loaded.network, loaded.weights_hash)
    with progress() as show:
        evaluation = run(loaded, sharing, load_images(data, loaded.network), show)
    if json_path is not None:
        write_text(json_path, report_json.evaluation_json(evaluation))
    _console().print(report.evaluation_tables(evaluation))


@main.command()
@click.argument("model", type=FILE)
@click.option("--plan", type=FILE, required=True, help="A plan.json that `optimize` wrote.")
@click.option("-o", "--output", type=FILE, required=True, help="The model file to write.")
@model_options
@refusing
def apply(
    model: Path,
    plan: Path,
    output: Path,
    sign_layers: tuple[str, ...],
    rescale: str | None,
) -> None:
    """Write MODEL with the plan's weights and thresholds, for the library that wrote it."""
    from crshare.apply import apply_network
    from crshare.plan import planned_network
    from crshare.plan_file import read_plan

    source = _source(model, sign_layers, rescale)
    loaded = source.read()
    sharing = read_plan(plan, loaded.network, loaded.weights_hash)
    wanted = planned_network(loaded.network, sharing)
    apply_network(model, wanted, output, sign_layers=source.sign_layers, rescale=source.rescale)
    _console().print(f"Wrote {output}: read back, it holds the plan's weights and thresholds.")


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on stderr that tells what is being done; nothing where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)
        yield lambda what, done: bar.update(task, description=what, completed=done)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def _source(model: Path, sign_layers: tuple[str, ...], rescale: str | None) -> Source:
    from crshare.pipeline import Source

    return Source(model, frozenset(sign_layers), _rescale(rescale) if rescale else None)


def _rescale(text: str) -> tuple[Fraction, Fraction]:
    try:
        scale, offset = (_fraction(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError) as error:
        raise CrshareError(
            f"--rescale {text}: expected SCALE,OFFSET as in 1/127.5,-1 or 1/255,0"
        ) from error
    return scale, offset


def _fraction(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or 1)


def _images(path: Path | None, network: Network) -> ImageSet | None:
    from crshare.images import load_images

    return load_images(path, network) if path else None


def _write_outcome(folder: Path, outcome: Outcome, request: Request, console: Console) -> None:
    from rich.console import Console as TextConsole

    from crshare import report, report_json
    from crshare.output import write_text
    from crshare.plan_file import write_plan

    tables = report.outcome_tables(outcome)
    text = TextConsole(width=110, record=True, file=StringIO())
    text.print(tables)
    write_plan(outcome.found.plan, outcome.model.path.name, folder / "plan.json")
    write_text(folder / "report.json", report_json.outcome_json(outcome, request))
    write_text(folder / "report.txt", text.export_text())
    console.print(tables)
