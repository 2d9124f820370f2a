"""The objectives by name. Their modules are imported when they are asked for."""

from importlib import import_module
from typing import TYPE_CHECKING

from crshare.errors import PlanError

if TYPE_CHECKING:
    from crshare.planning.objective import Objective

OBJECTIVES = {
    "slice_operations": "SliceOperations",
    "additions": "Additions",
}
DEFAULT = "slice_operations"


def objective(name: str) -> "Objective":
    """The objective of this name; PlanError where there is none."""
    if name not in OBJECTIVES:
        raise PlanError(f"minimise {name!r}: no such measure; choose {' or '.join(OBJECTIVES)}")
    module = import_module(f"{__name__}.{name}")
    found: Objective = getattr(module, OBJECTIVES[name])()
    return found
