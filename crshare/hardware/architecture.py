"""How a layer with binary weights may be built, as values: clocks an image and what it takes.

A window has n_inputs values and n_outputs sums of them. A `Graph` gives all sums of a window in one
clock, `Turns` give them in so many, and a `Unit` gives `pe` sums at a time, adding up `simd`
values of the window a clock, with weights and thresholds in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import prod

from crshare.errors import HardwareError
from crshare.hardware.geometry import windowing_of
from crshare.hardware.lanes import MOST_WORDS, LaneShape, lane_cost
from crshare.limits import TURNS
from crshare.network.graph import Conv, Flatten, Kind, Layer, Network, Signal
from hwgen import Range, Windowing
from hwgen.matrix_vector import MOST_DISTRIBUTED, fifo_index, is_whole_map
from hwgen.targets import GENERIC, XILINX

DISTRIBUTED, BLOCK = "distributed", "block"
MEMORIES = (DISTRIBUTED, BLOCK)


@dataclass(frozen=True, slots=True)
class Graph:
    """One window a clock, all outputs at once, by a shared adder graph."""

    kind: str = field(default="graph", init=False)


@dataclass(frozen=True, slots=True)
class Turns:
    """All outputs of a window in so many turns, a clock each, by one graph."""

    turns: int
    kind: str = field(default="turns", init=False)

    def __post_init__(self) -> None:
        TURNS.check("turns", self.turns)


@dataclass(frozen=True, slots=True)
class Unit:
    """A matrix-vector unit: pe outputs at a time, simd inputs of each a clock.

    memory: of its weights, "distributed" over LUTs or in "block" RAM.
    """

    pe: int
    simd: int
    memory: str = DISTRIBUTED
    kind: str = field(default="unit", init=False)

    def __post_init__(self) -> None:
        for name, value in (("pe", self.pe), ("simd", self.simd)):
            if type(value) is not int or value < 1:
                raise HardwareError(f"{name} {str(value)[:40]}: expected a whole number from 1")
        if self.memory not in MEMORIES:
            raise HardwareError(
                f"memory {str(self.memory)[:40]!a}: expected one of {', '.join(MEMORIES)}"
            )


Architecture = Graph | Turns | Unit


@dataclass(frozen=True, slots=True)
class Size:
    """What an architecture builds on: a layer's numbers, and how its windows lie.

    beats: positions that are gathered into one window before the layer, where it reads a flattened
    map. width: bits of an input, which may be signed.
    """

    name: str
    n_inputs: int
    n_outputs: int
    windowing: Windowing
    beats: int
    width: int
    signed: bool

    @property
    def channels(self) -> int:
        return self.n_inputs // prod(self.windowing.kernel)

    @property
    def walked(self) -> int:
        """Clocks in which the input of an image comes, its padding included."""
        return max(prod(self.windowing.padded), self.beats)

    @property
    def windows(self) -> int:
        return prod(self.windowing.output)


def size_of(network: Network, layer_name: str) -> Size:
    """HardwareError where the layer is none with binary weights in hardware."""
    layer = next((layer for layer in network.layers if layer.name == layer_name), None)
    if layer is None or not isinstance(layer.op, Conv) or not layer.op.is_standard:
        names = [one.name for one, conv in network.convs() if conv.is_standard]
        raise HardwareError(
            f"{layer_name[:60]} is no layer with binary weights that has hardware; choose of "
            f"{', '.join(names)}"
        )
    conv, given = layer.op, network.signals[layer.source]
    values = _values(network, conv, given)
    same = conv.pad_value is not None
    rows, columns, channels, n_outputs = conv.kernel.shape
    return Size(
        layer_name,
        rows * columns * channels,
        n_outputs,
        windowing_of(given, (rows, columns), conv.strides, same=same, pad=0),
        _gathered(network, layer),
        values.width,
        values.signed,
    )


def _gathered(network: Network, layer: Layer) -> int:
    source = next((one for one in network.layers if one.name == layer.source), None)
    if source is None or not isinstance(source.op, Flatten):
        return 1
    rows, columns, _ = network.signals[source.source].shape
    return rows * columns


def _values(network: Network, conv: Conv, given: Signal) -> Range:
    if given.kind is Kind.BITS:
        return Range(0, 1)
    pixels = network.input
    ends = [pixels.multiplier * end + pixels.offset for end in (pixels.low, pixels.high)]
    ends += [] if conv.pad_value is None else [conv.pad_value]
    return Range(min(ends), max(ends))


def check(network: Network, layer_name: str, architecture: Architecture) -> None:
    """HardwareError where the layer cannot be built so: one sentence with what would do."""
    size = size_of(network, layer_name)
    match architecture:
        case Unit(pe, simd):
            _divides(layer_name, "pe", pe, size.n_outputs, "outputs")
            _divides(layer_name, "simd", simd, size.n_inputs, "inputs of a window")
        case Turns(turns) if turns > size.n_outputs:
            raise HardwareError(
                f"layer {layer_name}: {turns} turns are more than its {size.n_outputs} outputs; "
                "take fewer"
            )
        case _:
            pass


def _divides(layer: str, name: str, value: int, total: int, of: str) -> None:
    if total % value:
        fair = (
            [n for n in divisors(total) if n <= value][-1],
            *(n for n in divisors(total) if n > value),
        )
        raise HardwareError(
            f"layer {layer}: {name} {value} does not divide its {total} {of}; take "
            f"{' or '.join(map(str, fair[:2]))}"
        )


def clocks_a_window(size: Size, architecture: Architecture) -> int:
    """Clocks in which the layer gives all outputs of a window."""
    match architecture:
        case Graph():
            return 1
        case Turns(turns):
            return turns
        case Unit(pe, simd):
            return size.n_outputs // pe * (size.n_inputs // simd)


def clocks(network: Network, layer_name: str, architecture: Architecture) -> int:
    """Clocks from one image to the next, where no other layer makes this one wait.

    A window stays while its outputs are computed; what lies between two windows (the first rows,
    positions that a stride leaves out, padding) takes a clock each. A unit keeps what comes
    meanwhile, up to a map of its input, so that the layer before it goes on.
    """
    check(network, layer_name, architecture)
    size, each = (
        size_of(network, layer_name),
        clocks_a_window(size_of(network, layer_name), architecture),
    )
    if isinstance(architecture, Unit) and each > 1 and _gathers(size, architecture):
        return max(size.walked, each)  # the next map is gathered while the unit computes
    return size.walked + size.windows * (each - 1)


def divisors(n: int) -> list[int]:
    """From 1 to n."""
    return [k for k in range(1, n + 1) if n % k == 0]


@dataclass(frozen=True, slots=True)
class Resources:
    """What a layer takes. block_rams: of 18 kbit each (a RAMB36 of Xilinx is two)."""

    luts: int
    registers: int
    block_rams: int


def unit_cost(network: Network, layer_name: str, unit: Unit, target: str = GENERIC) -> Resources:
    """An estimate for Xilinx devices, windows included. target: what the Verilog is for."""
    check(network, layer_name, unit)
    return _cost(size_of(network, layer_name), unit, target)


BLOCK_WIDTHS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def block_rams(words: int, width: int) -> int:
    """Blocks of 18 kbit for so many words, in the best of their shapes."""
    return min(-(-words // depth) * -(-width // bits) for depth, bits in BLOCK_WIDTHS)


CONTROL, WALK = 25, 110  # the pipeline; counters of rows and columns, and what they meet


def lane_shape(size: Size, unit: Unit, target: str) -> LaneShape:
    """What one lane counts; weights are no bits where few words are distributed."""
    n_words, heaps = clocks_a_window(size, unit), target == XILINX
    known = unit.memory == DISTRIBUTED and n_words <= MOST_WORDS
    word_bits = (n_words - 1).bit_length() if known else None
    return LaneShape(unit.simd, size.width, size.signed, word_bits, heaps)


def _cost(size: Size, unit: Unit, target: str) -> Resources:
    folds, turns = size.n_inputs // unit.simd, size.n_outputs // unit.pe
    shape, words = lane_shape(size, unit, target), folds * turns
    lane, width = lane_cost(shape), unit.simd * size.width
    weights = 0 if shape.word_bits is not None else unit.pe * unit.simd
    sums = unit.pe * (size.n_inputs * ((1 << size.width) - 1)).bit_length() + unit.pe
    whole = _whole_map(size, unit)
    chosen = width * _selecting(size.channels // unit.simd if whole else folds)
    stored = weights * -(-words // 64) if unit.memory == DISTRIBUTED else 0
    starts = 0 if turns == 1 else sums * -(-turns // 64)
    counters = CONTROL + sum(3 * (n - 1).bit_length() for n in (words, folds, turns)) // 2
    luts = unit.pe * lane.sites + sums + chosen + stored + starts + (0 if whole else _lines(size))
    blocks = block_rams(words, weights) if unit.memory == BLOCK else 0
    fifo = Resources(0, 0, 0) if words == 1 else _maps(size) if whole else _fifo(size)
    luts, blocks = luts + fifo.luts, blocks + fifo.block_rams
    held = (
        fifo.registers
        + (0 if whole else _window_bits(size))
        + width
        + weights
        + 2 * sums
        + size.n_outputs
    )
    return Resources(counters + luts, unit.pe * lane.registers + held, blocks)


def _fifo(size: Size) -> Resources:
    """What keeps the positions of a map while a window is computed; one position is a register."""
    positions, width = prod(size.windowing.size), size.channels * size.width
    depth = 1 << fifo_index(positions)
    if positions == 1:
        return Resources(2, width, 0)
    control = 4 * fifo_index(positions) + 6
    if depth > MOST_DISTRIBUTED:
        return Resources(control, 0, block_rams(depth, width))
    return Resources(control + _stored(width, depth), width, 0)


def _gathers(size: Size, unit: Unit) -> bool:
    return size.beats > 1 or _whole_map(size, unit)


def _whole_map(size: Size, unit: Unit) -> bool:
    return is_whole_map(size.windowing, size.channels, unit.simd)


def _maps(size: Size) -> Resources:
    """Two maps that are read position by position."""
    depth = 2 << fifo_index(prod(size.windowing.size))
    return Resources(20 + _stored(size.channels * size.width, depth), 0, 0)


def _stored(width: int, depth: int) -> int:
    """LUTs of a memory that is written: RAM32M and RAM64M."""
    return -(-width // 6) * 4 if depth <= 32 else -(-width // 3) * 4 * -(-depth // 64)


def _window_bits(size: Size) -> int:
    """Registers of a window, or of the beats that are gathered into one."""
    alone = size.windowing.pointwise and size.beats == 1
    return 0 if alone else size.n_inputs * size.width


def _selecting(n: int) -> int:
    """LUTs that choose one bit of n, as yosys maps them."""
    return int(n > 1) if n <= 4 else -(-2 * n // 5)


def _lines(size: Size) -> int:
    """LUTs that walk over the map, and of the memory that holds its last rows."""
    if size.windowing.pointwise:
        return 0
    rows, _ = size.windowing.kernel
    bits = size.channels * size.width * (rows - 1)
    depth = size.windowing.padded[1]
    memory = _stored(bits, depth)
    return memory + WALK


def choices(network: Network, layer_name: str, target: str = GENERIC) -> tuple[Unit, ...]:
    """The units of a layer that no other of its memory beats in clocks and LUTs, fastest first."""
    size = size_of(network, layer_name)
    return tuple(unit for memory in MEMORIES for unit in _front(size, memory, target))


def _front(size: Size, memory: str, target: str) -> Iterator[Unit]:
    pairs = product(divisors(size.n_outputs), divisors(size.n_inputs))
    units = (Unit(pe, simd, memory) for pe, simd in pairs)
    figures = (
        (clocks_a_window(size, unit), _cost(size, unit, target).luts, unit.pe, unit)
        for unit in units
    )
    least: int | None = None
    for _, luts, _, unit in sorted(figures, key=lambda one: one[:3]):
        if least is None or luts < least:
            least = luts
            yield unit
