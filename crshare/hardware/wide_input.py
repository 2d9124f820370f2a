"""Several positions of an image in one beat, where nothing looks at their places."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from crshare.errors import HardwareError
from crshare.hardware.architecture import divisors
from crshare.network.graph import INPUT, Flatten, Layer, Network, Threshold


def widened(network: Network, positions: int) -> Network:
    """The same network on images of fewer, wider positions: so many of the old ones in each.

    A network that flattens its input, through thresholds or at once, gives the same for images in
    any shape that keeps their order; `Input.stored` is the shape in which they come. HardwareError
    where a layer reads windows, or the number does not divide the positions of an image.
    """
    if positions == 1:
        return network
    rows, columns, channels = network.input.shape
    total = rows * columns
    if total % positions:
        fair = [str(n) for n in divisors(total)]
        raise HardwareError(
            f"--beat {positions} does not divide the {total} positions of an image; take one of "
            f"{', '.join(fair)}"
        )
    pointwise = {layer.name for layer in _before_flatten(network)}
    layers = tuple(
        replace(layer, op=_repeated(layer.op, positions)) if layer.name in pointwise else layer
        for layer in network.layers
    )
    stored = network.input.stored or network.input.shape
    shape = (1, total // positions, channels * positions)
    return Network(replace(network.input, shape=shape, stored=stored), layers)


def in_beats(network: Network, beat: int | None, clocks: int | None) -> Network:
    """Images in beats of several positions: as many as asked for, or as the clocks want."""
    if beat is not None or clocks is None:
        return widened(network, beat or 1)
    with suppress(HardwareError):
        return widened(network, beat_for(network, clocks))
    return network


def beat_of(network: Network) -> int:
    """Positions of an image as it is stored in one beat."""
    stored = network.input.stored or network.input.shape
    return network.input.shape[-1] // stored[-1]


def beat_for(network: Network, clocks: int) -> int:
    """The fewest positions of a beat with which an image comes in so many clocks; all at most."""
    rows, columns, _ = network.input.shape
    total = rows * columns
    return next((n for n in divisors(total) if total // n <= clocks), total)


def _before_flatten(network: Network) -> Iterator[Layer]:
    """The thresholds between the input and its Flatten."""
    name = INPUT
    while True:
        readers = network.readers_of(name)
        layer = readers[0] if len(readers) == 1 else None
        if layer is not None and isinstance(layer.op, Flatten):
            return
        if layer is None or not isinstance(layer.op, Threshold):
            raise HardwareError(
                "--beat is for networks that flatten their input first; this one reads it "
                "position by position, so leave it out"
            )
        yield layer
        name = layer.name


def _repeated(op: object, times: int) -> Threshold:
    assert isinstance(op, Threshold)
    return replace(op, at=np.tile(op.at, times), rising=np.tile(op.rising, times))
