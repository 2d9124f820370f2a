"""Layers with weights in fixed point: integer matrices as shifted additions, or as products.

`Graph`: all sums of a window in a clock, by additions of shifted numbers. `Unit`: pe sums at a
time, simd products of each a clock, which tools make of the device's multipliers, with weights in
memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from crshare.hardware.architecture import BLOCK, Graph, Unit
from crshare.hardware.geometry import windowing_of
from crshare.hardware.numbers import Numbers, head_of
from crshare.hardware.options import PRODUCTS
from crshare.hardware.pointwise_stage import Stream
from crshare.network.fixed_point import Grid, kernel_integers
from crshare.network.graph import Layer, RealConv, Signal
from hwgen import Compute, MatrixVector, Netlist, Range, Weights, Windowing
from hwgen.number_cells import Word
from solver.shift_adds import ShiftAdds, shift_adds


@dataclass(frozen=True, eq=False)
class RealLayer:
    """weights: [outputs][inputs of a window], tap by tap and channel by channel.

    values: raw ones of the stream, 0 included where it stands around the map.
    """

    layer: Layer
    windowing: Windowing
    channels: int
    values: Range
    weights: tuple[tuple[int, ...], ...]
    biases: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def n_inputs(self) -> int:
        return self.channels * prod(self.windowing.kernel)

    @property
    def weight_range(self) -> Range:
        every = [weight for row in self.weights for weight in row]
        return Range(min(every), max(every))

    @property
    def sums(self) -> Range:
        """Of all outputs, 0 included."""
        low = high = 0
        for row, bias in zip(self.weights, self.biases, strict=True):
            ends = [sorted((w * self.values.low, w * self.values.high)) for w in row]
            low = min(low, bias + sum(end for end, _ in ends))
            high = max(high, bias + sum(end for _, end in ends))
        return Range(low, high)

    @property
    def classes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        rows, columns = self.windowing.output
        return (0,) * rows, (0,) * columns

    def graph(self) -> ShiftAdds:
        """Of inputs channel by channel."""
        order = self._by_channel()
        return shift_adds([[row[place] for place in order] for row in self.weights])

    def _by_channel(self) -> list[int]:
        taps = prod(self.windowing.kernel)
        return [tap * self.channels + c for c in range(self.channels) for tap in range(taps)]

    def unrolled(self, per_stage: int) -> Compute:
        numbers = Numbers([self.values] * self.n_inputs)
        inputs = [numbers.input(net) for net in range(self.n_inputs)]
        found = numbers.rows(inputs, self.graph())
        sums = [numbers.plus(one, bias) for one, bias in zip(found, self.biases, strict=True)]
        netlist = numbers.netlist([head_of(one) for one in sums])
        return Compute(
            self.name,
            self.windowing,
            self.channels,
            self.values,
            netlist,
            *self.classes,
            per_stage,
        )

    def unit(self, unit: Unit, per_stage: int) -> MatrixVector:
        span = self.sums
        return MatrixVector(
            self.name,
            self.windowing,
            self.channels,
            self.values,
            len(self.weights),
            unit.pe,
            unit.simd,
            (product_lane(unit.simd, self.values, self.weight_range),),
            Weights(tuple(self._words(unit)), unit.memory == BLOCK),
            (self.biases,),
            span.width,
            *self.classes,
            per_stage,
            span,
            weight_bits=self.weight_range.width,
        )

    def _words(self, unit: Unit) -> list[int]:
        """Of each turn and part of a window: the weights of all lanes."""
        bits, found = self.weight_range.width, list[int]()
        for first in range(0, len(self.weights), unit.pe):
            lanes = self.weights[first : first + unit.pe]
            for part in range(0, self.n_inputs, unit.simd):
                every = [weight for lane in lanes for weight in lane[part : part + unit.simd]]
                found.append(_word(every, bits))
        return found


def _word(values: Sequence[int], bits: int) -> int:
    mask = (1 << bits) - 1
    return sum((value & mask) << place * bits for place, value in enumerate(values))


def real_layer(layer: Layer, op: RealConv, given: Signal, stream: Stream, grid: Grid) -> RealLayer:
    """grid: of the stream, whose raw values are its integers."""
    weights, biases, _ = kernel_integers(op, grid)
    rows, columns, channels, _ = op.kernel.shape
    windowing = windowing_of(given, (rows, columns), op.strides, same=op.same, pad=0)
    values = stream.values
    if op.same:
        values = Range(min(0, values.low), max(0, values.high))
    return RealLayer(
        layer, windowing, channels, values, tuple(zip(*weights, strict=True)), tuple(biases)
    )


def product_lane(simd: int, values: Range, weights: Range) -> Netlist:
    """The sum of so many products of values and weights, whose bits are the inputs."""
    n_values, n_weights = simd * values.width, simd * weights.width
    numbers = Numbers([Range(0, 1)] * (n_values + n_weights))
    products = []
    for place in range(simd):
        sides = [
            numbers.made(
                Word(tuple(range(first, first + span.width)), span.signed), span.low, span.high
            )
            for first, span in (
                (place * values.width, values),
                (n_values + place * weights.width, weights),
            )
        ]
        products.append(numbers.product(*sides))
    return numbers.netlist([head_of(numbers.total(products))])


def architecture_of(layer: RealLayer, asked: object, skip: str) -> Graph | Unit:
    """What was asked for, or what `--skip` says of all layers with real weights."""
    if isinstance(asked, Graph | Unit):
        return asked
    return Unit(1, layer.n_inputs, BLOCK) if skip == PRODUCTS else Graph()
