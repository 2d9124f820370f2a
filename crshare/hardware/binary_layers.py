"""What the layers with binary weights of a network read and weigh, with or without a plan."""

import numpy as np

from crshare.errors import HardwareError
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.options import Options
from crshare.network.graph import Conv, Layer, Network, Signal
from crshare.network.slices import SliceTable, decompose, matrix_of
from crshare.plan.cost import graph_as_planned
from crshare.plan.plan import LayerPlan, SharingPlan
from hwgen import Range
from solver.adder_graph import AdderGraph, build


class BinaryLayers:
    """network: without its plan, which is beside it."""

    def __init__(self, network: Network, plan: SharingPlan | None, options: Options) -> None:
        self.tables = {table.layer: table for table in decompose(network)}
        self.plan, self.options = plan, options

    def input(self, layer: Layer, given: Signal, values: Range) -> LayerInput:
        """Of a layer as it is built, with a plan's weights. values: raw ones of a channel."""
        assert isinstance(layer.op, Conv)
        weights = matrix_of(layer.op.kernel).T.astype(np.int64)
        return LayerInput(layer.name, layer.op, given, values, weights)

    def graph(self, layer: LayerInput) -> AdderGraph:
        """The adder graph of a layer's effective weights."""
        inputs = layer.values.low, layer.values.high
        plan = self.plan.layer(layer.name) if self.plan else None
        if self.options.method == "slices":
            return self._by_slices(self.tables[layer.name], plan, inputs)
        return build(
            layer.weights,
            method=self.options.method,
            measure=self.options.goal,
            input_range=inputs,
            groups=(plan.members if plan else None) or (),
        )

    def _by_slices(
        self, table: SliceTable, plan: LayerPlan | None, inputs: tuple[int, int]
    ) -> AdderGraph:
        if plan is None:
            raise HardwareError("--method slices follows a plan; give one with --plan")
        if table.parts > 1:
            raise HardwareError(
                f"layer {table.layer}: has groups, whose slices no datapath follows; leave out "
                "--method slices"
            )
        return graph_as_planned(table, plan, input_range=inputs, measure=self.options.goal)
