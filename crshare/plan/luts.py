"""LUTs of a layer that is built unrolled: separate sums, an exact graph, and the graph of a plan.

They are sites of compressor trees, as `crshare generate --target xilinx` builds them and
`solver.adder_graph` counts them (measure lut6); thresholds and buffers are not among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crshare.arrays import Int8Array
from crshare.network.graph import Signal
from crshare.network.slices import SliceTable
from crshare.plan.plan import LayerPlan, Members
from crshare.typed_json import Count
from solver.adder_graph import build, measure

KEPT = 256  # layers whose LUTs are remembered
BITS = (0, 1)


@dataclass(frozen=True, slots=True)
class LayerLuts:
    """LUTs of one layer's sums, one window a clock: of separate sums, of the original weights in
    an exact graph, and of the plan's weights in one."""

    layer: str
    unshared: Count
    exact: Count
    planned: Count


def layer_luts(table: SliceTable, plan: LayerPlan, given: Signal) -> LayerLuts:
    """`given`: the signal into the layer, whose bound is the adders' input range."""
    inputs = (-given.bound, given.bound) if table.integer_input else BITS
    return LayerLuts(
        layer=table.layer,
        unshared=unshared_luts(table, inputs),
        exact=graph_luts(table.matrix, None, inputs),
        planned=graph_luts(plan.effective(table), plan.members, inputs),
    )


def luts_together(layers: Sequence[LayerLuts]) -> LayerLuts:
    """The sums of all layers."""
    return LayerLuts(
        "all",
        sum(layer.unshared for layer in layers),
        sum(layer.exact for layer in layers),
        sum(layer.planned for layer in layers),
    )


def unshared_luts(table: SliceTable, inputs: tuple[int, int] = BITS) -> int:
    """Every filter on its own."""
    weights = table.matrix.T.astype(np.int64)
    rows = weights if inputs != BITS else weights[:1]  # of bits, all filters cost the same
    graphs = (
        build(row[None], method="separate", measure="lut6", input_range=inputs) for row in rows
    )
    return sum(measure(graph).lut6 for graph in graphs) * table.n_filters // len(rows)


def graph_luts(
    weights: Int8Array, members: Members | None = None, inputs: tuple[int, int] = BITS
) -> int:
    """Of weights [inputs, filters] of +1, -1 and 0; members: groups of filters of few patterns."""
    groups = tuple(map(tuple, (own.tolist() for own in members or ())))
    return _graph_luts(weights.tobytes(), weights.shape, groups, inputs)


@lru_cache(maxsize=KEPT)
def _graph_luts(
    content: bytes,
    shape: tuple[int, ...],
    groups: tuple[tuple[int, ...], ...],
    inputs: tuple[int, int],
) -> int:
    """Without the long search of an adder graph, which saves some hundredths."""
    weights = np.frombuffer(content, np.int8).reshape(shape).T.astype(np.int64)
    graph = build(weights, measure="lut6", input_range=inputs, search_rounds=0, groups=groups)
    return measure(graph).lut6
