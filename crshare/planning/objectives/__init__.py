"""The objectives by name. Their modules are imported when they are asked for."""

from importlib import import_module
from typing import TYPE_CHECKING

from crshare.errors import PlanError

if TYPE_CHECKING:
    from crshare.planning.objective import Objective

OBJECTIVES = {
    "slice_operations": "SliceOperations",
    "additions": "Additions",
    "luts": "Luts",
}
DEFAULT = "slice_operations"
CLOCKED = ("luts",)


def objective(name: str, clocks: int = 1) -> "Objective":
    """The objective of this name; PlanError where there is none.

    clocks: for an image, which the objectives of CLOCKED want to know.
    """
    if name not in OBJECTIVES:
        raise PlanError(f"minimise {name!r}: no such measure; choose {' or '.join(OBJECTIVES)}")
    module = import_module(f"{__name__}.{name}")
    kind = getattr(module, OBJECTIVES[name])
    if clocks != 1 and name not in CLOCKED:
        raise PlanError(f"clocks {clocks}: only {' and '.join(CLOCKED)} depend on clocks an image")
    found: Objective = kind(clocks=clocks) if name in CLOCKED else kind()
    return found
