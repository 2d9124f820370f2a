"""How figures are formatted for people, and how they are grouped."""

from collections.abc import Sequence
from dataclasses import dataclass

from crshare.plan.cost import LayerCounts
from crshare.report.schema import Realisations

MEASURES = (
    ("Slice operations", "slice_operations"),
    ("Additions", "additions"),
    ("Full adders", "full_adders"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A measure of one way to build the layers: following slices, or as an adder graph."""

    name: str
    measure: str
    is_graph: bool = False

    def of(self, layers: Realisations) -> tuple[int, int, int]:
        """Unshared, shared exactly, and as planned."""
        return layers.graphs(self.measure) if self.is_graph else layers.slices(self.measure)


ROWS = (
    Row("Slice operations", "slice_operations"),
    Row("Additions, slices", "additions"),
    Row("Additions, graph", "additions", is_graph=True),
    Row("Full adders, slices", "full_adders"),
    Row("Full adders, graph", "full_adders", is_graph=True),
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


def in_points(loss: float) -> str:
    """1 point, 0.5 points."""
    return f"{loss:g} point{'' if loss == 1 else 's'}"


def begun(words: str) -> str:
    """With a capital first letter, the others as they are: LUTs, not Luts."""
    return words[:1].upper() + words[1:]


def less(after: int, before: int) -> str:
    """Reduction in per cent, never rounded up."""
    return f"{1000 * (before - after) // before / 10:.1f} %" if before else "-"


def change(after: int, before: int) -> str:
    """The same with its sign: −43.0 %, or +0.4 % where there is more than before."""
    saved = less(after, before)
    if saved.startswith("-") and before:
        return f"+{saved[1:]}"
    return saved if saved in ("-", "0.0 %") else f"−{saved}"


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
