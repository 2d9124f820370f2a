"""Models inside of models: their layers, their weights in every container, and refusals."""

import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.topology import graph_of
from crshare.model.read import fingerprint, read_model, read_network
from crshare.model.write import apply_network
from tests.keras_files import Dialect, Spec, model_config, write_h5
from tests.small_model import DAMAGED, ONLY, SHAPE, small

DIALECTS = (Dialect.TF_KERAS, Dialect.KERAS_3)


def blocks() -> dict[str, list[Spec]]:
    layers = small()
    return {"front": layers[:3], "back": layers[3:]}


def folded(dialect: Dialect, kind: str = "Sequential") -> dict[str, Any]:
    """The configuration of small() as two models in a row, one of them a graph of its own."""
    parts = []
    for name, layers in blocks().items():
        inner = model_config(layers, SHAPE, dialect, functional=name == "back")
        entry = {"class_name": kind if name == "back" else "Sequential", "config": inner["config"]}
        entry["config"]["name"] = name
        parts.append(entry)
    whole = model_config([], SHAPE, dialect)
    whole["config"]["layers"] += parts
    return whole


def write_folded(path: Path, dialect: Dialect, kind: str = "Functional") -> Path:
    """A whole-model file: a group for each model, in which names tell the layers apart."""
    end = "" if dialect is Dialect.KERAS_3 else ":0"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = dialect.value
        file.attrs["model_config"] = json.dumps(folded(dialect, kind))
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [*blocks()]
        for name, layers in blocks().items():
            scope = f"{name}/" if dialect is Dialect.KERAS_3 else ""
            weights = {
                f"{scope}{la.name}/{key}{end}": array
                for la in layers
                for key, array in la.weights.items()
            }
            root.create_group(name).attrs["weight_names"] = [*weights]
            for full, array in weights.items():
                root[name][full] = array
    return path


def write_archive(path: Path, dialect: Dialect) -> Path:
    memory = BytesIO()
    with h5py.File(memory, "w") as file:
        for group, (name, layers) in zip(
            ("sequential", "functional"), blocks().items(), strict=True
        ):
            counts: dict[str, int] = {}
            if dialect is Dialect.KERAS_3:
                file.create_group(f"layers/{group}/vars").attrs["name"] = name
            for la in layers:
                stem = re.sub("([a-z])([A-Z])", r"\1_\2", la.class_name).lower()
                if not la.weights:
                    continue
                number = f"_{counts[stem]}" if counts.get(stem) else ""
                counts[stem] = counts.get(stem, 0) + 1
                there = file.create_group(f"layers/{group}/layers/{stem}{number}/vars")
                if dialect is Dialect.KERAS_3:
                    there.attrs["name"] = la.name
                for i, array in enumerate(la.weights.values()):
                    there[str(i)] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": dialect.value}))
        archive.writestr("config.json", json.dumps(folded(dialect, "Functional")))
        archive.writestr("model.weights.h5", memory.getvalue())
    return path


@pytest.mark.parametrize("dialect", DIALECTS)
def test_models_inside_are_read_as_their_layers(tmp_path: Path, dialect: Dialect) -> None:
    flat = read_network(write_h5(tmp_path / "flat.h5", small(), SHAPE, dialect))
    named = [la.name for la in flat.layers]
    for path in (
        write_folded(tmp_path / "m.h5", dialect),
        write_archive(tmp_path / "m.keras", dialect),
    ):
        network = read_network(path)
        found = [la.name.removeprefix("front/").removeprefix("back/") for la in network.layers]
        assert found == named
        for old, new in zip(flat.convs(), network.convs(), strict=True):
            np.testing.assert_array_equal(old[1].kernel, new[1].kernel)


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_plan_is_written_into_models_inside(tmp_path: Path, ending: str) -> None:
    write = write_folded if ending == ".h5" else write_archive
    source = write(tmp_path / f"m{ending}", Dialect.TF_KERAS)
    network = read_network(source)
    name, conv = next(network.convs())
    wanted = network.replace({name.name: type(conv)(-conv.kernel, conv.strides, conv.pad_value)})
    apply_network(source, wanted, tmp_path / f"new{ending}")
    assert fingerprint(read_network(tmp_path / f"new{ending}")) == fingerprint(wanted)


def test_a_class_of_its_own_with_a_graph_is_read_as_its_graph(tmp_path: Path) -> None:
    path = write_folded(tmp_path / "m.h5", Dialect.TF_KERAS, "mine>Block")
    config = folded(Dialect.TF_KERAS, "mine>Block")
    assert [la.name for la in graph_of(config, {}).layers][-1] == "back/end"
    assert "back/d" in read_model(path).linears


def row(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "row", "layers": [*entries]}}


def entry(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}}


INPUT = entry("InputLayer", "in", batch_input_shape=[None, 4])


def test_the_list_of_a_sequential_model_is_read_as_keras_once_wrote_it() -> None:
    config = {"class_name": "Sequential", "config": [INPUT, entry("Flatten", "f")]}
    assert [la.name for la in graph_of(config, {}).layers] == ["f"]


def test_a_model_first_in_a_row_brings_the_input() -> None:
    graph = graph_of(row(row(INPUT, entry("Flatten", "f")), entry("Flatten", "g")), {})
    assert (graph.entry, graph.input_shape) == ("row/in", (4,))
    assert [(la.name, la.reads) for la in graph.layers] == [
        ("row/f", ("row/in",)),
        ("g", ("row/f",)),
    ]


def net(*entries: dict[str, Any], inputs: Any = (), outputs: Any = ()) -> dict[str, Any]:
    ends = {"input_layers": [*inputs], "output_layers": [*outputs]}
    return {"class_name": "Functional", "config": {"name": "net", "layers": [*entries], **ends}}


END = [["in", 0, 0]]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (row(INPUT, row()), f"layer row has no list of layers; {DAMAGED}"),
        (
            row(INPUT, net(INPUT, inputs=END, outputs=END)),
            f"layer net, a model, gives out its input; {ONLY}",
        ),
        (row(INPUT, net(INPUT, inputs=END)), f"layer net, a model, gives out nothing; {ONLY}"),
        (
            row(INPUT, net(INPUT, entry("Flatten", "f"), outputs=[["f", 0, 0]])),
            f"layer net is a model of 0 inputs and reads 1 layers; {DAMAGED}",
        ),
        (
            row(INPUT, row(entry("InputLayer", "x"))),
            f"the model gives out 'row/x', which is no layer; {DAMAGED}",
        ),
    ],
)
def test_a_model_that_cannot_be_unfolded_is_refused(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelFormatError) as error:
        graph_of(config, {})
    assert str(error.value) == sentence
