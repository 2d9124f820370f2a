"""Whether two thresholds decide alike, and signs that give 0 where a network has +1 or -1."""

from collections.abc import Set
from dataclasses import replace
from fractions import Fraction

import numpy as np

from crshare.arrays import BoolArray, Int32Array
from crshare.errors import ModelFormatError
from crshare.frontend.formats import Described
from crshare.network.graph import Threshold
from crshare.thresholds.assemble import Assembly, assemble
from crshare.thresholds.layer_ops import Binarize, LayerOp, Node


def refuse_ties(
    found: Described,
    assembly: Assembly,
    rescale: tuple[Fraction, Fraction] | None,
    *,
    features: bool = False,
) -> None:
    """ModelFormatError where a sign that gives 0 for 0 may meet exactly 0.

    It may where the network with +1 for 0 and that with -1 decide differently on some sum in reach.
    """
    if not found.signs:
        return
    signs = frozenset(found.signs)
    nodes = [_lowered(node, signs) for node in found.nodes]
    lower = assemble(found.shape, rescale, nodes, features=features)
    others = {layer.name: layer.op for layer in lower.network.layers}
    for layer in assembly.network.layers:
        other = others.get(layer.name)
        if isinstance(layer.op, Threshold) and isinstance(other, Threshold):
            bound = assembly.network.input_of(layer).bound
            same = same_decisions(layer.op, other, bound)
            if not same.all():
                _refuse(layer.name, int(np.flatnonzero(~same)[0]))


def _refuse(name: str, channel: int) -> None:
    raise ModelFormatError(
        f"{name} is a Sign, which gives 0 for 0, and the sums of channel {channel} before it can "
        "be exactly 0; write torch.where(x >= 0, 1.0, -1.0), or say --sign-layer Sign where 0 may "
        "count as +1"
    )


def _lowered(node: Node, signs: Set[str]) -> Node:
    """A node with -1 for 0 in these signs."""

    def lowered(layer_op: LayerOp) -> LayerOp:
        if isinstance(layer_op, Binarize) and layer_op.owner in signs:
            return replace(layer_op, zero_is_plus=False)
        return layer_op

    return replace(node, layer_ops=tuple(map(lowered, node.layer_ops)))


def same_decisions(one: Threshold, other: Threshold, bound: int) -> BoolArray:
    """Per channel, whether both thresholds decide alike for every sum within +-bound."""
    least, greatest = _firing(one, bound)
    other_least, other_greatest = _firing(other, bound)
    both_never = (least > greatest) & (other_least > other_greatest)
    same: BoolArray = both_never | ((least == other_least) & (greatest == other_greatest))
    return same


def _firing(threshold: Threshold, bound: int) -> tuple[Int32Array, Int32Array]:
    """The least and the greatest sum that gives +1, for each channel; none where they cross."""
    at = threshold.at.astype(np.int64)
    least = np.where(threshold.rising, np.clip(at, -bound, bound + 1), -bound)
    greatest = np.where(threshold.rising, bound, np.clip(at, -bound - 1, bound))
    return least.astype(np.int32), greatest.astype(np.int32)
