"""Channels that are taken from a map or added to it, as a layer of real numbers: each one made is
one of those given, or 0, so a kernel of 1x1 with a single 1 for each says which, exactly.
"""

import numpy as np

from crshare.errors import DAMAGED, ModelFormatError
from crshare.thresholds.layer_ops import ONE, Filled, Linear, Part, Storage, Taken

MOST = 2**16  # channels that are made


def moved_channels(layer_op: Part | Taken | Filled, channels: int) -> Linear:
    """The layer that gives what is asked for of a map of so many channels."""
    places = _places(layer_op, channels)
    kernel = np.zeros((1, 1, channels, len(places)), np.float32)
    for made, given in enumerate(places):
        if given is not None:
            kernel[0, 0, given, made] = 1
    return Linear(
        owner=layer_op.owner,
        weights=kernel,
        signs=None,
        magnitudes=ONE,
        strides=(1, 1),
        pad_value=None,
        quantizer="",
        storage=Storage.REAL,
        stored=(layer_op.owner, ""),
    )


def _places(layer_op: Part | Taken | Filled, channels: int) -> list[int | None]:
    """Which channel stands in each place; None: 0."""
    owner = layer_op.owner
    match layer_op:
        case Filled(_, before, after):
            if channels + before + after > MOST:
                raise ModelFormatError(
                    f"layer {owner} makes {channels + before + after} channels; {DAMAGED}"
                )
            return [None] * before + [*range(channels)] + [None] * after
        case Part(_, place, n):
            if n < 1 or channels % n:
                raise ModelFormatError(
                    f"layer {owner} splits {channels} channels into {n} equal parts; {DAMAGED}"
                )
            size = channels // n
            return [*range(place * size, (place + 1) * size)]
        case Taken(_, start, stop):
            found = [*range(channels)[start:stop]]
            if not found:
                raise ModelFormatError(
                    f"layer {owner} takes none of {channels} channels; {DAMAGED}"
                )
            return [*found]
