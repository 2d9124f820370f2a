"""The network as values: what each layer computes, nothing about files and nothing about speed.

A map is [height, width, channels]. A dense layer is a 1x1 convolution of a 1x1 map, so it needs no
type of its own. The operations are defined in ops.py and exported here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from crshare.arrays import BoolArray, Float32Array, Float64Array, Int8Array, Int32Array
from crshare.errors import NetworkError
from crshare.network.ops import (
    ALWAYS,
    NEVER,
    Add,
    BitPool,
    Clamp,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Join,
    Kind,
    Leak,
    MaxPool,
    Op,
    Quantise,
    RealConv,
    Scale,
    Shape,
    Sign,
    Signal,
    SumPool,
    Threshold,
    alike,
    extent,
    spread,
)

__all__ = [
    "ALWAYS",
    "Add",
    "BitPool",
    "BoolArray",
    "Clamp",
    "Concatenate",
    "Conv",
    "Curve",
    "Flatten",
    "Float32Array",
    "Float64Array",
    "INPUT",
    "Input",
    "Int32Array",
    "Int8Array",
    "Join",
    "Kind",
    "Layer",
    "Leak",
    "MaxPool",
    "NEVER",
    "Network",
    "Op",
    "Quantise",
    "RealConv",
    "Scale",
    "Shape",
    "Sign",
    "Signal",
    "SumPool",
    "Threshold",
    "alike",
    "extent",
    "signal_after",
    "spread",
]


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation, its unique name, and the name of the layer it reads (or INPUT).

    others: what an Add or Concatenate reads besides.
    """

    name: str
    op: Op
    source: str
    others: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, *self.others)


INPUT = ""  # the images; every layer has a name


@dataclass(frozen=True, slots=True)
class Input:
    """Images: integers from low to high as stored; the network sees multiplier * value + offset.

    A Rescaling(s, o) layer becomes this: s*v + o = (s/multiplier) * (multiplier*v + offset), and
    the factor s/multiplier goes into the first threshold.
    """

    shape: Shape
    multiplier: int = 1
    offset: int = 0
    low: int = 0
    high: int = 255

    @property
    def bound(self) -> int:
        ends = (self.multiplier * end + self.offset for end in (self.low, self.high))
        return max(abs(end) for end in ends)


@dataclass(frozen=True)
class Network:
    """Layers in the order of execution; the last one gives the scores."""

    input: Input
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        _ = self.signals  # a network whose layers do not fit refuses to exist

    @cached_property
    def signals(self) -> dict[str, Signal]:
        """The signal out of each layer, and of INPUT."""
        signals = {INPUT: Signal(Kind.INTEGERS, self.input.shape, self.input.bound)}
        for layer in self.layers:
            if layer.name in signals:
                raise NetworkError(f"two layers are named {layer.name!r}; names must differ")
            for source in layer.sources:
                if source not in signals:
                    raise NetworkError(f"{layer.name}: reads {source!r}, which is no layer above")
            try:
                given = [signals[source] for source in layer.sources]
                signals[layer.name] = signal_after(layer.op, *given)
            except NetworkError as error:
                raise NetworkError(f"layer {layer.name}: {error}") from error
        return signals

    @property
    def output(self) -> Signal:
        return self.signals[self.layers[-1].name if self.layers else INPUT]

    def input_of(self, layer: Layer) -> Signal:
        return self.signals[layer.source]

    def convs(self) -> Iterator[tuple[Layer, Conv]]:
        """The layers with binary weights, in order."""
        for layer in self.layers:
            if isinstance(layer.op, Conv):
                yield layer, layer.op

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def conv(self, name: str) -> Conv:
        """The binary weights of layer `name`."""
        return next(conv for layer, conv in self.convs() if layer.name == name)

    def threshold_of(self, name: str) -> Layer | None:
        """The Threshold that reads layer `name`, if one does."""
        readers = (la for la in self.layers if la.source == name and isinstance(la.op, Threshold))
        return next(readers, None)

    def readers_of(self, name: str) -> list[Layer]:
        """All layers that read layer `name`."""
        return [layer for layer in self.layers if name in layer.sources]

    def replace(self, ops: dict[str, Op]) -> "Network":
        """The same network with other operations in the named layers."""
        layers = (replace(layer, op=ops.get(layer.name, layer.op)) for layer in self.layers)
        return Network(self.input, tuple(layers))


def signal_after(op: Op, given: Signal, *others: Signal) -> Signal:
    """The signal that `op` makes of `given` (and others); NetworkError where it cannot."""
    if isinstance(op, Add | Concatenate):
        return _joined(op, (given, *others))
    if others:
        raise NetworkError(f"reads {1 + len(others)} layers, where it takes one")
    height, width, channels = given.shape
    match op:
        case Conv(_, strides, pad_value):
            _expect(given, Kind.BITS, Kind.INTEGERS)
            if given.kind is Kind.BITS and pad_value not in (None, 0, 1, -1):
                raise NetworkError(f"pads a map of +1/-1 with {pad_value}")
            bound = _bounded(max(given.bound, abs(pad_value or 0)) * op.n_inputs)
            shape = _windows(given, op.window, strides, same=pad_value is not None)
            return Signal(Kind.INTEGERS, shape, bound)
        case RealConv(kernel, _, strides, same):
            return Signal(Kind.REALS, _windows(given, kernel.shape, strides, same=same))
        case Threshold(at):
            _expect(given, Kind.INTEGERS)
            _expect_channels(given, len(at))
            return Signal(Kind.BITS, given.shape, 1)
        case Sign():
            _expect(given, Kind.REALS)
            return Signal(Kind.BITS, given.shape, 1)
        case BitPool(size, strides, same, all_of):
            _expect(given, Kind.BITS)
            _expect_channels(given, len(all_of))
            shape = _windows(given, (*size, channels, channels), strides, same=same)
            return Signal(Kind.BITS, shape, 1)
        case MaxPool(size, strides, same):
            _expect(given, Kind.INTEGERS, Kind.REALS)
            shape = _windows(given, (*size, channels, channels), strides, same=same)
            return Signal(given.kind, shape, given.bound)
        case SumPool(size, strides):
            shape = _windows(given, (*size, channels, channels), strides, same=False)
            if given.kind is Kind.REALS:
                return Signal(Kind.REALS, shape)
            return Signal(Kind.INTEGERS, shape, _bounded(given.bound * size[0] * size[1]))
        case Flatten():
            return Signal(given.kind, (1, 1, height * width * channels), given.bound)
        case Scale(scale, offset):
            _expect_channels(given, len(scale))
            _expect_channels(given, len(offset))
            return Signal(Kind.REALS, given.shape)
        case Leak(negative):
            _expect(given, Kind.REALS)
            _expect_channels(given, len(negative))
            return given
        case Clamp() | Quantise() | Curve():
            _expect(given, Kind.REALS)
            return given


def _joined(op: Join, given: tuple[Signal, ...]) -> Signal:
    kinds = {signal.kind for signal in given}
    kind = Kind.REALS if Kind.REALS in kinds else Kind.INTEGERS
    if isinstance(op, Add):
        if len({signal.shape for signal in given}) > 1:
            raise NetworkError(f"adds maps of {_shapes(given)}, which must have one shape")
        bound = _bounded(sum(signal.bound for signal in given))
        return Signal(kind, given[0].shape, 0 if kind is Kind.REALS else bound)
    if len({signal.shape[:2] for signal in given}) > 1:
        raise NetworkError(f"joins maps of {_shapes(given)}, which must have one size")
    kind = Kind.BITS if kinds == {Kind.BITS} else kind
    channels = sum(signal.shape[2] for signal in given)
    bound = 0 if kind is Kind.REALS else max(signal.bound for signal in given)
    return Signal(kind, (*given[0].shape[:2], channels), bound)


def _shapes(given: tuple[Signal, ...]) -> str:
    return " and ".join("x".join(map(str, signal.shape)) for signal in given)


def _bounded(bound: int) -> int:
    if bound >= NEVER:
        raise NetworkError(f"sums up to {bound} do not fit in 32 bits")
    return bound


def _windows(
    given: Signal, kernel: tuple[int, ...], strides: tuple[int, int], *, same: bool
) -> Shape:
    height, width, channels = given.shape
    if kernel[2] != channels:
        raise NetworkError(f"expects {kernel[2]} input channels, and gets {channels}")
    if not same and (kernel[0] > height or kernel[1] > width):
        window = f"{kernel[0]}x{kernel[1]}"
        raise NetworkError(f"a window of {window} does not fit in a map of {height}x{width}")
    rows, _ = extent(height, kernel[0], strides[0], same=same)
    columns, _ = extent(width, kernel[1], strides[1], same=same)
    return rows, columns, kernel[3]


def _expect(given: Signal, *kinds: Kind) -> None:
    if given.kind not in kinds:
        wanted = " or ".join(kind.value for kind in kinds)
        raise NetworkError(f"expects {wanted}, and gets {given.kind.value}")


def _expect_channels(given: Signal, n: int) -> None:
    if n != given.shape[2]:
        raise NetworkError(f"holds values for {n} channels, and gets {given.shape[2]}")
