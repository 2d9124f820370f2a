"""LUTs of all layers of a plan together."""

from collections.abc import Sequence

from crshare.plan.luts import LayerLuts


def luts_together(layers: Sequence[LayerLuts]) -> LayerLuts:
    """The sums of all layers."""
    return LayerLuts(
        "all",
        sum(layer.unshared for layer in layers),
        sum(layer.exact for layer in layers),
        sum(layer.planned for layer in layers),
    )
