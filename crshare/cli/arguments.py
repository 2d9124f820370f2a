"""What the commands take: numbers within their limits, paths of the right kind.

Both are looked at before a command does anything. A number that is refused is click's usage error;
a path is told as whatever else of the user's cannot be used.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from crshare.errors import ArgumentError
from crshare.limits import Limit

Check = Callable[[Path], None]


class FiniteRange(click.FloatRange):
    """A range of floats that NaN is not in."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value} is not a number.", param, ctx)
        return found


def number(limit: Limit) -> click.ParamType[Any]:
    """A number within these limits, which --help tells."""
    if limit.whole:
        return click.IntRange(int(limit.low), int(limit.high))
    return FiniteRange(limit.low, limit.high)


class ChoiceOf(click.Choice[str]):
    """One of the names in a module's table; the module is imported when they are wanted."""

    def __init__(self, module: str, table: str) -> None:
        self._module, self._table = module, table
        super().__init__(())

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(getattr(import_module(self._module), self._table))

    @choices.setter
    def choices(self, given: tuple[str, ...]) -> None:
        """Click keeps what it was made with, which is nothing here."""


class UserPath(click.Path):
    """A path that is of some kind where there is anything; readers tell of what is missing."""

    def __init__(self, name: str, check: Check, *, allow_dash: bool = False) -> None:
        super().__init__(path_type=Path, allow_dash=allow_dash)
        self.name, self.check = name, check

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        self.check(path)
        return path


def _to_read(*wanted: int) -> Check:
    def check(path: Path) -> None:
        mode = _mode(path)
        if mode is not None and stat.S_IFMT(mode) not in wanted:
            expected = " or ".join(KINDS[kind] for kind in wanted)
            raise ArgumentError(f"{path}: is {_kind(mode)}; expected {expected}")

    return check


def file_to_write(path: Path) -> None:
    """ArgumentError where no file can be written at this path."""
    mode = _mode(path)
    if mode is not None and stat.S_ISDIR(mode):
        raise ArgumentError(f"{path}: cannot be written (is a folder); name a file")
    if mode is None or stat.S_ISREG(mode):
        _check_room(path, Path(os.path.realpath(path)).parent)


def folder_to_write(path: Path) -> None:
    """ArgumentError where nothing can be written to a folder at this path."""
    _check_room(path, Path(os.path.realpath(path)))


def _check_room(path: Path, folder: Path) -> None:
    """Whether a folder is there, or can be made, in which this user may write."""
    mode = _mode(folder)
    if mode is None:
        _check_room(path, folder.parent)
    elif not stat.S_ISDIR(mode):
        raise _unwritable(path, f"{folder} is {_kind(mode)}, no folder")
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, f"no permission to write in {folder}")


def _unwritable(path: Path, reason: str) -> ArgumentError:
    return ArgumentError(f"{path}: cannot be written ({reason}); choose another place")


def _mode(path: Path) -> int | None:
    """What is there, behind links; None where nothing is."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ArgumentError(f"{path}: cannot be used ({reason}); name another path") from error


KINDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "no regular file")


# Of a model's folder its reader tells how to convert it.
MODEL = UserPath("model", _to_read(stat.S_IFREG, stat.S_IFDIR))
IN_FILE = UserPath("file", _to_read(stat.S_IFREG))
IN_FOLDER = UserPath("folder", _to_read(stat.S_IFDIR))
OUT_FILE = UserPath("file", file_to_write)
OUT_FOLDER = UserPath("folder", folder_to_write)

IMAGES = ".npz with `images` and `labels`, or x.npy with y.npy beside it."
STDOUT = Path("-")


def _json_to_write(path: Path) -> None:
    if path != STDOUT:
        file_to_write(path)


JSON = UserPath("file", _json_to_write, allow_dash=True)
MAX_DIGITS = 60
MAX_EXPONENT = 30  # of ten: pixels this far away are beyond float32, and exact sums take minutes


def rescaling(text: str) -> tuple[Fraction, Fraction]:
    """SCALE,OFFSET of --rescale, exact."""
    try:
        scale, offset = (_fraction(part) for part in text.split(","))
    except (ValueError, ArithmeticError) as error:
        raise ArgumentError(
            f"--rescale {text[:MAX_DIGITS]}: expected SCALE,OFFSET as in 1/127.5,-1 or 1/255,0"
        ) from error
    return scale, offset


def _fraction(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return _decimal(above) / _decimal(below or "1")


def _decimal(text: str) -> Fraction:
    found = Decimal(text)
    if len(text) > MAX_DIGITS or not found.is_finite() or abs(found.adjusted()) > MAX_EXPONENT:
        raise ValueError(f"{text[:MAX_DIGITS]} has too many digits")
    return Fraction(found)
