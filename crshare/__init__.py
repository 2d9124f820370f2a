"""crshare: result sharing for binarized neural networks.

The functions of crshare.api are here under their own names, imported when first used.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = [
    "analyze",
    "apply_tables",
    "choose",
    "demo_images",
    "evaluate",
    "evaluate_tables",
    "generate",
    "image_set",
    "load",
    "load_images",
    "load_plan",
    "load_plan_tables",
    "optimize",
    "optimize_tables",
    "save_figures",
    "save_plan",
    "save_plan_tables",
    "to_fixed_point",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("crshare.api"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
