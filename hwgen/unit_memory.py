"""What the lanes of a matrix-vector unit read, as Verilog: a memory of weights, or of slices.

A memory of slices is read twice: the word in stage 1, and with the numbers in it tables of
representatives in stage 2.
"""

from collections.abc import Sequence

from hwgen.emitter import Emitter, bus
from hwgen.lut_tables import INPUTS, placed_table
from hwgen.matrix_vector import MatrixVector, Slices
from hwgen.sources import BLOCK
from hwgen.stream import class_width

PER_BLOCK = 256  # words that one block of a simulator sets
PLACED = 1 << INPUTS  # words of which a bit is one LUT


class Memory:
    """Of a unit; `word` counts its words, `fold` the parts of a window, `values_1` is a part."""

    def __init__(self, emit: Emitter, stage: MatrixVector) -> None:
        self.emit, self.stage = emit, stage
        self.weights = stage.weights
        self.slices = stage.weights.slices if stage.weights else None

    @property
    def stages(self) -> int:
        """Between a word's number and what lanes read."""
        return 2 if self.slices else 1

    def write(self) -> None:
        if self.weights is None:
            width = self.stage.word_width
            self.emit(f"reg {bus(width)} word_1;")
            self.emit("always @(posedge aclk) if (advance) word_1 <= word;")
            return
        width, words = self.stage.memory_width, self.weights.words
        if self.weights.block:
            self.emit(f"reg {bus(width)} word_1;")
            self._block("weights", words, width)
            self.emit("always @(posedge aclk) if (advance) word_1 <= weights[word];")
        elif self.weights.placed and 1 < len(words) <= PLACED:
            _placed(self.emit, "word_1", words, width, "word")
        else:
            table(self.emit, "word_1", words, width, "word")
        self._masks()
        if self.slices:
            self._slices(self.slices)

    def values(self, lane: int) -> str:
        """What a lane adds up."""
        masks = self.weights.masks if self.weights else ()
        if masks and masks[lane]:
            return f"counting_{masks[lane]}"
        return f"values_{self.stages}"

    def word(self, lane: int) -> str:
        """What a lane reads beside values."""
        simd, bits = self.stage.simd, self.stage.lane_bits
        if self.weights is None:
            return "word_1"
        if self.slices:
            return f"weights_2[{lane * simd} +: {simd}]"
        return f"word_1[{lane * bits} +: {bits}]"

    def _block(self, name: str, words: Sequence[int], width: int) -> None:
        emit = self.emit
        emit(f"{BLOCK} reg {bus(width)} {name} [0:{len(words) - 1}];")
        for first in range(0, len(words), PER_BLOCK):  # so that simulators compile them in parts
            with emit.block("initial begin", "end"):
                for place, word in enumerate(words[first : first + PER_BLOCK], start=first):
                    emit(f"{name}[{place}] = {width}'h{word:x};")

    def _masks(self) -> None:
        """For each mask the values, those that do not count being the lowest ones."""
        stage, emit = self.stage, self.emit
        width, n_values = stage.values.width, stage.simd * stage.values.width
        for number in range(1, self.weights.n_masks + 1 if self.weights else 1):
            first = (stage.n_lanes + number - 1) * stage.simd
            emit(f"wire {bus(n_values)} counting_{number};")
            for place in range(n_values):
                counts = f"word_1[{first + place // width}]"
                highest = stage.values.signed and place % width == width - 1
                joined = f"| ~{counts}" if highest else f"& {counts}"
                emit(f"assign counting_{number}[{place}] = values_1[{place}] {joined};")

    def _slices(self, slices: Slices) -> None:
        """Representatives by their numbers, negated where the word says so."""
        stage, emit, taps = self.stage, self.emit, slices.taps
        n_values, n_reads = stage.simd * stage.values.width, stage.n_lanes * slices.n_places
        emit(f"reg {bus(n_values)} values_2;", f"reg {bus(n_reads)} negate_2;")
        emit(f"reg {bus(class_width(stage.folds))} fold_1;")
        emit("always @(posedge aclk) if (advance) fold_1 <= fold;")
        emit("always @(posedge aclk) if (advance) values_2 <= values_1;")
        with emit.block("always @(posedge aclk) if (advance) begin", "end"):
            for read in range(n_reads):
                bits = slices.index_bits[read % slices.n_places]
                emit(f"negate_2[{read}] <= word_1[{slices.field(read) + bits}];")
        self._tables(slices)
        emit(f"wire {bus(n_reads * taps)} weights_2;")
        for read in range(n_reads):
            emit(f"assign weights_2[{read * taps} +: {taps}] = slice_{read} ^")
            emit(f"  {{{taps}{{negate_2[{read}]}}}};")

    def _tables(self, slices: Slices) -> None:
        """Each read has a table; two reads share one of block RAM, which has two ports."""
        emit, n = self.emit, slices.n_places
        if self.weights and not self.weights.block:
            for read in range(self.stage.n_lanes * n):
                width = (len(slices.tables[read % n]) - 1).bit_length()
                address = self._address(slices, read, width)
                table(emit, f"slice_{read}", slices.tables[read % n], slices.taps, address)
            return
        for number, pair in enumerate(slices.pairs(self.stage.n_lanes)):
            contents = slices.joined(pair)
            self._block(f"slices_{number}", contents, slices.taps)
            both = pair[0] % n != pair[-1] % n
            width = (len(contents) - 1).bit_length() - both
            for half, read in enumerate(pair):
                place = self._address(slices, read, width)
                place = f"{{1'b{half}, {place}}}" if both else place
                emit(f"reg {bus(slices.taps)} slice_{read};")
                emit("always @(posedge aclk) if (advance)")
                emit(f"  slice_{read} <= slices_{number}[{place}];")

    def _address(self, slices: Slices, read: int, width: int) -> str:
        """A wire of the part and the number of the representative."""
        number = f"word_1[{slices.field(read)} +: {slices.index_bits[read % slices.n_places]}]"
        given = f"{{fold_1, {number}}}" if self.stage.folds > 1 else number
        self.emit(f"wire {bus(width)} place_{read} = {given};")
        return f"place_{read}"


def table(emit: Emitter, name: str, words: Sequence[int], width: int, address: str) -> None:
    """A register of the word at an address, each bit a constant that the address indexes."""
    size = 1 << max(1, (len(words) - 1).bit_length())
    emit(f"reg {bus(width)} {name};")
    if len(words) == 1:
        emit(f"always @(posedge aclk) if (advance) {name} <= {width}'h{words[0]:x};")
        return
    for bit, column in enumerate(_columns(words, width)):
        emit(f"localparam {bus(size)} {name}_{bit} = {size}'h{column:x};")
    with emit.block("always @(posedge aclk) if (advance) begin", "end"):
        for bit in range(width):
            emit(f"{name}[{bit}] <= {name}_{bit}[{address}];")


def _placed(emit: Emitter, name: str, words: Sequence[int], width: int, address: str) -> None:
    """The same of LUTs of the device; equal bits share one, and a constant has none."""
    inputs = [f"{address}[{k}]" for k in range((len(words) - 1).bit_length())]
    bits = {0: "1'b0", (1 << len(words)) - 1: "1'b1"}
    columns = _columns(words, width)
    for column in columns:
        if column not in bits:
            bits[column] = f"{name}_{len(bits)}"
            emit(*placed_table(bits[column], column, inputs))
    emit(f"reg {bus(width)} {name};")
    with emit.block("always @(posedge aclk) if (advance) begin", "end"):
        for bit, column in enumerate(columns):
            emit(f"{name}[{bit}] <= {bits[column]};")


def _columns(words: Sequence[int], width: int) -> list[int]:
    """Of each bit its values, word k's at bit k."""
    return [
        sum((word >> bit & 1) << place for place, word in enumerate(words)) for bit in range(width)
    ]
