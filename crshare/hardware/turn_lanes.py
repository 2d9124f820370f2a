"""A layer in turns on compressor trees: one lane for each output of a turn.

In turn p a lane counts the inputs of its output, each inverted where its weight is -1 then. Inputs
whose weights change sign in the same turns have one `flips`: a bit for each turn in which they are
inverted, beside what inverts them for good in turn 0. They are counted by sevens before they are
inverted, since 7 less a count of seven is its three bits inverted. What is left meets its flips in
full adders: three bits and two flips are the five inputs of one LUT6_2.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from crshare.arrays import Int64Array
from crshare.hardware.layer_input import LayerInput
from crshare.hardware.tree_cells import Columns, TreeCells
from crshare.network.graph import Threshold
from hwgen import Bit, Compare, Compute, Fixed, Folding, Gate, Head, Lookup, Netlist, Range
from hwgen.chains import Join

BITS = Range(0, 1)
COUNTED = 7  # bits of equal flips that are counted before they meet them

Flipped = tuple[int, Bit]  # flips, and the bit that they invert


@dataclass(frozen=True, eq=False)
class TurnLanes:
    """gates: the netlist's inputs, those of the window and then the flips."""

    netlist: Netlist
    gates: tuple[Gate, ...]


def lanes_stage(layer: LayerInput, threshold: Threshold, turns: int, per_stage: int) -> Compute:
    """The stage of a layer of bits and of weights +1 and -1, its outputs in so many turns.

    All outputs rise: weights of a falling threshold are turned round. Where the last turn has
    fewer outputs, it repeats the last of them.
    """
    signs = np.where(threshold.rising, 1, -1).astype(np.int64)
    weights, (rows, columns, constants) = layer.weights * signs[:, None], layer.classes()
    n_lanes = -(-len(weights) // turns)
    places = np.minimum(np.arange(turns * n_lanes), len(weights) - 1)
    # the sum of w * (2b - 1) where it counts is 2 * (agreeing - negative) - constant
    halves = -(-(threshold.at * signs + constants * signs) // 2) + (weights < 0).sum(axis=1)
    made = turn_lanes(
        weights[places].reshape(turns, n_lanes, -1),
        halves[:, places].reshape(-1, turns, n_lanes),
    )
    return Compute(
        layer.name,
        layer.windowing,
        layer.conv.kernel.shape[2],
        layer.values,
        made.netlist,
        rows,
        columns,
        per_stage,
        Folding(turns, made.gates, len(weights)),
    )


def turn_lanes(weights: Int64Array, limits: Int64Array) -> TurnLanes:
    """Lanes for weights [turns, lanes, n_inputs] of +1 and -1.

    limits [classes, turns, lanes]: a lane gives 1 where so many inputs agree with their weights.
    """
    turns, n_lanes, n_inputs = weights.shape
    flips = np.einsum("pui,p->ui", weights != weights[0], 1 << np.arange(turns))
    some = np.unique(flips[flips > 0]).tolist()
    n_classes = len(limits) * turns
    spans = [BITS] * (n_inputs + len(some))
    cells = TreeCells([*spans, Range(0, n_classes - 1)])
    nets = {flip: n_inputs + place for place, flip in enumerate(some)}
    heads = tuple(
        _Lane(cells, nets).head(weights[0, lane], flips[lane], limits[:, :, lane].reshape(-1))
        for lane in range(n_lanes)
    )
    gates = [Gate(place, 0) for place in range(n_inputs)] + [Gate(None, flip) for flip in some]
    n_nets = len(spans) + 1
    ranges = tuple(cells.ranges)
    netlist = Netlist(n_nets, ranges, tuple(cells.cells), heads, n_classes, reads_class=True)
    return TurnLanes(netlist, tuple(gates))


class _Lane:
    """One lane while it is built: bits without flips by weight."""

    def __init__(self, cells: TreeCells, nets: dict[int, int]) -> None:
        self.cells, self.nets = cells, nets
        self.columns: Columns = [[]]

    def head(self, first: Int64Array, flips: Int64Array, limits: Int64Array) -> Head:
        """first: the weights in turn 0. limits: by class, and in it by turn."""
        flipped: list[list[Flipped]] = [[]]
        for flip in np.unique(flips).tolist():
            bits = [Bit(place, bool(first[place] < 0)) for place in np.flatnonzero(flips == flip)]
            if flip == 0:
                self.columns[0] += bits
                continue
            for column, left in enumerate(self._by_sevens(bits)):
                while len(flipped) <= column:
                    flipped.append([])
                flipped[column] += [(flip, bit) for bit in left]
        for column, some in enumerate(flipped):
            self._meet(column, some)
        return self._reached(limits.tolist())

    def _by_sevens(self, bits: list[Bit]) -> Columns:
        """The bits by weight, fewer than seven of each."""
        columns, column = [list(bits)], 0
        while column < len(columns):
            while len(columns[column]) >= COUNTED:
                seven, columns[column] = columns[column][:COUNTED], columns[column][COUNTED:]
                while len(columns) < column + 3:
                    columns.append([])
                for place, bit in enumerate(self.cells.summed([seven, [], []], [0, 0, 0])):
                    assert bit is not None
                    columns[column + place].append(bit)
            column += 1
        return columns

    def _meet(self, column: int, flipped: list[Flipped]) -> None:
        """Full adders for the bits of a column, with bits that are there without flips."""
        for some in _in_threes(flipped):
            waiting = sorted(self._column(column), key=lambda bit: self.cells.levels[bit.net])
            n_plain = min(3 - len(some), len(waiting))
            plain, self.columns[column] = waiting[:n_plain], waiting[n_plain:]
            n_bits = len(some) + n_plain
            net = self.cells.add(self._adder(some, plain), Range(0, n_bits))
            self._column(column).append(Bit(net, False, 0))
            if n_bits > 1:
                self._column(column + 1).append(Bit(net, False, 1))

    def _column(self, column: int) -> list[Bit]:
        while len(self.columns) <= column:
            self.columns.append([])
        return self.columns[column]

    def _adder(self, flipped: Sequence[Flipped], plain: Sequence[Bit]) -> Lookup:
        flips = sorted({flip for flip, _ in flipped})
        bits = [*(bit for _, bit in flipped), *plain]
        given = [*bits, *(Bit(self.nets[flip], False) for flip in flips)]
        inverting = [flips.index(flip) for flip, _ in flipped]
        numbers = []
        for backwards in product((0, 1), repeat=len(given)):
            values = backwards[::-1]
            turned = values[len(bits) :]
            met = (value ^ turned[k] for value, k in zip(values, inverting, strict=False))
            numbers.append(sum(met) + sum(values[len(flipped) : len(bits)]))
        return Lookup(tuple(given), tuple(numbers), packed=True)

    def _reached(self, limits: list[int]) -> Head:
        most = sum(len(bits) << place for place, bits in enumerate(self.columns))
        always = [limit <= 0 for limit in limits]
        if all(always) or all(limit > most for limit in limits):
            return Fixed(tuple(always))
        if min(limits) >= 1 and max(limits) <= most:
            bit = self.cells.reached(self.columns, limits, at_least=True)
            return Compare(bit.net, not bit.inverted, (int(not bit.inverted),) * len(limits))
        room = most.bit_length() - len(self.columns)
        summed = self.cells.summed(
            [*self.columns, *([] for _ in range(room))], [0] * most.bit_length()
        )
        net = self.cells.add(Join(tuple(summed)), Range(0, most))
        return Compare(net, True, tuple(limits))


def _in_threes(flipped: Sequence[Flipped]) -> Iterator[list[Flipped]]:
    """Threes of at most two flips: two of one and one of any; then what is left, in twos."""
    groups = defaultdict[int, list[Flipped]](list)
    for one in flipped:
        groups[one[0]].append(one)
    twos = [group[k : k + 2] for group in groups.values() for k in range(0, len(group) - 1, 2)]
    ones = [group[-1] for group in groups.values() if len(group) % 2]
    while twos:
        two = twos.pop()
        if not ones and twos:
            ones += twos.pop()
        yield [*two, ones.pop()] if ones else two
    while ones:
        yield [ones.pop() for _ in range(min(2, len(ones)))]
