"""Model files whose layers bear given names, and what goes with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.keras_files import (
    Dialect,
    Spec,
    batch_norm,
    conv,
    dense,
    flatten,
    signs,
    write_h5,
    write_keras,
)

SHAPE = (6, 6, 1)
CHANNELS = 2


def layers_named(names: Sequence[str]) -> list[Spec]:
    """A convolution of pixels, then binary convolutions and batch normalisations in turn, all of
    these names, and a dense layer."""
    rng = np.random.default_rng(0)
    inner = [_layer(rng, place, name) for place, name in enumerate(names)]
    first = conv("first", signs(rng, 3, 3, 1, CHANNELS), input_quantizer=None, padding="same")
    last = dense("last", signs(rng, SHAPE[0] * SHAPE[1] * CHANNELS, 10))
    return [first, batch_norm("norm", [0] * CHANNELS), *inner, flatten("flat"), last]


def _layer(rng: np.random.Generator, place: int, name: str) -> Spec:
    if place % 2:
        return batch_norm(name, rng.integers(-3, 3, CHANNELS))
    return conv(name, signs(rng, 3, 3, CHANNELS, CHANNELS), padding="same")


def write_named(path: Path, names: Sequence[str]) -> Path:
    """Of the ending of `path`; an archive holds names in its JSON alone, so that any will do."""
    write = write_h5 if path.suffix == ".h5" else write_keras
    return write(path, layers_named(names), SHAPE, Dialect.TF_KERAS)


def write_images(path: Path, n: int = 40) -> Path:
    rng = np.random.default_rng(0)
    np.savez(
        path, images=rng.integers(0, 256, (n, *SHAPE)).astype(np.uint8), labels=np.arange(n) % 10
    )
    return path
