"""What a matrix-vector unit takes, as yosys maps it, and which units of a layer are worth it."""

from collections.abc import Iterator
from itertools import product
from math import prod

from crshare.hardware.architecture import (
    BLOCK,
    DISTRIBUTED,
    MEMORIES,
    NOTHING,
    Resources,
    Size,
    Unit,
    check,
    clocks_a_window,
    divisors,
    in_memory,
    size_of,
    whole_map,
)
from crshare.hardware.around import (
    BLOCK_WIDTHS,
    block_rams,
    choosing,
    looked_up,
    stored,
    window_cost,
)
from crshare.hardware.lanes import LaneShape, lane_cost
from crshare.hardware.sliced import place_bits
from crshare.network.graph import Network
from hwgen.kept import MOST_DISTRIBUTED, fifo_index
from hwgen.targets import GENERIC, XILINX


def unit_cost(network: Network, layer_name: str, unit: Unit, target: str = GENERIC) -> Resources:
    """An estimate for Xilinx devices, windows included. target: what the Verilog is for."""
    check(network, layer_name, unit)
    return _cost(size_of(network, layer_name), unit, target)


TWO_PORTS = 18  # bits of a block at most that is read at two places


def _block_memory(words: int, width: int) -> Resources:
    """Blocks, and the LUTs that choose between those that hold other words of the same bits."""
    n_blocks = block_rams(words, width)
    parts = next(
        -(-words // depth)
        for depth, bits in BLOCK_WIDTHS
        if -(-words // depth) * -(-width // bits) == n_blocks
    )
    return Resources(choosing(width, parts), 0, n_blocks)


CONTROL = 10  # the pipeline


def lane_shape(size: Size, unit: Unit, target: str) -> LaneShape:
    """What one lane counts; weights are no bits where few words are distributed."""
    n_words, heaps = clocks_a_window(size, unit), target == XILINX
    word_bits = None if in_memory(size, unit) else (n_words - 1).bit_length()
    return LaneShape(unit.simd, size.width, size.signed, word_bits, heaps)


def _cost(size: Size, unit: Unit, target: str) -> Resources:
    folds, turns = size.n_inputs // unit.simd, size.n_outputs // unit.pe
    shape, words = lane_shape(size, unit, target), folds * turns
    lane, width = lane_cost(shape), unit.simd * size.width
    weights, decoded = _word_bits(size, unit), _decoded(size, unit)
    sums = unit.pe * (size.n_inputs * ((1 << size.width) - 1)).bit_length() + unit.pe
    whole = whole_map(size, unit)
    chosen = choosing(width, size.channels // unit.simd if whole else folds)
    kept = looked_up(weights, words) if unit.memory == DISTRIBUTED else 0
    starts = 0 if turns == 1 else looked_up(sums, turns)
    counters = CONTROL + sum((n - 1).bit_length() for n in (words, folds, turns)) // 2
    window = NOTHING if whole else window_cost(size.windowing, size.channels * size.width)
    luts = unit.pe * lane.sites + decoded.luts + sums + chosen + kept + starts + window.luts
    memory = _block_memory(words, weights) if unit.memory == BLOCK else NOTHING
    fifo = NOTHING if words == 1 else _maps(size) if whole else fifo_cost(size)
    luts += memory.luts + fifo.luts
    blocks = memory.block_rams + fifo.block_rams + decoded.block_rams
    read = 0 if unit.memory == BLOCK else weights  # block RAM has registers of its own
    held = (
        decoded.registers
        + fifo.registers
        + window.registers
        + width
        + read
        + 2 * sums
        + size.n_outputs
    )
    return Resources(counters + luts, unit.pe * lane.registers + held, blocks)


def _word_bits(size: Size, unit: Unit) -> int:
    """Bits of a memory for each clock of a window: weights and masks, or slices."""
    if not in_memory(size, unit):
        return 0
    if unit.slices:
        return unit.pe * sum(bits + 1 for bits in _place_bits(size, unit))
    return (unit.pe + n_masks(size, unit)) * unit.simd


def _decoded(size: Size, unit: Unit) -> Resources:
    """Between a memory and lanes: masks' ANDs, or tables of representatives and what negates."""
    if not unit.slices:
        masks = n_masks(size, unit) if in_memory(size, unit) else 0
        return Resources(masks * unit.simd * size.width, 0, 0)
    taps, depths = _taps(size), _depths(size, unit)
    negating, reads = unit.pe * unit.simd, unit.pe * len(depths)
    held = unit.simd * size.width + reads
    if unit.memory == DISTRIBUTED:
        stored = sum(-(-depth // 64) + (2 * depth > 64) for depth in depths)
        return Resources(unit.pe * taps * stored, held + negating, 0)
    # two reads a memory: of one table, or where lanes are odd once of this and the next table
    blocks = unit.pe // 2 * sum(ported(depth, taps) for depth in depths)
    if unit.pe % 2:
        both = zip(depths[::2], depths[1::2], strict=False)
        joined = [(1 << (max(pair) - 1).bit_length()) + pair[1] for pair in both]
        joined += depths[-1:] if len(depths) % 2 else []
        blocks += sum(ported(words, taps) for words in joined)
    return Resources(negating, held, blocks)


def _place_bits(size: Size, unit: Unit) -> list[int]:
    return place_bits(size.index_bits, unit.simd // _taps(size))


def _depths(size: Size, unit: Unit) -> list[int]:
    """Words of the table of each place."""
    return [size.n_inputs // unit.simd << bits for bits in _place_bits(size, unit)]


def ported(words: int, width: int) -> int:
    """Blocks of a memory that is read twice a clock: half as wide."""
    return min(
        -(-words // depth) * -(-width // bits) for depth, bits in BLOCK_WIDTHS if bits <= TWO_PORTS
    )


def _taps(size: Size) -> int:
    return prod(size.windowing.kernel)


def n_masks(size: Size, unit: Unit) -> int:
    """Masks for the lanes of a unit, where some outputs leave inputs out."""
    return size.left_out.arranged(unit.pe).n_masks if size.left_out else 0


def fifo_cost(size: Size) -> Resources:
    """What keeps the positions of a map while a window is computed; one position is a register."""
    positions, width = prod(size.windowing.size), size.channels * size.width
    if size.width > 1 and positions > 1:
        return NOTHING  # pixels wait outside
    depth = 1 << fifo_index(positions)
    if positions == 1:
        return Resources(2, width, 0)
    control = 4 * fifo_index(positions) + 6
    if depth > MOST_DISTRIBUTED:
        return Resources(control, 0, block_rams(depth, width))
    return Resources(control + stored(width, depth), width, 0)


def _maps(size: Size) -> Resources:
    """Two maps that are read position by position."""
    depth = 2 << fifo_index(prod(size.windowing.size))
    return Resources(20 + stored(size.channels * size.width, depth), 0, 0)


def choices(network: Network, layer_name: str, target: str = GENERIC) -> tuple[Unit, ...]:
    """The units of a layer that no other of its memory beats in clocks and LUTs, fastest first."""
    size = size_of(network, layer_name)
    found = [unit for memory in MEMORIES for unit in _front(size, _plain(size, memory), target)]
    if size.index_bits and size.index_bits[0] + 1 < _taps(size):
        found += [u for memory in MEMORIES for u in _front(size, _sliced(size, memory), target)]
    return tuple(found)


def _plain(size: Size, memory: str) -> list[Unit]:
    pairs = product(divisors(size.n_outputs), divisors(size.n_inputs))
    return [Unit(pe, simd, memory) for pe, simd in pairs]


def _sliced(size: Size, memory: str) -> list[Unit]:
    pairs = product(divisors(size.n_outputs), divisors(size.channels))
    units = (Unit(pe, n * _taps(size), memory, slices=True) for pe, n in pairs)
    return [unit for unit in units if in_memory(size, unit)]


def _front(size: Size, units: list[Unit], target: str) -> Iterator[Unit]:
    figures = (
        (clocks_a_window(size, unit), _cost(size, unit, target).luts, unit.pe, unit)
        for unit in units
    )
    least: int | None = None
    for _, luts, _, unit in sorted(figures, key=lambda one: one[:3]):
        if least is None or luts < least:
            least = luts
            yield unit
