"""Files of the user's: reading what is a regular file, writing whole or not at all."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crshare.errors import CrshareError, OutputError


def read_file_bytes(path: Path, refusal: type[CrshareError], advice: str, at_most: int) -> bytes:
    """The content of a regular file of no more than `at_most` bytes; `refusal` where it is not one.

    A device, a pipe or a socket is refused before a byte is read, so that none can block.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise refusal(f"{path}: no such file; {advice}") from None
    except (OSError, ValueError) as error:
        raise refusal(f"{path}: cannot be read ({_reason(error)}); {advice}") from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise refusal(f"{path}: is no regular file; {advice}")
        if found.st_size > at_most:
            raise refusal(f"{path}: is larger than {at_most:,} bytes; {advice}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(at_most)
    except (OSError, MemoryError) as error:
        raise refusal(f"{path}: cannot be read ({_reason(error)}); {advice}") from error
    finally:
        os.close(handle)


def _reason(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or error or type(error).__name__)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends without an error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise _refusal(path, error) from error
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o666 & ~_umask())
        draft.replace(path)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _refusal(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path}: cannot be written ({error.strerror or error}); choose another place"
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
