"""How a loop over bits and sums is compiled: as the solver's, with numpy's rules for division."""

from collections.abc import Callable
from typing import Any, TypeVar

from solver.compiled import compiled as compiled_loop

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    return compiled_loop(function, error_model="numpy")
