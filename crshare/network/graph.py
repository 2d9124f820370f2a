"""The network as values: what each layer computes, nothing about files and nothing about speed.

A map is [height, width, channels]. A dense layer is a 1x1 convolution of a 1x1 map, so it needs no
type of its own. The operations are defined in ops.py and exported here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from crshare.arrays import BoolArray, Float32Array, Float64Array, Int8Array, Int32Array
from crshare.errors import NetworkError
from crshare.network.lut_ops import ClassSums, Lut, Modulate
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
    Halves,
    Join,
    Kind,
    Leak,
    MaxPool,
    Multiply,
    Op,
    Pad,
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
from crshare.network.signals import signal_after

__all__ = [
    "ALWAYS",
    "Add",
    "BitPool",
    "BoolArray",
    "Clamp",
    "ClassSums",
    "Concatenate",
    "Conv",
    "Curve",
    "Flatten",
    "Halves",
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
    "Lut",
    "MaxPool",
    "Modulate",
    "Multiply",
    "NEVER",
    "Network",
    "Op",
    "Pad",
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
    the factor s/multiplier goes into the first threshold. stored: how images come, where they are
    put into another shape first. channels_first: whether they come as [channels, height, width].
    real: whether they are real numbers instead, which the network sees as they are.
    """

    shape: Shape
    multiplier: int = 1
    offset: int = 0
    low: int = 0
    high: int = 255
    stored: Shape | None = None
    channels_first: bool = False
    real: bool = False

    @property
    def signal(self) -> Signal:
        """What the network sees."""
        if self.real:
            return Signal(Kind.REALS, self.shape)
        return Signal(Kind.INTEGERS, self.shape, self.bound)

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the greatest integer that the network sees."""
        low, high = sorted(self.multiplier * end + self.offset for end in (self.low, self.high))
        return low, high

    @property
    def bound(self) -> int:
        return max(map(abs, self.ends))

    def coming_first(self) -> "Input":
        """The same, of images that come with their channels first."""
        height, width, channels = self.shape
        return replace(self, stored=(channels, height, width), channels_first=True)


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
        signals = {INPUT: self.input.signal}
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

    def op_of(self, name: str) -> Op | None:
        """What layer `name` computes, if there is one."""
        return next((layer.op for layer in self.layers if layer.name == name), None)

    def unflattened(self, name: str) -> str:
        """The layer, or INPUT, whose values `name` gives, in a row or as they are."""
        while isinstance(self.op_of(name), Flatten):
            name = self.layer(name).source
        return name

    def channel_source(self, layer: Layer, channel: int) -> tuple[str, int]:
        """Of a Concatenate's channel: the layer that it comes from, and which channel of that."""
        for source in layer.sources:
            n_channels = self.signals[source].shape[2]
            if channel < n_channels:
                return source, channel
            channel -= n_channels
        raise IndexError(channel)

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
