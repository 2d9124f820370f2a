"""Whether a library that rounds a value to the other side of a half explains what differs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crshare.evaluation.halves import halves_margin
from crshare.network import reference
from crshare.network.fixing import Format
from crshare.network.graph import (
    INPUT,
    Add,
    Concatenate,
    Flatten,
    Input,
    Kind,
    Layer,
    MaxPool,
    Network,
    Op,
    Pad,
    Quantise,
    RealConv,
    Scale,
    Sign,
    SumPool,
)
from tests.networks import random_blend, random_images


def with_quantisers(seed: int) -> Network:
    """A network of Blend modules, each of which hands on values of eight bits."""
    network = random_blend(seed)
    layers: list[Layer] = []
    names: dict[str, str] = {}
    for layer in network.layers:
        sources = [names.get(source, source) for source in layer.sources]
        layers.append(replace(layer, source=sources[0], others=tuple(sources[1:])))
        ends = network.readers_of(layer.name)
        if isinstance(layer.op, Scale) and any(isinstance(r.op, Sign | SumPool) for r in ends):
            names[layer.name] = f"{layer.name}/q"
            layers.append(Layer(f"{layer.name}/q", Format(8, 4).quantise, layer.name))
    return Network(network.input, tuple(layers))


def moved(network: Network, images: Any, at: str, image: int, place: tuple[int, int, int]) -> Any:
    """All outputs where one value of a quantiser is one unit higher."""
    values = {INPUT: reference.enter(network.input, images)}
    for layer in network.layers:
        values[layer.name] = reference.apply(layer.op, *(values[s] for s in layer.sources))
        if layer.name == at:
            values[at] = values[at].copy()
            values[at][image][place] += 1 / 16
    return values


@pytest.mark.parametrize("seed", range(6))
def test_a_value_that_can_move_a_sign_is_seen_from_there(seed: int) -> None:
    """The input of a quantiser is put onto a half; every sign that it can turn is explained."""
    network = with_quantisers(seed)
    rng = np.random.default_rng(seed)
    images = random_images(rng, network.input, 2)
    values = reference.run(network, images)
    first = next(layer for layer in network.layers if isinstance(layer.op, Quantise))
    place = (2, 3, int(rng.integers(4)))
    onto = dict(values)
    onto[first.source] = values[first.source].copy()
    onto[first.source][1][place] = values[first.name][1][place] + 1 / 32
    signs = [la for la in network.layers if isinstance(la.op, Sign)]
    others = moved(network, images, first.name, 1, place)
    for layer in signs:
        for row, column, channel in np.argwhere(values[layer.source][1] != others[layer.source][1]):
            at = int(row), int(column), int(channel)
            if layer is signs[0] or (row, column) == place[:2]:
                assert halves_margin(network, onto, 1, layer.source, at) < 1
    far = [halves_margin(network, values, 1, signs[0].source, (0, 0, c)) for c in range(4)]
    assert min(far) > 1


def test_every_operation_leads_back_to_what_it_reads() -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(2, 2, 2, 3)).astype(np.float32)
    ops: list[tuple[str, Op, tuple[str, ...]]] = [
        ("s", Scale(np.full(2, 1 / 64), np.zeros(2)), (INPUT,)),
        ("q", Quantise(0.25, -4.0, 3.75, "up"), ("s",)),
        ("m", MaxPool((2, 2), (1, 1), same=True), ("q",)),
        ("c", RealConv(kernel, np.zeros(3, np.float32), same=True), ("m",)),
        ("p", Pad((1, 1), (0, 0), 0), ("c",)),
        ("j", Concatenate(), ("p", "p")),
        ("u", SumPool((2, 2), (2, 2)), ("j",)),
        ("a", Add(), ("u", "u")),
        ("f", Flatten(), ("a",)),
    ]
    layers = tuple(Layer(name, op, reads[0], reads[1:]) for name, op, reads in ops)
    network = Network(Input((3, 3, 2)), layers)
    images = rng.integers(0, 256, (1, 3, 3, 2))
    assert network.signals["f"].kind is Kind.REALS
    before = reference.run(network, images)["f"][0, 0, 0]
    for row, column, channel in np.ndindex(3, 3, 2):
        values = reference.run(network, images)
        values["s"] = np.full_like(values["s"], 0.07)
        values["s"][0, row, column, channel] = 0.125
        other = images.copy()
        other[0, row, column, channel] = 255 - other[0, row, column, channel]
        changed = reference.run(network, other)["f"][0, 0, 0] != before
        for place in np.flatnonzero(changed):
            assert halves_margin(network, values, 0, "f", (0, 0, int(place))) == 0
