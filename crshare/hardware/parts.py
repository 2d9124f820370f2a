"""Which layers of a network become a design, what is built together, and what has no hardware."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from crshare.errors import HardwareError
from crshare.hardware.dense import dense
from crshare.network.fixed_point import Grid, formats
from crshare.network.graph import (
    INPUT,
    Add,
    BitPool,
    Clamp,
    ClassSums,
    Concatenate,
    Conv,
    Curve,
    Flatten,
    Kind,
    Layer,
    Leak,
    Lut,
    MaxPool,
    Modulate,
    Multiply,
    Network,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    Signal,
    SumPool,
    Threshold,
)

PointwiseOp = (
    Add | Clamp | Concatenate | Curve | Leak | Multiply | Quantise | Scale | Sign | Threshold
)
"""What looks at one position, and but for Concatenate at one channel."""
Pooled = BitPool | MaxPool | SumPool
BuiltOp = PointwiseOp | Conv | RealConv | Lut | ClassSums | Modulate | Pad | Pooled
WeightedOp = Conv | RealConv | Lut


@dataclass(frozen=True, eq=False)
class Part:
    """Layers of a network in order, all of which lead from one stream to the last of them.

    network: as it is built, every convolution of one group.
    """

    network: Network
    layers: tuple[Layer, ...]

    @property
    def start(self) -> str:
        """The layer whose stream goes in, or INPUT."""
        return self.layers[0].source

    @property
    def end(self) -> str:
        return self.layers[-1].name

    def readers_of(self, name: str) -> list[Layer]:
        return [layer for layer in self.layers if name in layer.sources]

    @cached_property
    def grids(self) -> dict[str, Grid]:
        """Of each signal but that of a scale of scores; HardwareError where one has none."""
        return formats(self.network, [one for one in self.layers if not self.scales_scores(one)])

    def scales_scores(self, layer: Layer) -> bool:
        """Whether a layer scales sums of binary weights at the end of the network, of which only
        the greatest counts."""
        is_last = layer is self.network.layers[-1] and isinstance(layer.op, Scale)
        source = self.network.op_of(self.network.unflattened(layer.source))
        return is_last and isinstance(source, Conv)

    def settles_later(self, layer: Layer) -> bool:
        """Whether sums of binary weights are built together with the one threshold behind them."""
        readers = self.readers_of(layer.name)
        return len(readers) == 1 and isinstance(readers[0].op, Threshold)

    def is_inside(self, layer: Layer) -> bool:
        """Whether a layer is pointwise and the stage of the only one that reads it computes it."""
        if not isinstance(layer.op, PointwiseOp):
            return False
        readers = self.readers_of(layer.name)
        if len(readers) != 1 or self.network.signals[layer.name].kind is Kind.BITS:
            return False
        (reader,) = readers
        sizes = [self.network.signals[one.name].shape[:2] for one in (layer, reader)]
        joins = isinstance(layer.op, Concatenate) or isinstance(reader.op, Concatenate)
        joins |= sizes[0] != sizes[1]  # a single position counts for all of a map
        alone = reader.sources.count(layer.name) == 1 and not self.scales_scores(reader)
        return isinstance(reader.op, PointwiseOp) and alone and not joins

    def roots(self) -> list[Layer]:
        """The pointwise layers that have stages of their own."""
        return [layer for layer in self.layers if self.is_root(layer)]

    def is_root(self, layer: Layer) -> bool:
        if not isinstance(layer.op, PointwiseOp) or self.scales_scores(layer):
            return False
        if isinstance(layer.op, Threshold):
            source = self.network.op_of(layer.source)
            inside = isinstance(source, Conv) and any(one.op is source for one in self.layers)
            together = inside and self.settles_later(self.network.layer(layer.source))
            return not together and layer.source != INPUT
        return not self.is_inside(layer)


def part_of(network: Network, only: tuple[str, str] | None) -> Part:
    """The layers from the first to the last, thresholds and pooling behind it included.

    HardwareError names a layer that has no hardware.
    """
    network = dense(network)
    layers = _of_part(list(network.layers), only)
    first = layers[0]
    layers = _leading_to_the_end(_behind(network, layers) if only else layers)
    for layer in layers:
        inside = {first.source, *(one.name for one in layers)}
        outside = [source for source in layer.sources if source not in inside]
        if outside:
            raise HardwareError(
                f"layer {layer.name} reads {_named(outside[0])} as well, outside of what was "
                "chosen, and a design has one stream into it; choose other --layers"
            )
        _refuse_unbuilt(network, layer)
    if first.source != INPUT and network.signals[first.source].kind is not Kind.BITS:
        raise HardwareError(
            f"layer {first.name} reads {network.signals[first.source].kind.value} of a layer "
            "before it, where a part of a network takes pixels or bits; begin it elsewhere with "
            "--layers"
        )
    part = Part(network, tuple(layers))
    _ = part.grids  # refuses what is not in fixed point
    return part


def _refuse_unbuilt(network: Network, layer: Layer) -> None:
    op = layer.op
    pixels = not isinstance(op, Modulate) or layer.source == INPUT
    if not isinstance(op, BuiltOp | Flatten) or not pixels:
        raise HardwareError(
            f"layer {layer.name} ({type(op).__name__} of {network.input_of(layer).kind.value}) "
            "has no hardware; choose a part of the network with --layers"
        )


def _named(source: str) -> str:
    return f"layer {source}" if source != INPUT else "the images"


def _behind(network: Network, layers: list[Layer]) -> list[Layer]:
    """The layers up to the last with weights, and behind it those that read nothing else, are in
    fixed point, or scale the scores."""
    found, inside = list[Layer](), {layers[0].source}
    weights = [place for place, one in enumerate(layers) if isinstance(one.op, Conv | Lut)]
    for place, layer in enumerate(layers):
        behind = place > weights[-1]
        if behind and not (set(layer.sources) <= inside and _is_built(network, found, layer)):
            continue
        found.append(layer)
        inside.add(layer.name)
    return found


def _is_built(network: Network, layers: list[Layer], layer: Layer) -> bool:
    if layer is network.layers[-1] and isinstance(layer.op, Scale):
        return True
    try:
        _refuse_unbuilt(network, layer)
        formats(network, [*layers, layer])
    except HardwareError:
        return False
    return True


def _leading_to_the_end(layers: list[Layer]) -> list[Layer]:
    return _between(layers, None, layers[-1].name)


def _between(layers: Sequence[Layer], start: str | None, end: str) -> list[Layer]:
    """Those that lead to the layer `end`, up to the layer `start` where there is one."""
    wanted = {end}
    for layer in reversed(layers):
        if layer.name in wanted and layer.name != start:
            wanted.update(layer.sources)
    return [layer for layer in layers if layer.name in wanted and layer.name != start]


def between(network: Network, start: str, end: str) -> Part:
    """The part behind one layer (or the images) up to another."""
    return Part(network, tuple(_between(network.layers, start, end)))


def _of_part(layers: list[Layer], only: tuple[str, str] | None) -> list[Layer]:
    if only is None:
        return layers
    names = [layer.name for layer in layers]
    convs = [layer.name for layer in layers if isinstance(layer.op, Conv | Lut)]
    for wanted in only:
        if wanted not in convs:
            raise HardwareError(
                f"--layers: {wanted} is no layer with binary weights or tables; choose of "
                f"{', '.join(convs)}"
            )
    first, last = names.index(only[0]), names.index(only[1])
    if first > last:
        raise HardwareError(f"--layers: {only[0]} comes after {only[1]}; name the first one first")
    following = [names.index(conv) for conv in convs if names.index(conv) > last]
    return layers[first : following[0] if following else len(layers)]


def frames_sent(network: Network, start: str) -> int:
    """How often an image enters a design that reads layer `start`: once for each frame of its
    modulation, inside the design or before it."""
    readers = (network.signals[layer.name].frames for layer in network.readers_of(start))
    return max(network.signals[start].frames, *readers, 1)


def beats(signal: Signal) -> int:
    """Of an image."""
    return signal.shape[0] * signal.shape[1] * signal.frames
