"""Compares the bits of Keras and Larq with the network's.

Where a bit differs, Keras must have rounded: the exact value before the sign lies within float32
rounding of zero, and Keras's value within that of the exact one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from crshare.model.read import Model, read_model
from crshare.network import reference
from crshare.network.graph import (
    INPUT,
    BitPool,
    Conv,
    Flatten,
    Kind,
    Layer,
    Network,
    Threshold,
    extent,
)
from crshare.thresholds.integer import linear_form, value_at
from crshare.thresholds.layer_ops import Affine, Binarize
from tests.keras_run import Case

Array = npt.NDArray[Any]
ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs ../shared/{name}")
    return path


def run(network: Network, images: Array) -> dict[str, Array]:
    """The reference, with the binary layers as float32 products, which are exact below 2**24."""
    values = {INPUT: reference.enter(network.input, images)}
    for layer in network.layers:
        x = values[layer.source]
        match layer.op:
            case Conv(kernel, strides, pad_value):
                padded = reference.pad(x.astype(np.float32), kernel.shape, strides, pad_value)
                sums = reference.convolve(padded, kernel.astype(np.float32), strides)
                values[layer.name] = sums.astype(np.int64)
            case op:
                values[layer.name] = reference.apply(op, x)
    return values


@dataclass(frozen=True)
class Difference:
    """Where a library has another bit in the input of layer `reader`, and its value if known."""

    reader: Layer
    image: int
    place: tuple[int, int, int]
    found: float | None


def readers(network: Network) -> list[Layer]:
    """The binary layers that read bits, in order."""
    return [la for la, _ in network.convs() if network.input_of(la).kind is Kind.BITS]


def differences(network: Network, values: dict[str, Array], out: Any) -> list[Difference]:
    """Of each image the differences of the first layer that has any."""
    found: list[Difference] = []
    done: set[int] = set()
    for reader in readers(network):
        ours = values[reader.source]
        theirs = out[reader.name]
        if theirs.dtype == np.uint8:  # packed signs
            shape = theirs.shape[:-1]
            bits = np.unpackbits(theirs, axis=-1).reshape(*shape, -1)[..., : ours.shape[-1]]
            theirs = np.where(bits, 1.0, -1.0)
        theirs = theirs.reshape(ours.shape)
        places = np.argwhere((theirs >= 0) != (ours > 0))
        fresh = [tuple(place.tolist()) for place in places if int(place[0]) not in done]
        found += [Difference(reader, p[0], p[1:], float(theirs[p])) for p in fresh]
        done |= {p[0] for p in fresh}
    return found


def assert_rounded(model: Model, values: dict[str, Array], difference: Difference) -> None:
    """The exact value before the sign is within float32 rounding of zero, and Keras's near it.

    Where a layer has a sign of its own before the last one, it may be that sign's value that is.
    """
    by_name = {layer.name: layer for layer in model.network.layers}
    name, place = difference.reader.source, difference.place
    behind: list[BitPool] = []
    sums = list(sums_behind(model, by_name, name, place, behind))
    threshold, _, channel = sums[0]
    given = values[threshold.source][difference.image]
    window = [int(given[at]) for _, at, _ in sums]
    maps = model.merged[threshold.name]
    tolerance = rounding(model, threshold, channel)
    exact = [float(value_at(maps, channel, total)) for total in window]
    signs_before = [i for i, step in enumerate(maps) if isinstance(step, Binarize)]
    if signs_before:
        stages = [maps[:i] for i in signs_before] + [maps]
        nearest = [abs(float(value_at(m, channel, s))) for m in stages for s in window]
        assert min(nearest) <= tolerance, (difference, nearest, tolerance)
        return
    every = {bool(pool.all_of[channel]) for pool in behind}
    decisive = [(min if every == {True} else max)(exact)] if len(every) < 2 else exact
    value = min(decisive, key=abs)
    assert abs(value) <= tolerance, (difference, exact, tolerance)
    if difference.found is not None and abs(difference.found) != 1:
        assert abs(difference.found - value) <= tolerance, (difference, exact, tolerance)


def sums_behind(
    model: Model,
    layers: dict[str, Layer],
    name: str,
    place: tuple[int, int, int],
    pools: list[BitPool],
) -> Iterator[tuple[Layer, tuple[int, int, int], int]]:
    """The threshold behind a bit, and the places of the sums that the bit comes from."""
    layer = layers[name]
    shape = model.network.input_of(layer).shape
    match layer.op:
        case Threshold():
            yield layer, place, place[2]
        case Flatten():
            row, column, channel = (int(part) for part in np.unravel_index(place[2], shape))
            yield from sums_behind(model, layers, layer.source, (row, column, channel), pools)
        case BitPool(size, strides, same) as pool:
            pools.append(pool)
            for row in span(place[0], shape[0], size[0], strides[0], same):
                for column in span(place[1], shape[1], size[1], strides[1], same):
                    inner = (row, column, place[2])
                    yield from sums_behind(model, layers, layer.source, inner, pools)


def span(position: int, size: int, window: int, stride: int, same: bool) -> range:
    _, before = extent(size, window, stride, same=same)
    start = position * stride - before
    return range(max(start, 0), min(start + window, size))


def rounding(model: Model, threshold: Layer, channel: int) -> float:
    """A bound of what float32 loses on the way from the products to the sign."""
    conv = next(la.op for la in model.network.layers if la.name == threshold.source)
    assert isinstance(conv, Conv)
    size = float(model.network.input_of(threshold).bound)
    for step in model.merged[threshold.name]:
        if isinstance(step, Affine):
            scale, offset = (np.abs(np.resize(p, channel + 1)[channel]) for p in linear_form(step))
            size = scale * size + offset
    return float(size * 2.0**-24 * (8 + np.prod(conv.kernel.shape[:3])))


def assert_equal_to_library(case: Case, n_most: int) -> int:
    """Compare all bits and the scores; at most so many images may differ, each explained."""
    model = read_model(case.model, sign_layers=declared(case.model))
    images = np.load(case.images)
    values = run(model.network, images)
    with np.load(case.out) as out:
        found = differences(model.network, values, out)
        for difference in found:
            assert_rounded(model, values, difference)
        different = {difference.image for difference in found}
        same = [image for image in range(len(images)) if image not in different]
        ours = values[model.network.layers[-1].name].reshape(len(images), -1)[same]
        theirs = out["scores"].reshape(len(images), -1)[same]
    if abs(theirs.sum(axis=-1) - 1).max(initial=0) < 1e-3:
        ours = np.exp(ours - ours.max(axis=-1, keepdims=True))
        ours /= ours.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)
    assert len(different) <= n_most
    return len(different)


def declared(path: Path) -> frozenset[str]:
    return frozenset({"Sign"}) if b"bnn>Sign" in path.read_bytes() else frozenset()
