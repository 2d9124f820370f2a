"""A matrix-vector unit as a value: lanes that add up a part of a window a clock.

The window is read in `folds` parts, one a clock, and that `turns` times; in turn t lane p counts
for output t * n_lanes + p. A count adds up bits of values that agree with the bit of their weight.
The number of a word is turn * folds + fold.
"""

from dataclasses import dataclass
from math import prod

from hwgen.cells import Range
from hwgen.errors import NetlistError
from hwgen.kept import MOST_DISTRIBUTED
from hwgen.netlist import Netlist
from hwgen.windowing import Windowing


@dataclass(frozen=True, slots=True)
class Slices:
    """What stands for weights: for each slice the number of a representative, and its sign.

    A slice is the weights of a channel in a window, `taps` of them. In fold f, place s of a part of
    a window is the slice of channels[s * folds + f]; tables[s][f << index_bits[s] | number] is its
    representative. In a word, a place has so many bits of the number and above them one that
    negates; read lane * len(tables) + s is lane `lane`'s place s.
    """

    taps: int
    channels: tuple[int, ...]
    index_bits: tuple[int, ...]
    tables: tuple[tuple[int, ...], ...]

    @property
    def n_places(self) -> int:
        return len(self.tables)

    @property
    def lane_bits(self) -> int:
        """Of a word, for each lane."""
        return sum(self.index_bits) + self.n_places

    def field(self, read: int) -> int:
        """The lowest bit of a read in its word."""
        lane, place = divmod(read, self.n_places)
        return lane * self.lane_bits + sum(self.index_bits[:place]) + place

    def part(self, fold: int, n_channels: int) -> list[int]:
        """The inputs of a window that are read in a fold."""
        found = self.channels[fold :: n_channels // self.n_places]
        return [tap * n_channels + channel for channel in found for tap in range(self.taps)]

    def pairs(self, n_lanes: int) -> list[tuple[int, ...]]:
        """Reads that share a memory of two ports, of one table where that can be."""
        n = self.n_places
        reads = [lane * n + place for place in range(n) for lane in range(n_lanes)]
        return [tuple(reads[first : first + 2]) for first in range(0, len(reads), 2)]

    def joined(self, pair: tuple[int, ...]) -> tuple[int, ...]:
        """The words of a pair's memory: one table, or two that begin at 0 and at half."""
        places = sorted({read % self.n_places for read in pair})
        first, last = self.tables[places[0]], self.tables[places[-1]]
        if len(places) == 1:
            return first
        half = 1 << (max(len(first), len(last)) - 1).bit_length()
        return first + (0,) * (half - len(first)) + last


@dataclass(frozen=True, slots=True)
class Weights:
    """A memory of a word for each clock of a window: lane p's bits at p * simd and up.

    block: in block RAM, else in LUTs. masks: for each lane the number of its mask from 1, 0 where
    it has none. The masks stand behind the weights: a 0 for each value that does not count, whose
    weight is 1. slices: where words hold these, and no weights. placed: up to 64 words that are not
    in block RAM are LUTs of Xilinx devices as they stand.
    """

    words: tuple[int, ...]
    block: bool
    masks: tuple[int, ...] = ()
    slices: Slices | None = None
    placed: bool = False

    @property
    def n_masks(self) -> int:
        return max(self.masks, default=0)


def is_whole_map(windowing: Windowing, channels: int, simd: int) -> bool:
    """Whether a unit reads its one window in a memory of positions, each in 2**n parts."""
    parts, rest = divmod(channels, simd)
    positions = prod(windowing.size)
    one = windowing.kernel == windowing.size and not any(windowing.pads)
    return one and not rest and not parts & (parts - 1) and 1 < positions <= MOST_DISTRIBUTED // 2


@dataclass(frozen=True, slots=True)
class MatrixVector:
    """lanes: the netlist of all lanes, which reads the values of a part bit by bit and then the
    weights; or one netlist for each lane, which reads the number of the word instead of weights.

    starts[c][o]: what the sum of output o begins with in a window of class c. order: which output
    of the layer is output o, where they are not in order. `scores`: the range
    of the outputs where they are numbers, which are then twice the sum and `odd` for values that
    are bits, and the sum itself for others. Without it an output is the highest bit of its sum.
    weight_bits: of a weight, in two's complement where the lane takes it so.
    """

    name: str
    windowing: Windowing
    channels: int
    values: Range
    n_outputs: int
    n_lanes: int
    simd: int
    lanes: tuple[Netlist, ...]
    weights: Weights | None
    starts: tuple[tuple[int, ...], ...]
    sum_width: int
    row_classes: tuple[int, ...]
    column_classes: tuple[int, ...]
    per_stage: int
    scores: Range | None = None
    order: tuple[int, ...] = ()
    odd: int = 0
    weight_bits: int = 1

    def __post_init__(self) -> None:
        if self.n_outputs % self.n_lanes or self.n_inputs % self.simd:
            raise NetlistError(
                f"{self.name}: {self.n_lanes} lanes of {self.simd} inputs do not divide "
                f"{self.n_outputs} outputs of {self.n_inputs}"
            )
        given = self.simd * self.values.width + self.lane_bits
        expected = 1 if self.weights else self.n_lanes
        if len(self.lanes) != expected or any(lane.n_inputs != given for lane in self.lanes):
            raise NetlistError(f"{self.name}: expected {expected} lanes that read {given} bits")
        if self.weights and len(self.weights.words) != self.n_words:
            raise NetlistError(f"{self.name}: expected {self.n_words} words of weights")
        if self.slices and self.slices.taps * self.slices.n_places != self.simd:
            raise NetlistError(f"{self.name}: {self.simd} inputs are no slices of its channels")
        if self.weights and len(self.weights.masks) not in (0, self.n_lanes):
            raise NetlistError(f"{self.name}: expected a mask for each of {self.n_lanes} lanes")
        if self.order and sorted(self.order) != list(range(self.n_outputs)):
            raise NetlistError(f"{self.name}: its order is none of {self.n_outputs} outputs")
        if any(len(row) != self.n_outputs for row in self.starts):
            raise NetlistError(f"{self.name}: a sum of each output begins with a number")

    @property
    def n_inputs(self) -> int:
        return self.channels * prod(self.windowing.kernel)

    @property
    def folds(self) -> int:
        return self.n_inputs // self.simd

    @property
    def turns(self) -> int:
        return self.n_outputs // self.n_lanes

    @property
    def n_words(self) -> int:
        """Clocks of a window."""
        return self.folds * self.turns

    @property
    def word_width(self) -> int:
        """Bits of the number of a word."""
        return max(1, (self.n_words - 1).bit_length())

    @property
    def slices(self) -> Slices | None:
        return self.weights.slices if self.weights else None

    def part(self, fold: int) -> range | list[int]:
        """The inputs of a window that are read in a clock."""
        if self.slices is None:
            return range(fold * self.simd, (fold + 1) * self.simd)
        return self.slices.part(fold, self.channels)

    @property
    def memory_width(self) -> int:
        """Bits of a word of weights and masks, or of slices."""
        if self.slices:
            return self.n_lanes * self.slices.lane_bits
        masks = self.weights.n_masks if self.weights else 0
        return (self.n_lanes + masks) * self.simd * self.weight_bits

    @property
    def lane_bits(self) -> int:
        """What a lane reads beside values: its weights, or the number of the word."""
        return self.simd * self.weight_bits if self.weights else self.word_width

    @property
    def kept(self) -> int:
        """Positions that wait in the unit while a window is computed: those of a map of bits."""
        positions = prod(self.windowing.size)
        passes = self.n_words == 1 or self.whole_map or (positions > 1 and not self.doubled)
        return 0 if passes else positions

    @property
    def whole_map(self) -> bool:
        natural = self.slices is None
        return natural and is_whole_map(self.windowing, self.channels, self.simd)

    @property
    def n_classes(self) -> int:
        return len(self.starts)

    @property
    def in_width(self) -> int:
        return self.channels * self.values.width

    @property
    def places(self) -> list[int]:
        """For each output of the layer the place at which the unit gives it."""
        order = self.order or range(self.n_outputs)
        return sorted(range(self.n_outputs), key=order.__getitem__)

    @property
    def doubled(self) -> bool:
        """Whether scores are twice the sum."""
        return self.values == Range(0, 1) and self.weight_bits == 1

    @property
    def head_width(self) -> int:
        return 1 if self.scores is None else self.scores.width

    @property
    def out_width(self) -> int:
        return self.head_width * self.n_outputs
