"""A network as its drawing has it: thresholds in the layers whose sums they read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from crshare.network.graph import (
    INPUT,
    BitPool,
    Conv,
    Flatten,
    Network,
    Op,
    RealConv,
    Threshold,
)
from crshare.typed_json import Positive


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """does: in words. reads: layers of the drawing, or `pixels`. height, width, channels: of the
    map that it gives. of: bits, integers or reals. is_binary: whether its weights are +1/-1."""

    name: str
    does: str
    reads: tuple[str, ...]
    height: Positive
    width: Positive
    channels: Positive
    of: str
    is_binary: bool


PIXELS = "pixels"


def drawn_network(network: Network) -> tuple[DrawnLayer, ...]:
    """The pixels, and every layer but thresholds that read a layer's sums."""
    height, width, channels = network.input.shape
    first = DrawnLayer(PIXELS, "input", (), height, width, channels, "integers", False)
    shown = {INPUT: PIXELS}
    return (first, *_layers(network, shown))


def _layers(network: Network, shown: dict[str, str]) -> Iterator[DrawnLayer]:
    """shown: by a layer of the network the one of the drawing that stands for it."""
    merged = _merged(network)
    ends = {source: name for name, source in merged.items()}
    for layer in network.layers:
        if layer.name in merged:
            shown[layer.name] = shown[layer.source]
            continue
        shown[layer.name] = layer.name
        signal = network.signals[ends.get(layer.name, layer.name)]
        yield DrawnLayer(
            layer.name,
            _does(layer.op, network.signals[layer.source].shape),
            tuple(dict.fromkeys(shown[source] for source in layer.sources)),
            *signal.shape,
            signal.kind.value,
            isinstance(layer.op, Conv),
        )


def _merged(network: Network) -> dict[str, str]:
    """Thresholds that alone read the sums of a layer, and which one."""
    n_readers = Counter(source for layer in network.layers for source in layer.sources)
    linear = {one.name for one in network.layers if isinstance(one.op, Conv | RealConv)}
    return {
        layer.name: layer.source
        for layer in network.layers
        if isinstance(layer.op, Threshold) and layer.source in linear
        if n_readers[layer.source] == 1
    }


def _does(op: Op, given: tuple[int, int, int]) -> str:
    match op:
        case Conv() | RealConv():
            kind = "dense" if given[:2] == (1, 1) else "convolution"
            rows, columns, inputs, outputs = op.kernel.shape
            size = "" if kind == "dense" else f" {rows} × {columns},"
            return f"{kind}{size} {inputs:,} → {outputs:,}"
        case BitPool():
            return f"pool {op.size[0]} × {op.size[1]}"
        case Flatten():
            return "flatten"
        case _:
            return type(op).__name__.lower()
