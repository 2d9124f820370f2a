"""How a layer with binary weights may be built, as values: clocks an image and what it takes.

A window has n_inputs values and n_outputs sums of them. A `Graph` gives all sums of a window in one
clock, `Turns` give them in so many, and a `Unit` gives `pe` sums at a time, adding up `simd`
values of the window a clock, with weights and thresholds in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

from crshare.errors import HardwareError
from crshare.hardware.geometry import windowing_of
from crshare.limits import TURNS
from crshare.network.graph import Conv, Flatten, Kind, Layer, Network, Signal
from hwgen import Windowing

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
    map. width: bits of an input. classes: of windows over a border of zeros.
    """

    name: str
    n_inputs: int
    n_outputs: int
    windowing: Windowing
    beats: int
    width: int

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
    same = conv.pad_value is not None
    rows, columns, channels, n_outputs = conv.kernel.shape
    return Size(
        layer_name,
        rows * columns * channels,
        n_outputs,
        windowing_of(given, (rows, columns), conv.strides, same=same, pad=0),
        _gathered(network, layer),
        _width(network, layer, given),
    )


def _gathered(network: Network, layer: Layer) -> int:
    source = next((one for one in network.layers if one.name == layer.source), None)
    if source is None or not isinstance(source.op, Flatten):
        return 1
    rows, columns, _ = network.signals[source.source].shape
    return rows * columns


def _width(network: Network, layer: Layer, given: Signal) -> int:
    if given.kind is Kind.BITS:
        return 1
    pixels = network.input
    ends = [pixels.multiplier * end + pixels.offset for end in (pixels.low, pixels.high)]
    magnitude = max(max(ends), -min(ends) - 1, 0).bit_length()
    return max(1, magnitude + (min(ends) < 0))


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
    positions that a stride leaves out, padding) takes a clock each.
    """
    check(network, layer_name, architecture)
    size = size_of(network, layer_name)
    return size.walked + size.windows * (clocks_a_window(size, architecture) - 1)


def divisors(n: int) -> list[int]:
    """From 1 to n."""
    return [k for k in range(1, n + 1) if n % k == 0]


@dataclass(frozen=True, slots=True)
class Resources:
    """What a layer takes. block_rams: of 18 kbit each (a RAMB36 of Xilinx is two)."""

    luts: int
    registers: int
    block_rams: int


def unit_cost(network: Network, layer_name: str, unit: Unit) -> Resources:
    """An estimate for Xilinx devices, windows included."""
    check(network, layer_name, unit)
    return _cost(size_of(network, layer_name), unit)


BLOCK_WIDTHS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def block_rams(words: int, width: int) -> int:
    """Blocks of 18 kbit for so many words, in the best of their shapes."""
    return min(-(-words // depth) * -(-width // bits) for depth, bits in BLOCK_WIDTHS)


def _cost(size: Size, unit: Unit) -> Resources:
    folds, turns = size.n_inputs // unit.simd, size.n_outputs // unit.pe
    words, products = folds * turns, unit.pe * unit.simd
    total = (size.n_inputs * ((1 << size.width) - 1)).bit_length() + 1
    counting = 1.1 * products * size.width
    adding = unit.pe * total
    choosing = 0 if folds == 1 else unit.simd * size.width * (folds + 3) // 4
    stored = 0 if unit.memory == BLOCK else products * -(-words // 64)
    limits = unit.pe * total * -(-turns // 64)
    taps, channels = prod(size.windowing.kernel), size.n_inputs // prod(size.windowing.kernel)
    lines = 0 if taps == 1 else size.windowing.kernel[0] * channels * size.width
    luts = counting + adding + choosing + stored + limits + lines + 100
    registers = size.n_inputs * size.width + size.n_outputs + products + 2 * adding
    blocks = block_rams(words, products) if unit.memory == BLOCK else 0
    return Resources(round(luts), registers, blocks)


def choices(network: Network, layer_name: str) -> tuple[Unit, ...]:
    """The units of a layer that no other of its memory beats in clocks and LUTs, fastest first."""
    size = size_of(network, layer_name)
    return tuple(unit for memory in MEMORIES for unit in _front(size, memory))


def _front(size: Size, memory: str) -> Iterator[Unit]:
    units = (
        Unit(pe, simd, memory)
        for pe in divisors(size.n_outputs)
        for simd in divisors(size.n_inputs)
    )
    costs = ((clocks_a_window(size, unit), _cost(size, unit).luts, unit.pe, unit) for unit in units)
    least: int | None = None
    for _, luts, _, unit in sorted(costs, key=lambda one: one[:3]):
        if least is None or luts < least:
            least = luts
            yield unit
