"""What layers in fixed point take in each architecture, by estimate: menus beside those of binary
weights.

Pointwise stages are built to be counted, which costs little; shifted additions of a matrix are
estimated from its digits. Measured on random matrices of 16 to 64 rows, half of the digits are
additions (.49 to .58), each as wide as its input and three bits.
"""

from collections.abc import Iterator
from itertools import product
from math import prod

from crshare.hardware.architecture import (
    BLOCK,
    MEMORIES,
    Architecture,
    Channels,
    Graph,
    Resources,
    Unit,
    divisors,
)
from crshare.hardware.around import block_rams, choosing, looked_up, queue_cost, window_cost
from crshare.hardware.number_cost import multipliers, number_luts
from crshare.hardware.options import ADDERS, PRODUCTS
from crshare.hardware.parts import Part
from crshare.hardware.pointwise_stage import Stream, Tree, bits_at
from crshare.hardware.priced import Priced
from crshare.hardware.real_layer import RealLayer, product_lane, real_layer
from crshare.network.fixed_point import BITS, Grid
from crshare.network.graph import Concatenate, Kind, Layer, RealConv, Threshold
from hwgen import Netlist, Pointwise, Queue, Range
from hwgen.datapath import Schedule
from solver.shift_adds import digits

SHARED = 0.53  # additions of a digit
WIDER = 3  # bits of an addition beyond those of an input
PER_STAGE = 3
CONTROL = 12  # counters and the pipeline of a stage in turns


def real_options(
    part: Part, layer: Layer, skip: str, asked: Architecture | None
) -> Iterator[Priced]:
    """Of a layer with weights in fixed point: additions, multipliers, or both. asked: the only
    one."""
    real = real_of(part, layer)
    walked, windows = prod(real.windowing.padded), prod(real.windowing.output)
    window = window_cost(real.windowing, real.channels * real.values.width)
    added = isinstance(asked, Graph) if asked else skip != PRODUCTS
    multiplied = not isinstance(asked, Graph) if asked else skip != ADDERS
    if added:
        luts = graph_luts(real)
        held = Resources(luts, luts + real.sums.width * len(real.weights), 0)
        yield Priced(Graph(), walked, held + window, exact=True)
    if not multiplied:
        return
    pairs = product(divisors(len(real.weights)), divisors(real.n_inputs), MEMORIES)
    units = [asked] if isinstance(asked, Unit) else [Unit(*sizes) for sizes in pairs]
    simds = {unit.simd for unit in units}
    lanes = {simd: product_lane(simd, real.values, real.weight_range) for simd in simds}
    for unit in units:
        each = len(real.weights) // unit.pe * (real.n_inputs // unit.simd)
        taken = _unit_cost(real, unit, lanes[unit.simd]) + window
        yield Priced(unit, walked + windows * (each - 1), taken, exact=True)


def real_of(part: Part, layer: Layer) -> RealLayer:
    """With a stream of the bounds of its grid, which a stage may do with less of."""
    assert isinstance(layer.op, RealConv)
    grid, given = _grid(part, layer.source), part.network.signals[layer.source]
    stream = Stream(0, Range(grid.low, grid.high))
    return real_layer(layer, layer.op, given, stream, grid)


def _grid(part: Part, name: str) -> Grid:
    return BITS if part.network.signals[name].kind is Kind.BITS else part.grids[name]


def graph_luts(real: RealLayer) -> int:
    """Of shifted additions of a matrix, from its digits."""
    n_digits = sum(1 for row in real.weights for weight in row for _ in digits(weight))
    return round(SHARED * n_digits * (real.values.width + WIDER))


def _unit_cost(real: RealLayer, unit: Unit, lane: Netlist) -> Resources:
    folds, turns = real.n_inputs // unit.simd, len(real.weights) // unit.pe
    words, sum_width = folds * turns, real.sums.width
    width = unit.simd * real.values.width
    bits = unit.pe * unit.simd * real.weight_range.width
    blocks = block_rams(words, bits) if unit.memory == BLOCK else 0
    kept = 0 if unit.memory == BLOCK else looked_up(bits, words)
    sums = unit.pe * sum_width * 2
    starts = looked_up(unit.pe * sum_width, turns) if any(real.biases) else 0
    luts = unit.pe * number_luts(lane) + sums + kept + starts + choosing(width, folds) + CONTROL
    held = width + bits + sums + len(real.weights) * sum_width + real.channels * real.values.width
    return Resources(luts, held, blocks, unit.pe * multipliers(lane))


def channel_options(part: Part, layer: Layer, asked: Architecture | None) -> Iterator[Priced]:
    """Of what looks at channels alone: all at once, or in turns. asked: the only one."""
    tree = tree_of(part, layer)
    rows, columns, channels = part.network.signals[layer.name].shape
    one_by_one = not isinstance(layer.op, Threshold | Concatenate)
    every = divisors(channels) if one_by_one else [1]
    for turns in [asked.turns] if isinstance(asked, Channels) else every:
        stage = tree.stage(PER_STAGE, turns)
        taken = pointwise_cost(stage) + queue_estimate(part, layer, tree)
        yield Priced(Channels(turns), rows * columns * turns, taken, exact=True)


def tree_of(part: Part, layer: Layer) -> Tree:
    """With streams of the bounds of grids."""
    streams = {part.start: _stream(part, part.start)}
    for other in part.layers:
        if not part.is_inside(other) and not part.scales_scores(other):
            streams[other.name] = _stream(part, other.name)
    streams.pop(layer.name, None)
    return Tree(part.network, {part.start: BITS, **part.grids}, streams, layer)


def _stream(part: Part, name: str) -> Stream:
    if part.network.signals[name].kind is Kind.BITS:
        return bits_at(0)
    return Stream(0, Range(part.grids[name].low, part.grids[name].high))


def pointwise_cost(stage: Pointwise) -> Resources:
    """With choices among channels and tables of constants where it has turns."""
    luts, held = number_luts(stage.netlist), Schedule(stage.netlist, stage.per_stage).n_registers()
    registers = held + stage.out_width
    if stage.turns > 1:
        for lanes in stage.given:
            a_turn = lanes.width // stage.turns
            luts += choosing(a_turn, stage.turns)
            registers += lanes.width + a_turn
        for words in stage.tables:
            width = Range(min(words), max(words)).width
            luts += looked_up(width, stage.turns)
            registers += width
        luts += CONTROL
    return Resources(luts, registers, 0, multipliers(stage.netlist))


def queue_estimate(part: Part, layer: Layer, tree: Tree) -> Resources:
    """Of the queues before a join: all paths but the widest wait for a row of a window, about; or
    all for the whole map, where a single position counts for all of it."""
    signals = part.network.signals
    rows, columns, _ = signals[layer.name].shape
    leaves = [leaf for leaf in tree.leaves if signals[leaf].shape[:2] == (rows, columns)]
    whole = len(leaves) < len(tree.leaves)
    widths = sorted(signals[leaf].shape[2] * tree.streams[leaf].values.width for leaf in leaves)
    depth = rows * columns if whole else columns + 8
    queues = (Queue(layer.name, width, depth) for width in (widths if whole else widths[:-1]))
    return sum(map(queue_cost, queues), Resources(0, 0, 0))
