"""What the commands share: options, refusals, progress and the console."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crshare.errors import CrshareError

if TYPE_CHECKING:
    from rich.console import Console

    from crshare.pipeline import Source

Progress = Callable[[str, float], None]
FILE = click.Path(path_type=Path)


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how to read a model file."""
    command = click.option(
        "--sign-layer",
        "sign_layers",
        multiple=True,
        metavar="NAME",
        help="A layer, class or activation that is a sign (+1 for >= 0, else -1), or a class of "
        "Keras's layers that takes the signs of its kernel; repeatable.",
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


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def source_of(model: Path, sign_layers: tuple[str, ...], rescale: str | None) -> Source:
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
