"""What `crshare analyze --quick` prints: slices, and no adders."""

from collections.abc import Sequence

from rich.console import Group, RenderableType

from crshare.report.figures import share
from crshare.report.schema import AnalysedLayer
from crshare.report.terminal import NEAREST_NOTE, slices_table
from crshare.screen import line


def quick_tables(title: str, layers: Sequence[AnalysedLayer]) -> RenderableType:
    """The table of slices, and how many slice operations are left of all layers."""
    before = sum(layer.counts.before.slice_operations for layer in layers)
    after = sum(layer.counts.after.slice_operations for layer in layers)
    total = f"Slice operations for one image: {after:,} of {before:,}, {share(after, before)} left."
    return Group(line(title), slices_table(layers), line(NEAREST_NOTE, style="dim"), line(total))
