"""Which layers of a network become a design, and how often an image enters it."""

from crshare.errors import HardwareError
from crshare.network.graph import INPUT, Conv, Kind, Layer, Lut, Network, Signal


def part_of(network: Network, only: tuple[str, str] | None) -> list[Layer]:
    """The layers in a row from the first to the last, thresholds and pooling behind it included."""
    layers = _of_part(list(network.layers), only)
    for above, below in zip(layers, layers[1:], strict=False):
        if below.sources != (above.name,):
            raise HardwareError(
                f"layer {below.name} reads other layers than the one before it; hardware is "
                "generated for chains of layers: choose one within the network with --layers"
            )
    first = layers[0]
    if first.source != INPUT and network.signals[first.source].kind is not Kind.BITS:
        raise HardwareError(
            f"layer {first.name} reads {network.signals[first.source].kind.value} of a layer "
            "before it, where a part of a network takes pixels or bits; begin it elsewhere with "
            "--layers"
        )
    return layers


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
