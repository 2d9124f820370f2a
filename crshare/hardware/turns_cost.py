"""What lanes in turns take on a device with compressor trees, and which turns are worth it.

Measured on the digits' convolutions of 288 and 576 inputs in 2 to 12 turns: a lane takes a share of
a site for each input that depends on how many inputs have their sign changes in common, those of a
window over the 2**(turns - 1) ways to change them, within 5 %.
"""

from math import log2

import numpy as np

from crshare.hardware.architecture import Resources, Size, Turns, size_of
from crshare.hardware.around import window_cost
from crshare.hardware.unit_cost import fifo_cost
from crshare.network.graph import Conv, Kind, Layer, Network
from hwgen import Folding
from hwgen.lut_tables import INPUTS
from hwgen.targets import XILINX

ALIKE = (-3.0, 2.0, 4.0, 8.0)  # log2 of the inputs that change signs alike
SITES = (0.735, 0.66, 0.58, 0.51)  # of a lane, for each of its inputs
MOST = 16  # turns; with more, nearly every input changes its signs in its own way
BORDERS = 9  # classes of windows that hang over borders
HELD = 0.6  # registers for each site of a lane
PHASE = 4  # LUTs that count the turns


def turns_of(network: Network, layer: Layer, target: str) -> list[Turns]:
    """Of a layer, the fewest turns for each number of lanes; none where it has no lanes."""
    bits = network.signals[layer.source].kind is Kind.BITS
    if target != XILINX or not bits or network.threshold_of(layer.name) is None:
        return []
    assert isinstance(layer.op, Conv)
    n_outputs = layer.op.kernel.shape[3]
    if size_of(network, layer.name).left_out:
        return []
    lanes = dict[int, int]()
    for turns in range(2, min(MOST, n_outputs) + 1):
        lanes.setdefault(-(-n_outputs // turns), turns)
    return [Turns(turns) for turns in lanes.values()]


def turns_estimate(size: Size, turns: int) -> Resources:
    """From the shape alone."""
    n_lanes, ways = -(-size.n_outputs // turns), 1 << turns - 1
    a_site = float(np.interp(log2(size.n_inputs / ways), ALIKE, SITES))
    classes = turns * (BORDERS if any(size.windowing.pads) else 1)
    limits = (size.n_inputs.bit_length() + 1) // 2 << max(
        0, (classes - 1).bit_length() - INPUTS + 1
    )
    luts = n_lanes * (round(a_site * size.n_inputs) + limits)
    return _around(size, turns, luts, round(HELD * luts), min(ways - 1, n_lanes * size.n_inputs))


def turns_cost(size: Size, luts: int, held: int, folding: Folding) -> Resources:
    """Of lanes that have been built. luts: of theirs. held: bits of their pipeline registers."""
    n_flips = sum(gate.place is None for gate in folding.gates)
    return _around(size, folding.phases, luts, held, n_flips)


def _around(size: Size, turns: int, luts: int, held: int, n_flips: int) -> Resources:
    window = window_cost(size.windowing, size.channels * size.width)
    control = Resources(n_flips + turns + PHASE, size.n_outputs, 0)
    return Resources(luts, held, 0) + window + control + fifo_cost(size)
