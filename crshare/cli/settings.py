"""Options of a file: crshare.toml in the working directory, or the file that --config names.

A table for each command, with its options by name: `[optimize]`, `max-acc-loss = 1`. What stands on
the command line wins.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from crshare.errors import ArgumentError
from crshare.files import read_file_bytes

NAME = Path("crshare.toml")
MAX_BYTES = 2**20
ADVICE = "see docs/command-line.md"
Tables = dict[str, dict[str, Any]]


def read_settings(path: Path | None, commands: Mapping[str, click.Command]) -> Tables:
    """Parameters of commands by their names in click; {} where no file is named and none is there.

    ArgumentError, one sentence, where the file cannot be read or names what is no option.
    """
    if path is None and not NAME.is_file():
        return {}
    path = path or NAME
    tables = _parsed(path)
    unknown = sorted(tables.keys() - commands.keys())
    if unknown:
        raise ArgumentError(
            f"{path}: [{unknown[0][:40]}] is no command; a table is named as one of "
            f"{', '.join(commands)}"
        )
    return {name: _options(path, commands[name], table) for name, table in tables.items()}


def _parsed(path: Path) -> dict[str, Any]:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    content = read_file_bytes(path, ArgumentError, "name a TOML file with --config", MAX_BYTES)
    try:
        return dict(toml.loads(content.decode("utf-8")))
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"{path}: is no TOML ({error}); {ADVICE}") from error


def _options(path: Path, command: click.Command, table: object) -> dict[str, Any]:
    """The table's values by the names of the command's parameters."""
    if not isinstance(table, dict):
        raise ArgumentError(
            f"{path}: {command.name} is a value; options stand in a table [{command.name}]"
        )
    known, found = _by_name(command), dict[str, Any]()
    for name, value in table.items():
        if name not in known:
            raise ArgumentError(
                f"{path}: {command.name} has no option {name[:40]!a}; it has "
                f"{', '.join(sorted(known))}"
            )
        option = known[name]
        if option.name in found:
            raise ArgumentError(f"{path}: {command.name}: {name} says anew what stands above it")
        given = _value(path, f"{command.name}: {name}", option, value)
        says_no = f"--{name}" in option.secondary_opts
        found[str(option.name)] = not given if says_no else given
    return found


def _by_name(command: click.Command) -> dict[str, click.Option]:
    """Options by each of their long names, that which says no as well."""
    return {
        word.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for word in (*option.opts, *option.secondary_opts)
        if word.startswith("--")
    }


def _value(path: Path, where: str, option: click.Option, value: object) -> Any:
    """A value that click will convert as it converts words."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ArgumentError(f"{path}: {where} is on or off; write true or false")
        return value
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        return [_word(path, where, one) for one in values]
    return _word(path, where, value)


def _word(path: Path, where: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ArgumentError(f"{path}: {where} takes a text or a number")
    return str(value)
