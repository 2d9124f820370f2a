"""LUTs of all that stands around the graphs of some layers, so that a table counts every stage."""

from collections.abc import Collection

from crshare.errors import HardwareError
from crshare.hardware.architecture import Graph, size_of
from crshare.hardware.around import around_part
from crshare.hardware.costs import Menu, graph_cost, menus
from crshare.hardware.parts import part_of
from crshare.hardware.priced import Priced
from crshare.network.graph import Network
from hwgen.targets import XILINX


def other_luts(network: Network, unrolled: Collection[str]) -> int | None:
    """By estimate, at the rate of the slowest layer where each gives a window a clock: windows and
    comparisons of these layers, all others as they take the fewest LUTs (weights may lie in block
    RAM), pools and the decision for a class. None where the network has no hardware."""
    try:
        part, found = part_of(network, None), menus(network, XILINX, {})
        total = around_part(part).resources.luts
    except HardwareError:
        return None
    pace = max(_graph(menu).clocks for menu in found)
    for menu in found:
        if menu.layer in unrolled:
            total += graph_cost(size_of(part.network, menu.layer), 0, XILINX).luts
        else:
            total += min(one.resources.luts for one in menu.options if one.clocks <= pace)
    return total


def _graph(menu: Menu) -> Priced:
    """Unrolled, or what is fastest."""
    graphs = (one for one in menu.options if isinstance(one.architecture, Graph))
    return next(graphs, min(menu.options, key=lambda one: one.clocks))
