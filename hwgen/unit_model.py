"""What a matrix-vector unit means, word by word in plain Python: the meaning of its Verilog."""

from collections.abc import Sequence

from hwgen.interpret import interpret
from hwgen.matrix_vector import MatrixVector, Weights


def outputs(unit: MatrixVector, window: Sequence[int], window_class: int = 0) -> list[int]:
    """The outputs for the values of one window, tap by tap and channel by channel."""
    found = []
    for turn in range(unit.turns):
        first = turn * unit.n_lanes
        sums = list(unit.starts[window_class][first : first + unit.n_lanes])
        for fold in range(unit.folds):
            word = turn * unit.folds + fold
            part = [window[place] for place in unit.part(fold)]
            for lane in range(unit.n_lanes):
                sums[lane] += _count(unit, part, word, lane)
        found += [_output(unit, total) for total in sums]
    return [found[place] for place in unit.places]


def _count(unit: MatrixVector, part: Sequence[int], word: int, lane: int) -> int:
    if unit.weights:
        part = _counting(unit, part, unit.weights, word, lane)
    given = [value >> place & 1 for value in part for place in range(unit.values.width)]
    if unit.weights:
        beside, netlist = _weights(unit, unit.weights, word, lane), unit.lanes[0]
    else:
        beside, netlist = word, unit.lanes[lane]
    given += [beside >> place & 1 for place in range(unit.lane_bits)]
    return interpret(netlist, given)[0]


def _weights(unit: MatrixVector, weights: Weights, word: int, lane: int) -> int:
    """The bits of a lane's weights."""
    stored, slices = weights.words[word], weights.slices
    if slices is None:
        return stored >> lane * unit.lane_bits
    found, fold = 0, word % unit.folds
    for place, (table, bits) in enumerate(zip(slices.tables, slices.index_bits, strict=True)):
        field = stored >> slices.field(lane * slices.n_places + place)
        number, negated = field & (1 << bits) - 1, field >> bits & 1
        pattern = table[fold << bits | number] ^ negated * ((1 << slices.taps) - 1)
        found |= pattern << place * slices.taps
    return found


def _counting(
    unit: MatrixVector, part: Sequence[int], weights: Weights, word: int, lane: int
) -> list[int]:
    """The values, those that the lane's mask leaves out being the lowest ones."""
    number = weights.masks[lane] if weights.masks else 0
    if not number:
        return list(part)
    mask = weights.words[word] >> (unit.n_lanes + number - 1) * unit.simd
    lowest = -1 << unit.values.width - 1 if unit.values.signed else 0
    return [value if mask >> place & 1 else lowest for place, value in enumerate(part)]


def _output(unit: MatrixVector, total: int) -> int:
    """The highest bit of the register, or the score that it stands for."""
    if unit.scores is None:
        return total >> unit.sum_width - 1 & 1
    return 2 * total + unit.odd if unit.doubled else total
