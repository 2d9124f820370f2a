"""What each architecture of each layer takes, by estimate: the menu that a choice is made from.

Units are counted by their formula (`unit_cost`). A shared graph, or lanes in turns (`turns_cost`),
are estimated from their shape until they have been built; their weights make little difference.
Measured on random weights of 4 to 128 outputs of 64 to 1,152 inputs, graphs take c * n_inputs**-p
LUTs a weight within 8 %, with c and p by target; windows, thresholds and pipeline registers come on
top.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from crshare.hardware.architecture import (
    Architecture,
    Channels,
    Graph,
    Resources,
    Size,
    Turns,
    Unit,
    clocks,
    size_of,
)
from crshare.hardware.around import window_cost
from crshare.hardware.left_out import of_both_parities
from crshare.hardware.number_costs import channel_options, real_options
from crshare.hardware.options import EITHER
from crshare.hardware.parts import part_of
from crshare.hardware.priced import Priced
from crshare.hardware.turns_cost import turns_estimate, turns_of
from crshare.hardware.unit_cost import choices, unit_cost
from crshare.network.graph import Conv, Kind, Layer, Network, RealConv
from hwgen.targets import GENERIC, XILINX

GRAPH_LUTS = {GENERIC: (1.54, 0.25), XILINX: (0.87, 0.30)}
WIDER = 0.23  # of a graph's LUTs for each further bit of its inputs
A_TURN = 1.5  # LUTs of an input of one output in 4 or 8 turns, as yosys maps it
REGISTERS = {GENERIC: 0.42, XILINX: 1.4}  # for each LUT of a pipelined graph

Built = tuple[str, Architecture]
"""A layer by its name, and a graph or turns that were built, or are to be."""

Exact = Mapping[Built, Resources]
"""What graphs and turns take that have been built."""


@dataclass(frozen=True, slots=True)
class Menu:
    """The architectures that a layer may have."""

    layer: str
    options: tuple[Priced, ...]


def menus(
    network: Network,
    target: str,
    exact: Exact,
    only: tuple[str, str] | None = None,
    by_hand: Mapping[str, Architecture] | None = None,
    skip: str = EITHER,
) -> tuple[Menu, ...]:
    """For each layer with weights, and for what looks at channels alone, what it may be.

    by_hand: of layers that have no choice. skip: of weights in fixed point.
    """
    fixed, part, found = by_hand or {}, part_of(network, only), list[Menu]()
    network = part.network
    for layer in part.layers:
        options: Iterator[Priced] = iter(())
        if isinstance(layer.op, Conv):
            options = _options(network, layer, target, exact)
            if layer.name in fixed:
                options = iter([priced(network, layer.name, fixed[layer.name], target, exact)])
        elif isinstance(layer.op, RealConv):
            options = real_options(part, layer, skip, fixed.get(layer.name))
        elif part.is_root(layer):
            options = channel_options(part, layer, fixed.get(layer.name))
        menu = Menu(layer.name, tuple(options))
        found += [menu] if menu.options else []
    return tuple(found)


def _options(network: Network, layer: Layer, target: str, exact: Exact) -> Iterator[Priced]:
    assert isinstance(layer.op, Conv)
    yield priced(network, layer.name, Graph(), target, exact)
    for turns in turns_of(network, layer, target):
        yield priced(network, layer.name, turns, target, exact)
    if network.threshold_of(layer.name) is None and of_both_parities(layer.op.kernel):
        return  # scores that no unit gives
    if network.threshold_of(layer.name) is None and _is_odd_at_borders(network, layer, layer.op):
        return
    for unit in choices(network, layer.name, target):
        yield priced(network, layer.name, unit, target, exact)


def _is_odd_at_borders(network: Network, layer: Layer, conv: Conv) -> bool:
    """Whether sums over a border of zeros may be even or odd."""
    size = size_of(network, layer.name)
    bits = network.input_of(layer).kind is Kind.BITS
    return bits and conv.pad_value == 0 and any(size.windowing.pads) and bool(size.channels % 2)


def priced(
    network: Network, layer: str, architecture: Architecture, target: str, exact: Exact
) -> Priced:
    """An architecture of a layer by formula, or a graph that has been built."""
    pace = clocks(network, layer, architecture)
    match architecture:
        case Unit() as unit:
            return Priced(unit, pace, unit_cost(network, layer, unit, target))
        case Graph() | Turns() if (layer, architecture) in exact:
            return Priced(architecture, pace, exact[layer, architecture], exact=True)
        case Graph():
            return Priced(architecture, pace, graph_estimate(size_of(network, layer), target))
        case Turns(turns) if target == XILINX:
            return Priced(architecture, pace, turns_estimate(size_of(network, layer), turns))
        case Turns(turns) | Channels(turns):
            size = size_of(network, layer)
            luts = round(A_TURN * -(-size.n_outputs // turns) * size.n_inputs)
            return Priced(architecture, pace, graph_cost(size, luts, target))


def graph_estimate(size: Size, target: str) -> Resources:
    """Of a shared graph, its window and thresholds, from the shape alone."""
    factor, power = GRAPH_LUTS[target]
    a_weight = factor * size.n_inputs**-power * (1 + WIDER * (size.width - 1))
    luts = round(a_weight * size.n_inputs * size.n_outputs)
    return graph_cost(size, luts, target)


def graph_cost(size: Size, luts: int, target: str, held: int | None = None) -> Resources:
    """Of a graph of so many LUTs, with its window, comparisons and registers.

    held: bits that its pipeline registers hold, where it has been built.
    """
    compared = 0 if target == XILINX else size.n_outputs * _compared(size)
    channels = size.n_inputs // prod(size.windowing.kernel)
    window = window_cost(size.windowing, channels * size.width)
    held = round(REGISTERS[target] * luts) if held is None else held
    return Resources(luts + compared, held + size.n_outputs, 0) + window


def _compared(size: Size) -> int:
    """LUTs of a comparison with a constant."""
    return -(-(size.n_inputs * ((1 << size.width) - 1)).bit_length() // 4)
