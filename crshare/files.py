"""Files of the user's: reading what is a regular file, writing whole or not at all."""

import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from crshare.errors import CrshareError, OutputError

DESCRIPTORS = "/proc/self/fd", "/dev/fd"
MAX_LINKS = 40  # as many as Linux follows
PERMISSIONS = 0o777
MAX_NAMED = 50  # characters of a file's name that its draft takes over

# Blocks on nothing, takes no terminal over, and changes no byte on Windows.
_FLAGS = ("O_NONBLOCK", "O_NOCTTY", "O_BINARY")
READING = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in _FLAGS)


def open_regular(path: Path, refusal: type[CrshareError], advice: str) -> BinaryIO:
    """A regular file, open for reading; `refusal` where it is none.

    A device, a pipe or a socket is refused before a byte is read, so that none can block.
    """
    try:
        handle = os.open(path, READING)
    except FileNotFoundError:
        raise refusal(f"{path}: no such file; {advice}") from None
    except (OSError, ValueError) as error:
        raise refusal(f"{path}: cannot be read ({_reason(error)}); {advice}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise refusal(f"{path}: is no regular file; {advice}")
    return os.fdopen(handle, "rb")


def read_file_bytes(path: Path, refusal: type[CrshareError], advice: str, at_most: int) -> bytes:
    """The content of a regular file of no more than `at_most` bytes; `refusal` where it is none."""
    with open_regular(path, refusal, advice) as file:
        size = os.fstat(file.fileno()).st_size
        if size > at_most:
            raise refusal(f"{path}: is larger than {at_most:,} bytes; {advice}")
        try:
            return file.read(size)
        except (OSError, MemoryError) as error:
            raise refusal(f"{path}: cannot be read ({_reason(error)}); {advice}") from error


def _reason(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or error or type(error).__name__)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft whose content is at `path` once the block ends without an error, and else nothing is.

    A regular file is replaced in one step; where `path` is a symbolic link, the file that it names
    is, and the link stays. What is no regular file is written into and never replaced.
    """
    try:
        with _renamed(_followed(path)) if is_replaced(path) else _poured(path) as draft:
            yield draft
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a whole file or none, as `replacing` does."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """As write_text."""
    with replacing(path) as draft:
        draft.write_bytes(content)


def is_replaced(path: Path) -> bool:
    """Whether writing puts a new file at `path`: not for a device, a pipe or /dev/stdout."""
    return _descriptor(path) is None and (path.is_file() or path.is_dir() or not path.exists())


def _followed(path: Path) -> Path:
    """The file that `path` names through all its links; OutputError where they lead nowhere."""
    try:
        return path.resolve(strict=True) if path.is_symlink() else path
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"{path}: is a symbolic link that leads to no file; remove it or choose another place"
        ) from error


@contextmanager
def _renamed(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place, with the owner and mode of the one before it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat() if path.exists() else None
    if before and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    draft = path.with_name(f".{path.name[:MAX_NAMED]}.{secrets.token_hex(4)}")
    try:
        draft.touch(exist_ok=False)
        yield draft
        if before:
            _own_like(draft, before)
        _sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _own_like(draft: Path, before: os.stat_result) -> None:
    with suppress(PermissionError):
        os.chown(draft, before.st_uid, before.st_gid)
    draft.chmod(before.st_mode & PERMISSIONS)


def _sync(path: Path) -> None:
    """Have the disk hold the content before a name points to it."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def _poured(path: Path) -> Iterator[Path]:
    """A temporary file that is written into the device, pipe or open descriptor at `path`."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft"
        draft.touch()
        yield draft
        number = _descriptor(path)
        sys.stdout.flush()  # what was printed comes first, where this is stdout
        handle = os.open(path, os.O_WRONLY) if number is None else os.dup(number)
        with os.fdopen(handle, "wb") as sink, draft.open("rb") as made:
            shutil.copyfileobj(made, sink)


def _descriptor(path: Path) -> int | None:
    """The open file of this process that `path` stands for, as /dev/stdout does, if it does.

    Opened anew by that name, a file would be written from its beginning, and a socket not at all.
    """
    own = {Path(name).resolve() for name in DESCRIPTORS}
    for _ in range(MAX_LINKS):
        if path.name.isdecimal() and path.parent.resolve() in own:
            return int(path.name)
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    return None
