"""Which layers of a network become a design, and how often an image enters it."""

from dataclasses import dataclass

from crshare.errors import HardwareError
from crshare.network.graph import INPUT, Conv, Kind, Layer, Lut, Network, Signal


@dataclass(frozen=True, eq=False)
class Part:
    """Layers of a network in order, all of which lead from one stream to the last of them."""

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


def part_of(network: Network, only: tuple[str, str] | None) -> Part:
    """The layers from the first to the last, thresholds and pooling behind it included."""
    layers = _of_part(list(network.layers), only)
    first = layers[0]
    layers = _leading_to_the_end(_behind(layers) if only else layers)
    for layer in layers:
        inside = {first.source, *(one.name for one in layers)}
        outside = [source for source in layer.sources if source not in inside]
        if outside:
            raise HardwareError(
                f"layer {layer.name} reads {_named(outside[0])} as well, outside of what was "
                "chosen, and a design has one stream into it; choose other --layers"
            )
    if first.source != INPUT and network.signals[first.source].kind is not Kind.BITS:
        raise HardwareError(
            f"layer {first.name} reads {network.signals[first.source].kind.value} of a layer "
            "before it, where a part of a network takes pixels or bits; begin it elsewhere with "
            "--layers"
        )
    return Part(network, tuple(layers))


def _named(source: str) -> str:
    return f"layer {source}" if source != INPUT else "the images"


def _behind(layers: list[Layer]) -> list[Layer]:
    """The layers up to the last with weights, and behind it those that read nothing else."""
    found, inside = list[Layer](), {layers[0].source}
    weights = [place for place, one in enumerate(layers) if isinstance(one.op, Conv | Lut)]
    for place, layer in enumerate(layers):
        if place <= weights[-1] or set(layer.sources) <= inside:
            found.append(layer)
            inside.add(layer.name)
    return found


def _leading_to_the_end(layers: list[Layer]) -> list[Layer]:
    wanted = {layers[-1].name}
    for layer in reversed(layers):
        if layer.name in wanted:
            wanted.update(layer.sources)
    return [layer for layer in layers if layer.name in wanted]


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
