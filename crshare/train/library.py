"""Whether the libraries of the extra `train` are there, asked before a module imports them."""

from importlib.util import find_spec

from crshare.errors import CrshareError

PACKAGES = ("tensorflow", "tf_keras", "larq")


class LibraryError(CrshareError):
    """A library is missing, or does not do what is asked of it."""


def require_training() -> None:
    """LibraryError where training has not all that it needs."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise LibraryError(
            f"training needs {missing[0]}, which is not installed; try pip install crshare[train]"
        )
