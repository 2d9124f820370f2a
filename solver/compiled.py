"""How a loop is compiled: once, kept on disk, and run without the interpreter's lock."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compiled on its first call; where no folder can be written, anew in each process.

    Arrays are copied inside one entry at a time: assigning a slice takes seconds to compile.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, numba.njit(nogil=True)(function))
