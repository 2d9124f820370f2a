"""How a loop is compiled: once, kept on disk, and run without the interpreter's lock."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function, *, error_model: Literal["python", "numpy"] = "python") -> Function:
    """Compiled on its first call; where no folder can be written, anew in each process.

    error_model: whether a division by 0 raises, as in Python, or gives what numpy gives.
    Nothing calls compiled code by a pointer, so numba leaves the wrapper for that out: a tenth of
    the time to compile. Arrays are copied inside one entry at a time: assigning a slice takes
    seconds to compile.
    """
    options: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True, "error_model": error_model}
    try:
        return cast(Function, numba.njit(function, cache=True, **options))
    except RuntimeError:  # numba found no folder for its cache
        return cast(Function, numba.njit(function, **options))
