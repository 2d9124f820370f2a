"""Least-cost sharing over integers: knows no filter, no file, no hardware.

Two problems. `Problem`: which candidates to open, and who serves each item. `Knapsack`: one option
of each group within a budget. `solve` and `solve_knapsack` answer them, with a proven bound.
The names below are imported from their modules when first used.
"""

from importlib import import_module

FACE = {
    "engines.backends": ("BACKENDS", "KNAPSACK_BACKENDS", "solve", "solve_knapsack"),
    "errors": (
        "AnswerError",
        "BackendUnavailableError",
        "EngineFaultError",
        "ProblemError",
        "SolverError",
    ),
    "facility.knapsack": ("Choice", "Knapsack", "knapsack", "verify_choice"),
    "facility.problem": ("Problem", "dense"),
    "facility.quick": ("serve_quickly",),
    "facility.selection": ("WORK", "Answer", "Selection", "Status", "verify"),
}
PLACE = {name: module for module, names in FACE.items() for name in names}
__all__ = sorted(PLACE)


def __getattr__(name: str) -> object:
    if name not in PLACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
