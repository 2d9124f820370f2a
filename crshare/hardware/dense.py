"""Convolutions as they are built: windows of all channels, their taps side by side."""

from dataclasses import replace

import numpy as np

from crshare.arrays import Int8Array
from crshare.network.graph import Conv, Network, Op


def dense(network: Network) -> Network:
    """The same outputs. Groups and distances between taps have become weights 0, which take no
    hardware."""
    ops: dict[str, Op] = {
        layer.name: replace(conv, kernel=dense_kernel(conv), groups=1, dilation=(1, 1))
        for layer, conv in network.convs()
        if not conv.is_standard
    }
    return network.replace(ops) if ops else network


def dense_kernel(conv: Conv) -> Int8Array:
    """int8 [height, width that the taps span, all input channels, filters] of +1, -1 and 0."""
    _, _, channels, filters = conv.kernel.shape
    kernel = np.zeros(conv.window, np.int8)
    each, (down, across) = filters // conv.groups, conv.dilation
    for group in range(conv.groups):
        of_group = slice(group * each, (group + 1) * each)
        read = slice(group * channels, (group + 1) * channels)
        kernel[::down, ::across, read, of_group] = conv.kernel[..., of_group]
    return kernel
