"""Stages of numbers in the architecture that was chosen for them, and what is known of each."""

from math import prod

from crshare.hardware.architecture import Channels, Graph, Unit
from crshare.hardware.around import block_rams
from crshare.hardware.number_cost import multipliers, number_luts
from crshare.hardware.options import Options
from crshare.hardware.pointwise_stage import Tree
from crshare.hardware.real_layer import RealLayer, architecture_of
from crshare.hardware.settling import LoweredLayer
from hwgen import Compute, MatrixVector, Netlist, Pointwise, tally


def weighted_stage(
    layer: RealLayer, options: Options
) -> tuple[Compute | MatrixVector, LoweredLayer]:
    """A layer with weights in fixed point: additions or products."""
    walked, windows = prod(layer.windowing.padded), prod(layer.windowing.output)
    built = architecture_of(layer, options.architectures.get(layer.name), options.skip)
    stage: Compute | MatrixVector
    match built:
        case Graph():
            stage = layer.unrolled(options.per_stage)
            figures = figures_of(stage.netlist)
            return stage, LoweredLayer(layer.name, "shifts", *figures, clocks=walked)
        case Unit():
            stage = layer.unit(built, options.per_stage)
            luts, *_ = figures_of(stage.lanes[0])
            blocks = block_rams(stage.n_words, stage.memory_width) if built.memory == "block" else 0
            return stage, LoweredLayer(
                layer.name,
                "products",
                stage.n_lanes * luts + stage.n_lanes * stage.sum_width,
                *(0, 0, max(stage.lanes[0].levels)),
                phases=stage.n_words,
                architecture="unit",
                clocks=walked + windows * (stage.n_words - 1),
                block_rams=blocks,
                dsps=stage.n_lanes * multipliers(stage.lanes[0]),
            )


def pointwise_layer(tree: Tree, options: Options) -> tuple[Pointwise, LoweredLayer]:
    """Layers that look at one position and one channel, all channels at once or in turns."""
    name = tree.root.name
    asked = options.architectures.get(name)
    turns = asked.turns if isinstance(asked, Channels) else 1
    stage = tree.stage(options.per_stage, turns)
    rows, columns, _ = tree.network.signals[name].shape
    figures = figures_of(stage.netlist)
    method = "channels" if turns > 1 else "shifts"
    return stage, LoweredLayer(
        name,
        method,
        *figures,
        phases=turns,
        architecture="channels",
        clocks=rows * columns * turns,
        dsps=multipliers(stage.netlist),
    )


def figures_of(netlist: Netlist) -> tuple[int, int, int, int]:
    """LUTs by estimate, full adders, additions and depth."""
    found = tally(netlist)
    depth = max(netlist.levels, default=0)
    return number_luts(netlist), found.adder_bits, found.additions, depth
