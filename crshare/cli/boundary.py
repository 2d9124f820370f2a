"""The boundary of the command line: what a user meets there instead of a traceback.

An error that is the user's to mend is one printable sentence and exit code 2, and so is a stdout
that takes no more. A reader of stdout that went away, as `head` does, ends a command in silence.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from io import StringIO, TextIOWrapper
from typing import Any, TextIO

import click
from click.exceptions import Exit

from crshare.cli.stopping import stoppable
from crshare.errors import CrshareError
from crshare.printable import printable

BROKEN_PIPE = 128 + 13  # what a shell says of a program that SIGPIPE ended


class Refusal(click.ClickException):
    """One sentence on stderr, and exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"crshare: {printable(self.message)}", file=file, err=True)


class CommandLine(click.Group):
    """A group of commands behind the boundary."""

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        told = dict[str, str]()
        with stoppable(told), redirect_stdout(Stdout(sys.stdout)):
            return super().main(*args, obj=told, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with refusing():
            sys.stdout.flush()  # before there is any work to lose
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with refusing():
            return super().invoke(ctx)


@contextmanager
def refusing() -> Iterator[None]:
    """Errors that are the user's to mend, as click is to tell them."""
    try:
        yield
    except Exit:  # click's own way out, of --help too
        raise
    except click.UsageError as error:
        said = error.format_message().expandtabs(4)
        shown = "\n".join(map(printable, said.split("\n")))
        if shown == said:
            raise
        raise click.UsageError(shown, error.ctx) from error
    except Exception as error:
        if not isinstance(error, _refusals()):
            raise
        raise Refusal(str(error)) from error


def _refusals() -> tuple[type[Exception], ...]:
    """Imported where there is an error: a command that succeeds need not load hwgen."""
    from hwgen.errors import HwgenError
    from solver.errors import SolverError

    return CrshareError, SolverError, HwgenError


class Stdout:
    """A stream whose failures are known as its own, and end the command."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream or StringIO()
        self._end: Exception | None = None
        if stream is None:
            self._end = Refusal("stdout is closed; give it a place, if only > /dev/null")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._ending() as stream:
            return stream.write(text)

    def flush(self) -> None:
        with self._ending() as stream:
            stream.flush()

    @contextmanager
    def _ending(self) -> Iterator[TextIO]:
        """The stream; what it once failed with is raised each time, for click swallows some."""
        if self._end is None:
            try:
                yield self._stream
                return
            except OSError as error:
                self._end = _end_of(error)
                self._discard()
        raise self._end

    def _discard(self) -> None:
        """What is left in the stream's buffer goes nowhere when Python ends."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def _end_of(error: OSError) -> Exception:
    if error.errno == errno.EPIPE:
        return Exit(BROKEN_PIPE)
    return Refusal(
        f"stdout cannot be written ({error.strerror}); files that were asked for are complete"
    )
