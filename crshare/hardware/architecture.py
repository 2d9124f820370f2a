"""How a layer with binary weights may be built, as values: clocks an image and what it takes.

A window has n_inputs values and n_outputs sums of them. A `Graph` gives all sums of a window in one
clock, `Turns` give them in so many, and a `Unit` gives `pe` sums at a time, adding up `simd`
values of the window a clock, with weights and thresholds in memory.
"""

from dataclasses import dataclass, field
from math import prod

from crshare.errors import HardwareError
from crshare.hardware.geometry import windowing_of
from crshare.hardware.left_out import LeftOut, left_out
from crshare.hardware.sliced import index_bits_of
from crshare.limits import TURNS
from crshare.network.graph import INPUT, Conv, Flatten, Kind, Layer, Network, RealConv, Signal
from hwgen import Range, Windowing
from hwgen.matrix_vector import is_whole_map

DISTRIBUTED, BLOCK = "distributed", "block"
MOST_WORDS = 16  # that tables know by their number
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

    memory: of its weights, "distributed" over LUTs or in "block" RAM. slices: it holds numbers and
    signs of slices, which are repeated or inverse in a channel, and tables of representatives.
    """

    pe: int
    simd: int
    memory: str = DISTRIBUTED
    slices: bool = False
    kind: str = field(default="unit", init=False)

    def __post_init__(self) -> None:
        for name, value in (("pe", self.pe), ("simd", self.simd)):
            if type(value) is not int or value < 1:
                raise HardwareError(f"{name} {str(value)[:40]}: expected a whole number from 1")
        if self.memory not in MEMORIES:
            raise HardwareError(
                f"memory {str(self.memory)[:40]!a}: expected one of {', '.join(MEMORIES)}"
            )
        if type(self.slices) is not bool:
            raise HardwareError(f"slices {str(self.slices)[:40]}: expected true or false")

    def remembers(self, n_words: int) -> bool:
        """Whether so many words of weights are bits of a memory; few are known by tables."""
        return self.memory == BLOCK or n_words > MOST_WORDS


@dataclass(frozen=True, slots=True)
class Channels:
    """What looks at one channel alone, for all channels of a position in so many turns."""

    turns: int
    kind: str = field(default="channels", init=False)

    def __post_init__(self) -> None:
        if type(self.turns) is not int or self.turns < 1:
            raise HardwareError(f"turns {str(self.turns)[:40]}: expected a whole number from 1")


Architecture = Graph | Turns | Unit | Channels


@dataclass(frozen=True, slots=True)
class Size:
    """What an architecture builds on: a layer's numbers, and how its windows lie.

    beats: positions that are gathered into one window before the layer, where it reads a flattened
    map. width: bits of an input, which may be signed. left_out: where weights are 0. index_bits: of
    the number of a representative for each channel, rising, where the layer has slices.
    """

    name: str
    n_inputs: int
    n_outputs: int
    windowing: Windowing
    beats: int
    width: int
    signed: bool
    left_out: LeftOut | None = None
    index_bits: tuple[int, ...] = ()

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
    values = _values(network, layer, given)
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
        left_out(conv.kernel.reshape(-1, n_outputs)),
        index_bits_of(conv),
    )


def _gathered(network: Network, layer: Layer) -> int:
    source = next((one for one in network.layers if one.name == layer.source), None)
    if source is None or not isinstance(source.op, Flatten):
        return 1
    rows, columns, _ = network.signals[source.source].shape
    return rows * columns


def _values(network: Network, layer: Layer, given: Signal) -> Range:
    """Of an input: a bit, a pixel, or a sum."""
    assert isinstance(layer.op, Conv)
    if given.kind is Kind.BITS:
        return Range(0, 1)
    conv = layer.op
    if network.unflattened(layer.source) != INPUT:
        return Range(-given.bound, given.bound)
    ends = [*network.input.ends, *([] if conv.pad_value is None else [conv.pad_value])]
    return Range(min(ends), max(ends))


def check(network: Network, layer_name: str, architecture: Architecture) -> None:
    """HardwareError where the layer cannot be built so: one sentence with what would do."""
    match network.op_of(layer_name), architecture:
        case RealConv(kernel), Unit(pe, simd, slices=False):
            divides(layer_name, "pe", pe, kernel.shape[3], "outputs")
            divides(layer_name, "simd", simd, prod(kernel.shape[:3]), "inputs of a window")
            return
        case RealConv(), Graph():
            return
        case RealConv(), _:
            raise HardwareError(
                f"layer {layer_name}: has real weights, which have no turns and no slices; give it "
                'the architecture "graph" or "unit"'
            )
        case op, Channels(turns) if op is not None and not isinstance(op, Conv):
            n_channels = network.signals[layer_name].shape[2]
            divides(layer_name, "turns", turns, n_channels, "channels")
            return
    size = size_of(network, layer_name)
    match architecture:
        case Unit(pe, simd):
            divides(layer_name, "pe", pe, size.n_outputs, "outputs")
            divides(layer_name, "simd", simd, size.n_inputs, "inputs of a window")
            if architecture.slices:
                _check_slices(size, architecture)
        case Channels():
            raise HardwareError(
                f"layer {layer_name}: adds up channels, which have no turns of their own; give it "
                'the architecture "graph", "turns" or "unit"'
            )
        case Turns(turns) if turns > size.n_outputs:
            raise HardwareError(
                f"layer {layer_name}: {turns} turns are more than its {size.n_outputs} outputs; "
                "take fewer"
            )
        case _:
            pass


def _check_slices(size: Size, unit: Unit) -> None:
    taps = prod(size.windowing.kernel)
    if not size.index_bits:
        raise HardwareError(
            f"layer {size.name}: has no slices of +1 and -1 to store; leave slices out"
        )
    if unit.simd % taps or size.channels % (unit.simd // taps):
        raise HardwareError(
            f"layer {size.name}: simd {unit.simd} is no number of slices of {taps} weights that "
            f"divides its {size.channels} channels; take {taps} times a divisor of these"
        )
    if not in_memory(size, unit):
        raise HardwareError(
            f"layer {size.name}: so few words have no memory in which slices save anything; take "
            'fewer lanes, or the memory "block"'
        )


def in_memory(size: Size, unit: Unit) -> bool:
    """Whether the weights are bits of a memory."""
    return unit.remembers(clocks_a_window(size, unit))


def divides(layer: str, name: str, value: int, total: int, of: str) -> None:
    """HardwareError where a number of a unit does not divide the layer's."""
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
        case Turns(turns) | Channels(turns):
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
    if isinstance(architecture, Unit) and each > 1 and gathers(size, architecture):
        return max(size.walked, each)  # the next map is gathered while the unit computes
    return size.walked + size.windows * (each - 1)


def gathers(size: Size, unit: Unit) -> bool:
    """Whether the next window is gathered while the unit computes."""
    return size.beats > 1 or whole_map(size, unit)


def whole_map(size: Size, unit: Unit) -> bool:
    """Whether the unit reads the one window of its map in a memory of positions."""
    return not unit.slices and is_whole_map(size.windowing, size.channels, unit.simd)


def divisors(n: int) -> list[int]:
    """From 1 to n."""
    return [k for k in range(1, n + 1) if n % k == 0]


@dataclass(frozen=True, slots=True)
class Resources:
    """What a layer takes. block_rams: of 18 kbit each (a RAMB36 of Xilinx is two). dsps: blocks
    that multiply."""

    luts: int
    registers: int
    block_rams: int
    dsps: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            self.luts + other.luts,
            self.registers + other.registers,
            self.block_rams + other.block_rams,
            self.dsps + other.dsps,
        )


NOTHING = Resources(0, 0, 0)
