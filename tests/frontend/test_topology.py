"""The order of layers, and the names that they may have."""

from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest

from crshare.frontend.topology import graph_of
from crshare.model.read import read_network
from crshare.network import reference
from tests.keras_files import write_h5
from tests.small_model import RNG, SHAPE, small


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("named", range(len(small())))
def test_any_layer_may_be_named_input(tmp_path: Path, named: int, functional: bool) -> None:
    layers = small()
    before = read_network(write_h5(tmp_path / "before.h5", layers, SHAPE, functional=functional))
    layers[named] = replace(layers[named], name="input")
    after = read_network(write_h5(tmp_path / "after.h5", layers, SHAPE, functional=functional))
    old, new = small()[named].name, "input"
    renamed = [name if name != old else new for name in (la.name for la in before.layers)]
    assert [la.name.replace(f"{new}/", f"{old}/") for la in after.layers] == renamed
    images = RNG.integers(0, 256, (3, *SHAPE))
    found, expected = (reference.run(network, images) for network in (after, before))
    np.testing.assert_array_equal(found[after.layers[-1].name], expected[before.layers[-1].name])


def entry(name: str, reads: list[str]) -> dict[str, Any]:
    """A layer of a Functional model; what reads nothing is the input."""
    nodes = [[[source, 0, 0, {}] for source in reads]]
    config = {"name": name, "batch_input_shape": [None, *SHAPE]}
    kind = "Add" if reads else "InputLayer"
    return {"class_name": kind, "config": config, "inbound_nodes": nodes if reads else []}


def functional(entries: list[dict[str, Any]], output: str) -> dict[str, Any]:
    config = {"layers": entries, "output_layers": [[output, 0, 0]]}
    return {"class_name": "Functional", "config": config}


@pytest.mark.slow
def test_eight_thousand_layers_in_reverse_order_are_put_in_order_at_once() -> None:
    entries = [entry("0", []), *(entry(str(i), [str(i - 1)]) for i in range(1, 8000))]
    config = functional(entries[::-1], "7999")
    start = process_time()
    graph = graph_of(config, {})
    assert process_time() - start < 10  # one look at every layer for each would take minutes
    assert [layer.name for layer in graph.layers] == [str(i) for i in range(1, 8000)]


@pytest.mark.parametrize("seed", range(50))
def test_layers_stand_in_the_order_in_which_reading_the_list_again_meets_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 30))
    entries = [entry("0", [])]
    for i in range(1, n):
        sources = range(i) if i == n - 1 else rng.choice(i, int(rng.integers(1, 4))).tolist()
        entries.append(entry(str(i), [*map(str, sources)]))
    shuffled = [entries[i] for i in rng.permutation(n)]
    graph = graph_of(functional(shuffled, str(n - 1)), {})
    reads = {"0": (), **{layer.name: layer.reads for layer in graph.layers}}
    met: list[str] = []
    while len(met) < n:
        for layer in shuffled:
            name = layer["config"]["name"]
            if name not in met and all(source in met for source in reads[name]):
                met.append(name)
    assert [layer.name for layer in graph.layers] == [name for name in met if name != "0"]
