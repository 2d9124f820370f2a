"""The container of LUT networks: what is written is read again, and what is none is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.lut_container import (
    Contents,
    contents_of,
    network_of,
    packed,
    write_lut_network,
)
from crshare.model.read import read_model
from crshare.network.graph import Network, alike
from tests.lut_networks import one_table, random_lut_network


def same(one: Network, other: Network) -> bool:
    pairs = zip(one.layers, other.layers, strict=True)
    return one.input == other.input and all(
        alike(a.op, b.op) and (a.name, a.sources) == (b.name, b.sources) for a, b in pairs
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_network_is_read_as_it_was_written(seed: int, tmp_path: Path) -> None:
    network = random_lut_network(seed)
    write_lut_network(network, tmp_path / "net.npz", written_by="me")
    found = read_model(tmp_path / "net.npz")
    assert same(found.network, network)
    assert found.library == "me"
    assert packed(contents_of(network, "me")) == (tmp_path / "net.npz").read_bytes()


def _set(*keys: Any, to: Any) -> Callable[[Contents], Contents]:
    def changed(contents: Contents) -> Contents:
        header = json.loads(json.dumps(contents.header))
        inner = header
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = to
        return Contents(header, contents.arrays)

    return changed


def _arrays(**more: Any) -> Callable[[Contents], Contents]:
    def changed(contents: Contents) -> Contents:
        return Contents(contents.header, {**contents.arrays, **more})

    return changed


SPOILS = [
    (_set("version", to=2), "its header is of 'crshare network', version 2, where"),
    (_set("layers", 1, "op", to="lambda"), "layer 1 is no layer with a name, an operation of"),
    (_set("layers", 1, "reads", to=[]), "layer 1 is no layer with a name"),
    (_set("layers", 1, "reads", to=["layer1"]), "layer1: reads 'layer1', which is no layer above"),
    (_set("layers", 1, "values", "size", to=[0, 1]), "its header is none (Expected `int` >= 1"),
    (_set("layers", 1, "values", "odd", to=1), "layer 1 has a value 'odd'"),
    (_set("layers", 0, "name", to="layer1"), "two layers are named 'layer1'; names must differ"),
    (_set("layers", to=[]), "holds array '0.at', which no layer has"),
    (_set("input", "low", to=300), "its input runs from 300 to 1"),
    (_set("input", "shape", to=[1, 2]), "its header is none (Expected `array` of length 3"),
    (_arrays(**{"1.tables": np.zeros(1, np.int64)}), "holds no array '1.tables' of uint64"),
    (_arrays(**{"1.tables": np.full(1, 16, np.uint64)}), "tables of 2 inputs have 4 entries"),
    (_arrays(**{"7.tables": np.zeros(1, np.uint64)}), "holds array '7.tables', which no layer has"),
]


@pytest.mark.parametrize(("spoil", "sentence"), SPOILS, ids=[text[:40] for _, text in SPOILS])
def test_what_does_not_fit_is_refused(spoil: Callable[[Contents], Contents], sentence: str) -> None:
    with pytest.raises(ModelFormatError) as refused:
        network_of(spoil(contents_of(one_table(5, 2))))
    assert sentence in str(refused.value)


def test_bytes_that_are_no_container_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    whole = packed(contents_of(one_table(5, 2)))
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, header=np.array([{}], dtype=object), allow_pickle=True)
    for content in (b"", b"PK", whole[:100], whole[:-40], pickled.read_bytes()):
        path.write_bytes(content)
        with pytest.raises(ModelFormatError) as refused:
            read_model(path)
        assert str(refused.value).startswith(f"{path}: ")
        assert str(refused.value).endswith(
            "name a network that crshare export wrote (.npz), or a LUT network (.bb_net, "
            "BinaryBrain's .v)"
        )
