"""Compiles the adder-counting code in a second process while a search runs.

The search needs that code only at its end. Numba keeps compiled code on disk, so this helps only
the first run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from crshare.children import shielded
from crshare.network.graph import INPUT, Conv, Input, Layer, Network, Threshold
from crshare.network.slices import decompose
from crshare.plan.cost import count_layer
from crshare.plan.plan import exact_layer

_N_FILTERS = 16  # so many that slices repeat and pairs are shared


@contextmanager
def compiling_ahead() -> Iterator[None]:
    """Compile in the meantime; what is not done by the end is left."""
    process = get_context("spawn").Process(target=count_small_layers, daemon=True)
    with shielded():
        process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def count_small_layers() -> None:
    """Count the adders of a layer of pixels and one of bits, which compiles all that it takes."""
    network = _small_network()
    for table in decompose(network):
        count_layer(table, exact_layer(table), network.input_of(network.layer(table.layer)))


def _small_network() -> Network:
    rng = np.random.default_rng(0)
    pixels, bits = (_conv(rng, n_channels) for n_channels in (1, _N_FILTERS))
    threshold = Threshold(np.zeros(_N_FILTERS, np.int32), np.ones(_N_FILTERS, np.bool_))
    layers = (Layer("pixels", pixels, INPUT), Layer("sign", threshold, "pixels"))
    return Network(Input((4, 4, 1), 1, 0, 0, 255), (*layers, Layer("bits", bits, "sign")))


def _conv(rng: np.random.Generator, n_channels: int) -> Conv:
    signs = np.array([-1, 1], np.int8)
    return Conv(rng.choice(signs, (3, 3, n_channels, _N_FILTERS)), (1, 1), 0)
