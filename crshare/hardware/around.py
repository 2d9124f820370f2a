"""What stands around sums, as yosys maps it: windows and their lines, pools, and the decision."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, prod

from crshare.hardware.architecture import NOTHING, Resources, size_of
from crshare.hardware.geometry import windowing_of
from crshare.hardware.parts import Part, part_of
from crshare.hardware.scores import decides_in_turn, ranked
from crshare.network.graph import (
    BitPool,
    ClassSums,
    Conv,
    Flatten,
    Kind,
    Layer,
    MaxPool,
    Network,
    Scale,
    SumPool,
)
from hwgen import Queue, Range, Windowing

PER_LUT = 64  # entries of a table
WALK, WALK_A_BIT = 11, 5  # counters of rows and columns, and for each of their bits
TURNS = 15  # the turn, and what waits with it
GATHER = 11  # the count of positions
SIDE_A_BIT = 0.6  # where the map ends on a padded side


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the layers with weights. clocks: the fewest of an image, and of what."""

    resources: Resources
    clocks: int
    slowest: str


BLOCK_WIDTHS = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))


def block_rams(words: int, width: int) -> int:
    """Blocks of 18 kbit for so many words, in the best of their shapes."""
    return min(-(-words // depth) * -(-width // bits) for depth, bits in BLOCK_WIDTHS)


def queue_cost(queue: Queue) -> Resources:
    """Of a queue between two stages, with its counters, and of what takes beats apart and puts them
    together again."""
    depth, width, control = 1 << queue.index, queue.word_width, 4 * queue.index + 6
    registers = 0
    if queue.words > 1:
        control += choosing(width, queue.words) + 4 * queue.words.bit_length() + 4
        registers = 2 * queue.words * width
    if queue.block:
        return Resources(control, registers, block_rams(depth, width))
    return Resources(control + stored(width, depth), registers + width + 2 * queue.index, 0)


def choosing(width: int, n: int) -> int:
    """LUTs that choose one word of n, as yosys maps them."""
    return width * (n > 1) if n <= 4 else -(-2 * n * width // 5)


def looked_up(width: int, words: int) -> int:
    """LUTs of a table of constants: one a bit for every 64 words, and what chooses among them."""
    parts = -(-words // PER_LUT)
    return width * parts + choosing(width, parts)


def stored(width: int, depth: int) -> int:
    """LUTs of a memory that is written: RAM32M and RAM64M."""
    return ceil(width / 6) * 4 if depth <= 32 else ceil(width / 3) * 4 * ceil(depth / 64)


def window_cost(windowing: Windowing, width: int) -> Resources:
    """Of line buffers in distributed RAM, the walk over the map, and the window's registers.

    Where there is padding, each bit of a position is chosen between it and what comes.
    """
    if windowing.pointwise:
        return NOTHING
    (rows, columns), bits = windowing.kernel, windowing.counter_width
    lines = 0 if rows == 1 else stored((rows - 1) * width, windowing.padded[1])
    sides = sum(map(bool, windowing.pads))
    walk = WALK + WALK_A_BIT * bits + round(SIDE_A_BIT * sides * bits)
    return Resources(lines + walk + (width if sides else 0), rows * columns * width + 6 * bits, 0)


def around_of(network: Network, only: tuple[str, str] | None = None) -> Around:
    """Pools, gathering and the decision, and the fewest clocks that they and the input take."""
    return around_part(part_of(network, only))


def around_part(part: Part) -> Around:
    """The same of a part."""
    given = part.network.signals[part.start]
    clocks = {"the input": given.shape[0] * given.shape[1] * given.frames}
    found = NOTHING
    for layer in part.layers:
        taken, pace = _around(part, layer)
        found, clocks[layer.name] = found + taken, pace
    if part.layers[-1] is part.network.layers[-1]:
        found += _decision(part, clocks["the input"])
    slowest = max(clocks, key=lambda name: clocks[name])
    return Around(found, clocks[slowest], slowest)


def width_of(part: Part, name: str) -> int:
    """Bits of a value of a layer, by the bounds of its grid."""
    if part.network.signals[name].kind is Kind.BITS:
        return 1
    return Range(part.grids[name].low, part.grids[name].high).width


def _around(part: Part, layer: Layer) -> tuple[Resources, int]:
    """Of a layer without weights, and its clocks."""
    given = part.network.signals[layer.source]
    match layer.op:
        case MaxPool() | SumPool() as pool:
            return _number_pool(part, layer, pool)
        case BitPool() as pool:
            lies = windowing_of(given, pool.size, pool.strides, same=pool.same, pad=0)
            taken, channels = window_cost(lies, given.shape[2]), given.shape[2]
            outputs = Resources(channels * ceil(prod(pool.size) / 6), channels, 0)
            return taken + outputs, prod(lies.padded)
        case Flatten() if given.shape[:2] != (1, 1):
            held = prod(given.shape) * width_of(part, layer.source)
            return Resources(GATHER, held, 0), 1
        case _:
            return NOTHING, 1


def _number_pool(part: Part, layer: Layer, pool: MaxPool | SumPool) -> tuple[Resources, int]:
    """Sums as positions come, or windows and what adds or compares their values."""
    given = part.network.signals[layer.source]
    width, channels = width_of(part, layer.source), given.shape[2]
    outputs = channels * width_of(part, layer.name)
    positions = given.shape[0] * given.shape[1]
    if isinstance(pool, SumPool) and pool.size == given.shape[:2]:
        return Resources(2 * outputs, outputs, 0), positions
    same = isinstance(pool, MaxPool) and pool.same
    lies = windowing_of(given, pool.size, pool.strides, same=same, pad=0)
    each = width if isinstance(pool, SumPool) else 2 * width
    steps = Resources(channels * each * (prod(pool.size) - 1), outputs, 0)
    return window_cost(lies, channels * width) + steps, prod(lies.padded)


def _decision(part: Part, beats_in: int) -> Resources:
    """Of what compares scores, a class a clock or in pairs, and of tables of their ranks."""
    network, end = part.network, part.layers[-1]
    last = next((layer for layer in reversed(network.layers) if isinstance(layer.op, Conv)), None)
    is_of_sums = end is last or part.scales_scores(end) or isinstance(end.op, Flatten | ClassSums)
    if not is_of_sums:
        return _of_numbers(part, beats_in)
    if last is None or not isinstance(last.op, Conv):
        return NOTHING
    size, n = size_of(network, last.name), last.op.kernel.shape[3]
    most, scale = size.n_inputs * ((1 << size.width) - 1), network.layers[-1].op
    scores, parities = Range(-most, most), (size.n_inputs & 1,) * n if size.width == 1 else None
    ranks = ranked(scale, scores, parities) if isinstance(scale, Scale) else None
    width = ranks.width if ranks else scores.width
    if decides_in_turn(n, beats_in):
        words = n << scores.width - (ranks.step == 2) if ranks else 0
        blocks = block_rams(words, width) if words else 0
        taken = choosing(scores.width, n) + width + TURNS
        return Resources(taken, n * scores.width + 2 * width + TURNS, blocks)
    tables = n * width * ceil(len(ranks.rows[0]) / PER_LUT) if ranks else 0
    compared = sum(_compared(pairs, width) for pairs in _levels(n))
    return Resources(tables + compared, 2 * n * width, 0)


def _of_numbers(part: Part, beats_in: int) -> Resources:
    signal, width = part.network.signals[part.end], width_of(part, part.end)
    n = signal.shape[2]
    if signal.shape[:2] != (1, 1) or signal.kind is Kind.BITS:
        return NOTHING
    if decides_in_turn(n, beats_in):
        return Resources(choosing(width, n) + width + TURNS, n * width + 2 * width + TURNS, 0)
    return Resources(sum(_compared(pairs, width) for pairs in _levels(n)), 2 * n * width, 0)


def _compared(pairs: int, width: int) -> int:
    """LUTs that compare pairs and choose the greater key of each, and its place."""
    return ceil(0.75 * width * pairs) + (width * pairs if pairs > 1 else 0) + 2 * pairs


def _levels(n: int) -> Iterator[int]:
    """Comparisons of each level of a tournament."""
    while n > 1:
        yield n // 2
        n = n - n // 2
