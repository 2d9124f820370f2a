"""How figures are formatted for people, and how they are grouped."""

from collections.abc import Sequence
from math import floor

from crshare.plan.cost import LayerCounts

MEASURES = (
    ("Slice operations", "slice_operations"),
    ("Additions", "additions"),
    ("Full adders", "full_adders"),
)


def parts(counts: Sequence[LayerCounts]) -> list[tuple[str, list[LayerCounts]]]:
    """The layers that are counted together, those with something in them."""
    binary = [layer for layer in counts if not layer.integer_input]
    named = [
        ("convolutions", [layer for layer in binary if not layer.is_dense]),
        ("dense layers", [layer for layer in binary if layer.is_dense]),
        ("first layer", [layer for layer in counts if layer.integer_input]),
    ]
    return [(title, part) for title, part in named if part]


def less(after: int, before: int) -> str:
    """Reduction in per cent, never rounded up."""
    return f"{floor(1000 * (1 - after / before)) / 10:.1f} %" if before else "-"


def share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else "-"


def short(number: int) -> str:
    """Three or four figures and a unit: 28.9 M."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= 100 * size:
            return f"{number / size:.0f} {unit}"
        if number >= 10 * size or (unit != "k" and number >= size):
            return f"{number / size:.1f} {unit}"
    return f"{number:,}"
