"""A trained LUT network as a network of crshare, with tables of bits."""

from collections.abc import Iterator

import numpy as np

from crshare.arrays import Array, Words
from crshare.network.graph import (
    INPUT,
    BitPool,
    Flatten,
    Input,
    Layer,
    Lut,
    Modulate,
    Network,
    Op,
)
from crshare.network.lut_ops import class_sums
from crshare.train.lutnet import net as training
from crshare.train.lutnet.kernels import N_ENTRIES, N_INPUTS
from crshare.train.lutnet.smoothing import words_of


def network_of(net: training.Net, images: Array) -> Network:
    """The network whose tables have the means of these images.

    Layers: modulate, then lut1, lut2 and so on, or1 behind a pooled one, and sums.
    """
    words = net.hardened(images)
    layers: list[Layer] = []
    for name, op in _named(net, words):
        layers.append(Layer(name, op, layers[-1].name if layers else INPUT))
    return Network(Input(net.recipe.shape), tuple(layers))


def _named(net: training.Net, words: list[Words]) -> Iterator[tuple[str, Op]]:
    yield "modulate", Modulate(net.at)
    for number, (layer, tables) in enumerate(zip(net.layers, words, strict=True), 1):
        is_map, whole = layer.given[:2] != (1, 1), layer.stage.size is None
        if is_map and whole:
            yield f"flatten{number}", Flatten()
        size = (1, 1) if whole else layer.size
        strides = (layer.stage.stride,) * 2
        narrow = narrowed(tables, layer.connections.shape[1])
        yield f"lut{number}", Lut(layer.connections.copy(), narrow, size, strides)
        if layer.stage.pooled:
            none = np.zeros(layer.stage.n_nodes, np.bool_)
            yield f"or{number}", BitPool((2, 2), (2, 2), False, none)
    yield "sums", class_sums(net.recipe.n_classes, net.n_frames)


def narrowed(tables: Words, n_inputs: int) -> Words:
    """Tables of the first inputs, where each of the others repeats the first one."""
    if n_inputs == N_INPUTS:
        return tables
    entries = np.arange(N_ENTRIES)
    others = sum(1 << j for j in range(n_inputs, N_INPUTS))
    repeated = entries | np.where(entries & 1, others, 0)
    bits = (tables[:, None] >> repeated.astype(np.uint64)) & np.uint64(1)
    return words_of(np.where(entries < 1 << n_inputs, bits, 0))
