"""Layers that look at one position and one channel, as one stage: sums, scales, rounding, signs.

A tree of such layers, from streams that exist to the layer whose stream is wanted, is one datapath
for each channel; or one for a few channels, which come one after the other with constants of their
own from tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isinf

import numpy as np

from crshare.arrays import Float64Array
from crshare.errors import HardwareError
from crshare.hardware.numbers import Number, Numbers, head_of, sign_of
from crshare.network.fixed_point import (
    Grid,
    fraction_of,
    integers_of,
    looked_up,
    unit_fraction,
)
from crshare.network.graph import (
    Add,
    Clamp,
    Concatenate,
    Curve,
    Kind,
    Layer,
    Leak,
    Multiply,
    Network,
    Quantise,
    Scale,
    Sign,
    Threshold,
)
from hwgen import Compare, Lanes, Pointwise, Range
from hwgen.netlist import Head


@dataclass(frozen=True, slots=True)
class Stream:
    """Where a layer's stage stands, and its values: factor * raw + offset, for raw in a range."""

    place: int
    values: Range
    factor: int = 1
    offset: int = 0

    @property
    def plain(self) -> bool:
        return (self.factor, self.offset) == (1, 0)


def bits_at(place: int) -> Stream:
    """A stream of bits: 1 for +1 and 0 for -1."""
    return Stream(place, Range(0, 1), 2, -1)


@dataclass(frozen=True, eq=False)
class Tree:
    """Pointwise layers down to streams. formats: of all their signals."""

    network: Network
    formats: Mapping[str, Grid]
    streams: Mapping[str, Stream]
    root: Layer

    @property
    def leaves(self) -> list[str]:
        """The layers whose streams it reads, each once."""
        return list(dict.fromkeys(self._leaves(self.root)))

    def _leaves(self, layer: Layer) -> list[str]:
        found = list[str]()
        for source in layer.sources:
            below = [source] if source in self.streams else self._leaves(self.network.layer(source))
            found += below
        return found

    @property
    def n_channels(self) -> int:
        return self.network.signals[self.root.name].shape[2]

    def stage(self, per_stage: int, turns: int = 1) -> Pointwise:
        """turns: clocks of a position, a divisor of the channels."""
        name = self.root.name
        if turns > 1 and isinstance(self.root.op, Threshold | Concatenate):
            raise HardwareError(
                f"layer {name} ({type(self.root.op).__name__}): is built for all channels at once; "
                "leave its architecture out"
            )
        first = _Datapath(self, turns, 0)  # tells how many constants come from tables
        first.heads()
        made = first if not first.tables else _Datapath(self, turns, len(first.tables))
        heads = made.heads() if made is not first else first.made
        tables = tuple(map(tuple, made.tables))
        return Pointwise(
            name, tuple(made.given), made.numbers.netlist(heads), per_stage, turns, tables
        )


@dataclass(eq=False)
class _Datapath:
    """The cells of a tree. n_tables: constants that differ from turn to turn."""

    tree: Tree
    turns: int
    n_tables: int
    tables: list[list[int]] = field(default_factory=list)
    made: list[Head] = field(default_factory=list)

    def __post_init__(self) -> None:
        tree, signals = self.tree, self.tree.network.signals
        self.lanes = tree.n_channels // self.turns
        self.given, self.first = list[Lanes](), dict[str, int]()
        ranges = list[Range]()
        for leaf in tree.leaves:
            values, n = tree.streams[leaf].values, signals[leaf].shape[2]
            self.first[leaf] = len(ranges)
            self.given.append(Lanes(n, values))
            ranges += [values] * (n // self.turns)
        self.n_values = len(ranges)
        self.numbers = Numbers([*ranges, *[Range(0, 0)] * self.n_tables])
        self.known: dict[tuple[str, int], Number] = {}
        self.entered: dict[tuple[int, ...], Number] = {}

    def heads(self) -> list[Head]:
        root = self.tree.root
        for lane in range(self.lanes):
            match root.op:
                case Threshold(at, rising):
                    number = self.value(root.source, lane)
                    net = self.numbers.plain(number)
                    limit = int(at[lane])
                    self.made.append(Compare(net, bool(rising[lane]), (limit,)))
                case Sign(zero_is_plus):
                    number = self._curved(root, lane, 0) or self.value(root.source, lane)
                    self.made.append(sign_of(self.numbers, number, 0 if zero_is_plus else 1))
                case Concatenate() if self._gives_bits():
                    name, channel = self.tree.network.channel_source(root, lane)
                    self.made.append(head_of(self.raw(name, channel)))
                case _:
                    self.made.append(head_of(self._of(root, lane)))
        return self.made

    def _gives_bits(self) -> bool:
        return self.tree.network.signals[self.tree.root.name].kind is Kind.BITS

    def raw(self, name: str, lane: int) -> Number:
        """What a stream carries."""
        return self.numbers.input(self.first[name] + lane)

    def value(self, name: str, lane: int) -> Number:
        """A layer's value, an integer of its format's grid."""
        if (name, lane) not in self.known:
            if name in self.tree.streams:
                stream = self.tree.streams[name]
                scaled = self.numbers.times(self.raw(name, lane), stream.factor)
                self.known[name, lane] = self.numbers.plus(scaled, stream.offset)
            else:
                self.known[name, lane] = self._of(self.tree.network.layer(name), lane)
        return self.known[name, lane]

    def _at(self, name: str, lane: int, fraction: int) -> Number:
        """A layer's value on a finer grid."""
        number = self.value(name, lane)
        return number.shifted(fraction - self.tree.formats[name].fraction)

    def _of(self, layer: Layer, lane: int) -> Number:
        formats, numbers = self.tree.formats, self.numbers
        fraction = formats[layer.name].fraction
        given = formats[layer.source].fraction
        match layer.op:
            case Scale(scale, offset):
                factors = integers_of(scale, fraction - given)
                product = self._times(self.value(layer.source, lane), factors, lane)
                return self._plus(product, integers_of(offset, fraction), lane)
            case Add():
                return numbers.total([self._at(name, lane, fraction) for name in layer.sources])
            case Multiply():
                return numbers.multiplied([self.value(name, lane) for name in layer.sources])
            case Curve():
                return self.value(layer.source, lane)  # what reads it looks up its values
            case Concatenate():
                name, channel = self.tree.network.channel_source(layer, lane)
                return self._at(name, channel, fraction)
            case Clamp(low, high):
                return self._limited(self._at(layer.source, lane, fraction), low, high, fraction)
            case Leak(negative):
                own = fraction_of(negative)
                return self._leaked(self.value(layer.source, lane), negative, own, lane)
            case Quantise(low=low, high=high) as op:
                if (curved := self._curved(layer, lane, fraction)) is not None:
                    return curved
                unit = unit_fraction(op)
                number = self.value(layer.source, lane)
                if given > unit:
                    number = numbers.rounded(number, given - unit, even=op.halves == "even")
                    number = number.shifted(fraction - unit)
                else:
                    number = number.shifted(fraction - given)
                return self._limited(number, low, high, fraction)
            case op:
                raise HardwareError(f"layer {layer.name} ({type(op).__name__}) has no hardware")

    def _curved(self, layer: Layer, lane: int, fraction: int) -> Number | None:
        """What a layer makes of the values of a curve, by what the curve reads; None where it reads
        none."""
        curve = self.tree.network.op_of(layer.source)
        if not isinstance(curve, Curve) or not isinstance(layer.op, Quantise | Sign):
            return None
        given = self.tree.formats[layer.source]
        values = integers_of(looked_up(curve, layer.op, given), fraction)
        return self.numbers.looked_up(self.value(layer.source, lane), given.low, values)

    def _limited(self, number: Number, low: float, high: float, fraction: int) -> Number:
        ends = [
            end if isinf(limit) else int(np.ldexp(limit, fraction))
            for limit, end in ((low, number.low), (high, number.high))
        ]
        return self.numbers.limited(number, ends[0], max(ends))

    def _times(self, number: Number, factors: Sequence[int], lane: int) -> Number:
        constant = self._constant(factors, lane)
        if isinstance(constant, int):
            return self.numbers.times(number, constant)
        return self.numbers.product(number, constant)

    def _plus(self, number: Number, constants: Sequence[int], lane: int) -> Number:
        constant = self._constant(constants, lane)
        if isinstance(constant, int):
            return self.numbers.plus(number, constant)
        return self.numbers.add(number, constant)

    def _leaked(self, number: Number, negative: Float64Array, own: int, lane: int) -> Number:
        slope, one = self._constant(integers_of(negative, own), lane), 1 << own
        if isinstance(slope, int):
            return self.numbers.leaked(number, slope, one)
        upper = number.shifted(own)
        return self.numbers.chosen(number, self.numbers.product(number, slope), upper)

    def _constant(self, values: Sequence[int], lane: int) -> int | Number:
        """What a lane's channels have in common, or what a table gives turn by turn."""
        own = tuple(values[lane :: self.lanes])
        if len(set(own)) == 1:
            return own[0]
        if own not in self.entered:
            net = self.n_values + len(self.tables)
            span = Range(min(own), max(own))
            self.tables.append(list(own))
            if net < self.numbers.n_inputs:
                self.numbers.ranges[net] = span
            self.entered[own] = Number(net, span.low, span.high)
        return self.entered[own]


def plain_stage(name: str, n_channels: int, stream: Stream, per_stage: int) -> Pointwise:
    """The values of a stream as plain numbers."""
    numbers = Numbers([stream.values] * n_channels)
    inputs = (numbers.times(numbers.input(net), stream.factor) for net in range(n_channels))
    heads = [head_of(numbers.plus(one, stream.offset)) for one in inputs]
    given = (Lanes(n_channels, stream.values),)
    return Pointwise(name, given, numbers.netlist(heads), per_stage)
