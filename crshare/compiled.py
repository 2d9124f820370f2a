"""How a loop is compiled: once, kept on disk, and run without the interpreter's lock."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])
njit: Any = numba.njit


def compiled(function: Function) -> Function:
    """Compiled on its first call; where no folder can be written, anew in each process."""
    try:
        return cast(Function, njit(function, cache=True, nogil=True, error_model="numpy"))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, njit(function, nogil=True, error_model="numpy"))
