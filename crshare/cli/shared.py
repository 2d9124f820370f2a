"""What the commands share: options, progress and the console."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crshare.cli.arguments import JSON, OUT_FILE, STDOUT, number, rescaling
from crshare.cli.saying import LOG, is_logged, is_quiet
from crshare.errors import ArgumentError
from crshare.limits import FRAMES
from crshare.printable import NAME, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from crshare.frame import Frame
    from crshare.images.image_set import ImageSet, StreamedSet
    from crshare.jobs import Source
    from crshare.network.graph import Network
    from crshare.screen import Screen


GIVEN = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.DEFAULT_MAP)

UNRECORDED = ("quiet", "log_level")  # change no result
KEPT = {"frames": "frames", "layer": "layers", "features": "features"}  # of _keep_frames and so on


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """Where every figure goes as JSON."""
    return click.option(
        "--json",
        "json_path",
        type=JSON,
        help="Write every figure to this file as well; - for stdout, and nothing else there.",
    )(command)


def csv_option(command: Callable[..., None]) -> Callable[..., None]:
    """Where the figures of each layer go as CSV; the command hands them to write_csv."""
    return click.option(
        "--csv",
        "csv_path",
        type=OUT_FILE,
        help="Write the figures of each layer to this file, separated by commas.",
    )(command)


def write_csv(csv_path: Path | None, frame: Frame) -> None:
    from crshare.files import write_text

    if csv_path is not None:
        write_text(csv_path, frame.csv())


def is_given(name: str) -> bool:
    """Whether the user gave this parameter, on the command line or in a file of options."""
    return click.get_current_context().get_parameter_source(name) in GIVEN


def command_line() -> str:
    """The running command with the parameters that the user gave, as a shell would take it."""
    context = click.get_current_context()
    words = ["crshare", str(context.info_name)]
    for parameter in context.command.params:
        if is_given(str(parameter.name)) and parameter.name not in UNRECORDED:
            words += _words(parameter, _value(context, str(parameter.name)))
    return shlex.join(words)


def _value(context: click.Context, name: str) -> Any:
    """Of a parameter that the command gets, or of one that is kept beside it."""
    return context.params[name] if name in context.params else context.meta[KEPT[name]]


def _words(parameter: click.Parameter, value: Any) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    if isinstance(parameter, click.Argument):
        return [str(one) for one in values]
    if isinstance(value, bool):
        return [parameter.opts[0] if value else parameter.secondary_opts[0]]
    return [
        word
        for one in values
        for word in (parameter.opts[-1], f"{one:g}" if isinstance(one, float) else str(one))
    ]


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how to read a model file, which the sandbox will do."""
    command = click.option(
        "--sign-layer",
        "sign_layers",
        multiple=True,
        metavar="NAME",
        help="A layer, class or activation that is a sign (+1 for >= 0, else -1), or a class of "
        "Keras's layers that takes the signs of its kernel; repeatable.",
    )(_with_sandbox(command))
    command = click.option(
        "--frames",
        type=number(FRAMES),
        metavar="M",
        expose_value=False,
        callback=_keep_frames,
        help="Of a LUT network: frames over which its pixels are spread in time, instead of those "
        "of its file. [default of Verilog, which does not tell: 1]",
    )(command)
    command = click.option(
        "--layer",
        multiple=True,
        metavar="NAME=MEANING",
        expose_value=False,
        callback=_keep_layers,
        help="What a layer, class, activation or quantizer computes whose code crshare does not "
        "run: identity, sign, signs-input (a kernel, and signs of the input), scaled-sign (times "
        "the mean of abs(w) of each filter), layer-scaled-sign or clip-0-1; repeatable.",
    )(command)
    command = click.option(
        "--features",
        is_flag=True,
        expose_value=False,
        callback=_keep_features,
        help="The model's input is real numbers, as its library gets them, and not pixels: --data "
        "holds floats, and the first layer is real-valued.",
    )(command)
    return click.option(
        "--rescale",
        metavar="SCALE,OFFSET",
        help="Preprocessing outside the model: it expects SCALE * pixel + OFFSET, e.g. 1/127.5,-1.",
    )(command)


def _keep_frames(context: click.Context, _: click.Parameter, value: int | None) -> None:
    """Commands hand it on to source_of without a parameter of their own."""
    context.meta["frames"] = value


def _keep_layers(context: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    """As _keep_frames."""
    context.meta["layers"] = value


def _keep_features(context: click.Context, _: click.Parameter, value: bool) -> None:
    """As _keep_frames."""
    context.meta["features"] = value


def _with_sandbox(command: Callable[..., None]) -> Callable[..., None]:
    """The sandbox starts before the command imports what it needs, and both take their time."""

    @wraps(command)
    def started(*args: Any, **options: Any) -> None:
        from crshare.sandbox.process import start

        start()
        command(*args, **options)

    return started


class Stages:
    """Called with what is being done and how much of it is: shows it, and keeps the times."""

    def __init__(self, bar: Bar, task: TaskID) -> None:
        self._bar, self._task = bar, task
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def __call__(self, what: str, done: float) -> None:
        now = time.monotonic()
        stage = what.partition(", about ")[0]  # how much is left says nothing of its time
        if stage not in self._began:
            LOG.info("%s", printable(what))
        if self._began:
            self._ended[next(reversed(self._began))] = now
        self._began.setdefault(stage, now)
        self._bar.update(self._task, description=printable(what, NAME), completed=done)

    def seconds(self) -> dict[str, float]:
        """By stage in order of begin; the last one ends now."""
        now = time.monotonic()
        return {what: self._ended.get(what, now) - at for what, at in self._began.items()}


@contextmanager
def progress() -> Iterator[Stages]:
    """A bar on stderr that tells what is being done, how much of the whole is done, the time until
    now and about how long is left; nothing where stderr is no terminal."""
    from rich.progress import (
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    from crshare.screen import Screen

    screen = Screen(stderr=True)
    shows = screen.is_terminal and not is_quiet() and not is_logged()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=screen, transient=True, disable=not shows) as bar:
        yield Stages(bar, bar.add_task("reading", total=1.0))


def console(json_path: Path | None = None) -> Screen:
    """Of stdout; silent where JSON has it to itself."""
    from crshare.screen import Screen

    return Screen(quiet=json_path == STDOUT or is_quiet())


def deliver(json_path: Path | None, text: str, tables: RenderableType | None = None) -> None:
    """JSON to where the user wants it, tables to stdout unless JSON is there."""
    from crshare.files import write_text

    if json_path == STDOUT:
        click.echo(text, nl=False)
    elif json_path is not None:
        write_text(json_path, text)
    if tables is not None:
        console(json_path).print(tables)


def refuse_for_tables(*names: str) -> None:
    """ArgumentError where the command line gives one of these parameters, which say nothing of a
    LUT network."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name))
        if parameter.name in names and given is click.core.ParameterSource.COMMANDLINE:
            option = "/".join((*parameter.opts[-1:], *parameter.secondary_opts[:1]))
            raise ArgumentError(
                f"{option}: changes nothing for a LUT network, whose tables are planned; leave it "
                "out"
            )


def model_or_example(model: Path | None, json_path: Path | None) -> Path:
    """Without a model the network that comes with crshare, which is said."""
    from crshare.images.digits import demo_model

    if model is not None:
        return model
    example = demo_model()
    console(json_path).print(f"No model given: using the example network {example.name}.")
    return example


@contextmanager
def images_or_example(
    data: Path | None, model: Path, network: Network
) -> Iterator[ImageSet | StreamedSet]:
    """The images of a file, or where none is named the test images of the example network."""
    from crshare.images.digits import demo_images, demo_model_or_none
    from crshare.images.image_set import stream_images

    if data is not None:
        with stream_images(data, network) as images:
            yield images
    elif model == demo_model_or_none():
        yield demo_images()[1]
    else:
        raise ArgumentError(
            f"{model}: without images nothing can be measured; name some with --data"
        )


def source_of(model: Path, sign_layers: tuple[str, ...], rescale: str | None) -> Source:
    from crshare.frontend.declared import declared, parsed_declarations
    from crshare.jobs import Source

    exact = None if rescale is None else rescaling(rescale)
    kept = click.get_current_context().meta
    layers = declared((), parsed_declarations(kept.get("layers", ())))
    frames = kept.get("frames")
    features = bool(kept.get("features", False))
    return Source(model, frozenset(sign_layers), exact, frames, layers, features)
