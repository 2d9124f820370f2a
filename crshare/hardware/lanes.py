"""The netlist of a lane of a matrix-vector unit: how many bits agree with their weights.

Bits of values and of weights go through small tables first, a few of them a table, then all tables'
numbers are added up: by a compressor tree where the target has one, else by counters of six bits
and adders. With few words the weights are no bits: the tables know them by the number of the word.

Before a compressor tree, bits of a memory's weights are met in rows: a table of three values, and
behind it full adders of two values and the sum bit before them. Two values, their weights and that
bit are the five inputs of one LUT6_2, which compares them and adds them up in one site.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from crshare.hardware.tree_cells import Columns, TreeCells
from hwgen import Add, Bit, Cell, Linear, Lookup, Netlist, Operand, Popcount, Range
from hwgen.chains import Join
from hwgen.datapath import Schedule
from hwgen.lut_tables import INPUTS

BITS = Range(0, 1)
STEPS = 2  # full adders of a row, behind its table


@dataclass(frozen=True, slots=True)
class LaneShape:
    """simd values of `width` bits, the highest inverted where values are signed.

    word_bits: of the number of a word, where that stands for weights. heaps: compressor trees.
    """

    simd: int
    width: int
    signed: bool
    word_bits: int | None
    heaps: bool

    @property
    def n_values(self) -> int:
        return self.simd * self.width

    @property
    def per_table(self) -> int:
        """Bits of values that one table reads."""
        if self.word_bits is None:
            return INPUTS // 2
        if self.heaps and self.word_bits:
            return max(2, min(3, INPUTS - self.word_bits))
        return INPUTS - self.word_bits

    def groups(self) -> list[tuple[int, tuple[int, ...]]]:
        """The bit of the values, and the values, that each table counts."""
        step = self.per_table
        return [
            (place, tuple(range(first, min(first + step, self.simd))))
            for place in range(self.width)
            for first in range(0, self.simd, step)
        ]


def weighted_lane(shape: LaneShape) -> Netlist:
    """Of a memory's weights, which stand behind the values."""
    if shape.heaps:
        return _rows_of_adders(shape)
    cells = [_agreeing_cell(shape, place, values) for place, values in shape.groups()]
    return _counted(shape, cells, shape.simd)


def _agreeing_cell(
    shape: LaneShape, place: int, values: Sequence[int], carried: tuple[Bit, ...] = ()
) -> Lookup:
    """How many values agree with their weights, and the bit that is carried along, if there is."""
    inverted = _inverted(shape, place)
    bits = [Bit(value * shape.width + place, inverted) for value in values]
    bits += [Bit(shape.n_values + value, False) for value in values]
    return Lookup((*bits, *carried), _agreeing(len(values), len(carried)), shape.heaps)


def _rows_of_adders(shape: LaneShape) -> Netlist:
    cells = TreeCells([BITS] * (shape.n_values + shape.simd))
    columns: Columns = [[] for _ in range(_total(shape).bit_length())]
    step = INPUTS // 2 + 2 * STEPS
    for place in range(shape.width):
        for first in range(0, shape.simd, step):
            values = range(first, min(first + step, shape.simd))
            _row(cells, columns, shape, place, values)
    return _summed(shape, cells, columns, shape.simd)


def _row(
    cells: TreeCells, columns: Columns, shape: LaneShape, place: int, values: Sequence[int]
) -> None:
    """A table of three values, then two at a time with the sum bit before them."""
    first = INPUTS // 2
    groups = [values[:first], *(values[k : k + 2] for k in range(first, len(values), 2))]
    carried = tuple[Bit, ...]()
    for group in groups:
        cell = _agreeing_cell(shape, place, group, carried)
        most = len(group) + len(carried)
        net = cells.add(cell, Range(0, most))
        if most > 1:
            columns[place + 1].append(Bit(net, False, 1))
        carried = (Bit(net, False),)
    columns[place].extend(carried)


def worded_lane(shape: LaneShape, weights: Sequence[Sequence[int]]) -> Netlist:
    """Of weights [word][value] of +1, -1 and 0; the number of the word stands behind the values."""
    word_bits = shape.word_bits or 0
    cells = []
    for place, values in shape.groups():
        inverted = _inverted(shape, place)
        bits = [Bit(value * shape.width + place, inverted) for value in values]
        bits += [Bit(shape.n_values + k, False) for k in range(word_bits)]
        rows = [[row[value] for value in values] for row in weights]
        cells.append(Lookup(tuple(bits), _known(rows, len(values), word_bits), shape.heaps))
    return _counted(shape, cells, max(1, word_bits))


def reweighted(netlist: Netlist, shape: LaneShape, weights: Sequence[Sequence[int]]) -> Netlist:
    """The same lane with other weights: its tables come first."""
    cells, word_bits = list(netlist.cells), shape.word_bits or 0
    for number, (_, values) in enumerate(shape.groups()):
        rows = [[row[value] for value in values] for row in weights]
        table = cells[number]
        assert isinstance(table, Lookup)
        cells[number] = replace(table, numbers=_known(rows, len(values), word_bits))
    return replace(netlist, cells=tuple(cells))


@dataclass(frozen=True, slots=True)
class LaneCost:
    """LUT sites, and the bits that registers between its stages hold."""

    sites: int
    registers: int


@lru_cache(maxsize=4096)
def lane_cost(shape: LaneShape, per_stage: int = 3) -> LaneCost:
    """Counted in the netlist of a lane of any weights."""
    if shape.word_bits is None:
        lane = weighted_lane(shape)
    else:
        lane = worded_lane(shape, [[1] * shape.simd] * (1 << shape.word_bits))
    sites = sum(_sites(cell, lane) for cell in lane.cells)
    return LaneCost(sites, Schedule(lane, per_stage).n_registers())


def _sites(cell: Cell, lane: Netlist) -> int:
    """LUTs of a cell. A position of an adder where only one operand has a bit needs none."""
    match cell:
        case Lookup():
            return cell.sites
        case Popcount(bits):
            return len(bits).bit_length()
        case Add(one, other):
            ends = (lane.ranges[term.net].width + term.shift for term in (one, other))
            return min(ends) - max(one.shift, other.shift)
        case _:
            return cell.tally(1).chain_luts


def _inverted(shape: LaneShape, place: int) -> bool:
    return shape.signed and place == shape.width - 1


def _agreeing(n: int, n_carried: int) -> tuple[int, ...]:
    """How many of n bits equal the n bits behind them, and the bits carried behind these."""
    both = range(1 << 2 * n)
    found = [n - ((word ^ word >> n) & (1 << n) - 1).bit_count() for word in both]
    return tuple(count + carried for carried in range(n_carried + 1) for count in found)


def _known(rows: Sequence[Sequence[int]], n: int, word_bits: int) -> tuple[int, ...]:
    """The same for weights by the number of the word; 0 for words that there are not."""
    plus, minus = ([_number(row, sign) for row in rows] for sign in (1, -1))
    return tuple(
        (value & plus[word] | ~value & minus[word]).bit_count() if word < len(rows) else 0
        for word in range(1 << word_bits)
        for value in range(1 << n)
    )


def _number(weights: Sequence[int], sign: int) -> int:
    """The places of weights of this sign, as bits."""
    return sum((weight == sign) << place for place, weight in enumerate(weights))


def _counted(shape: LaneShape, tables: list[Lookup], n_beside: int) -> Netlist:
    """The sum of all tables' numbers, each times two to its bit of the values."""
    cells = TreeCells([BITS] * (shape.n_values + n_beside))
    found = [cells.add(table, Range(0, _most(table, shape))) for table in tables]
    columns: Columns = [[] for _ in range(_total(shape).bit_length())]
    for net, (place, values) in zip(found, shape.groups(), strict=True):
        for index in range(len(values).bit_length()):
            columns[place + index].append(Bit(net, False, index))
    return _summed(shape, cells, columns, n_beside)


def _total(shape: LaneShape) -> int:
    """The greatest sum."""
    return shape.simd * ((1 << shape.width) - 1)


def _summed(shape: LaneShape, cells: TreeCells, columns: Columns, n_beside: int) -> Netlist:
    if shape.heaps:
        bits = cells.summed(columns, [0] * len(columns))
        net = cells.add(Join(tuple(bits)), Range(0, _total(shape)))
    else:
        net = _added(cells, columns)
    n_inputs = shape.n_values + n_beside
    made = tuple(cells.cells)
    return Netlist(n_inputs, tuple(cells.ranges), made, (Linear(net, 1, 0),))


def _most(table: Lookup, shape: LaneShape) -> int:
    """The greatest number that a table of any weights gives."""
    return len(table.bits) // 2 if shape.word_bits is None else len(table.bits) - shape.word_bits


def _added(cells: TreeCells, columns: Columns) -> int:
    """Each column by counters of six bits and a tree of adders, then the columns."""
    sums = []
    for place, bits in enumerate(columns):
        if bits:
            sums.append((_column(cells, bits), place))
    net, low = sums[0]
    for other, place in sums[1:]:
        net = _add(cells, net, other, place - low)
    return net


def _column(cells: TreeCells, bits: list[Bit]) -> int:
    groups = [bits[first : first + INPUTS] for first in range(0, len(bits), INPUTS)]
    nets = [_counter(cells, group) for group in groups]
    while len(nets) > 1:
        pairs = zip(nets[::2], nets[1::2], strict=False)
        nets = [_add(cells, one, other, 0) for one, other in pairs] + nets[len(nets) & ~1 :]
    return nets[0]


def _counter(cells: TreeCells, bits: list[Bit]) -> int:
    if len(bits) == 1:
        return cells.add(Join((bits[0],)), BITS)
    return cells.add(Popcount(tuple(bits)), Range(0, len(bits)))


def _add(cells: TreeCells, one: int, other: int, shift: int) -> int:
    most = cells.ranges[one].high + (cells.ranges[other].high << shift)
    return cells.add(Add(Operand(one), Operand(other, shift)), Range(0, most))
