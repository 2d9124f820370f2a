"""Whether the libraries of the extra `train` are there, asked before a module imports them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from crshare.errors import CrshareError

PACKAGES = ("tensorflow", "tf_keras", "larq")


class LibraryError(CrshareError):
    """A library is missing, or does not do what is asked of it."""


def require_training() -> None:
    """LibraryError where training has not all that it needs."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise LibraryError(
            f'training needs {missing[0]}, which is not installed; try pip install "crshare[train]"'
        )


@contextmanager
def silent() -> Iterator[None]:
    """Without what TensorFlow's libraries write to stderr on import, whatever their log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
