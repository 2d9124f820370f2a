"""How much a command says: --quiet and --log-level, which every command has."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

LEVELS = ("debug", "info", "warning", "error")
LOG = logging.getLogger("crshare")
QUIET, LOGGED = "crshare.quiet", "crshare.logged"  # in the meta of click's context


def _keep_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[QUIET] = context.meta.get(QUIET, False) or value


def _keep_level(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[LOGGED] = True
        _log_to_stderr(context, value)


def _log_to_stderr(context: click.Context, level: str) -> None:
    """Until the command ends."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(level.upper())

    def undo() -> None:
        LOG.removeHandler(handler)
        LOG.setLevel(before)

    context.call_on_close(undo)


def saying_options() -> tuple[click.Option, click.Option]:
    """The options, new for each command."""
    common: dict[str, Any] = {"expose_value": False, "is_eager": True}
    quiet = click.Option(
        ["-q", "--quiet"],
        is_flag=True,
        callback=_keep_quiet,
        help="Print nothing but errors; files and --json - are written all the same.",
        **common,
    )
    level = click.Option(
        ["--log-level"],
        type=click.Choice(LEVELS),
        callback=_keep_level,
        help="Tell on stderr, line by line with the time, what is being done, in place of a bar.",
        **common,
    )
    return quiet, level


def is_quiet() -> bool:
    return _meta(QUIET)


def is_logged() -> bool:
    return _meta(LOGGED)


def _meta(name: str) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(name))
