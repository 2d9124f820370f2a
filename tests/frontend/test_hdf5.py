"""The containers of Keras files: what holds no whole model is refused by one sentence."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.containers import NAMED
from crshare.model.read import fingerprint, read_network
from tests.keras_files import (
    Dialect,
    model_config,
    numbered_weights,
    rescaling,
    write_h5,
)
from tests.small_model import (
    DAMAGED,
    K1,
    RESAVE,
    SHAPE,
    sentence_start,
    small,
)


def weights_only(path: Path) -> None:
    write_h5(path, small(), SHAPE)
    with h5py.File(path, "r+") as file:
        root = file["model_weights"]
        for name in [*root]:
            file.move(f"model_weights/{name}", name)
        file.attrs["layer_names"] = root.attrs["layer_names"]
        del file["model_weights"], file.attrs["model_config"]


def edited(edit: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        write_h5(path, small(), SHAPE)
        with h5py.File(path, "r+") as file:
            edit(file)

    return build


def without_attribute(where: str, name: str) -> Callable[[Path], None]:
    return edited(lambda file: file[where].attrs.__delitem__(name))


def relinked(file: h5py.File) -> None:
    del file["model_weights/c1/c1/kernel:0"]
    file["model_weights/c1/c1/kernel:0"] = h5py.ExternalLink("/etc/hostname", "/kernel")


def retyped(file: h5py.File) -> None:
    del file["model_weights/c1/c1/kernel:0"]
    file["model_weights/c1/c1/kernel:0"] = np.array([b"code"])


def huge(file: h5py.File) -> None:
    del file["model_weights/c1/c1/kernel:0"]
    file.create_dataset("model_weights/c1/c1/kernel:0", (2**28, 2), "f4", chunks=(1024, 2))


def virtual(file: h5py.File) -> None:
    del file["model_weights/c1/c1/kernel:0"]
    layout = h5py.VirtualLayout((3, 3, 2, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "kernel", (3, 3, 2, 4))
    file.create_virtual_dataset("model_weights/c1/c1/kernel:0", layout)


CONTAINERS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda path: None, f"no such file; {NAMED}"),
    (lambda path: path.mkdir(), f"is a folder; {NAMED}"),
    (
        lambda path: path.write_bytes(b"PK\x03\x04 and more"),
        f"is no readable .keras archive (File is not a zip file); {RESAVE}",
    ),
    (weights_only, f"holds weights only, no layers; {RESAVE}, or name the JSON of its layers"),
    (
        lambda path: path.write_bytes(numbered_weights(small(), Dialect.TF_KERAS)),
        f"holds weights only, no layers; {RESAVE}, or name the JSON of its layers",
    ),
    (
        edited(lambda file: file.attrs.__delitem__("model_config")),
        f"holds no Keras model (no model_config); {RESAVE}",
    ),
    (
        edited(lambda file: file.attrs.__setitem__("model_config", "{'a")),
        "its model_config is no JSON (Expecting property name enclosed in double quotes: line 1 "
        f"column 2 (char 1)); {RESAVE}",
    ),
    (
        edited(lambda file: file.attrs.__setitem__("model_config", "[" * 100_000)),
        f"its model_config is no JSON (it is nested too deep); {RESAVE}",
    ),
    (
        edited(lambda file: file.attrs.__setitem__("model_config", "[1]")),
        f"the configuration of the model is [1]; {DAMAGED}",
    ),
    (
        edited(lambda file: file.attrs.__setitem__("model_config", '{"class_name": 1}')),
        f"the configuration of the model lacks class or fields; {DAMAGED}",
    ),
    (
        edited(lambda file: file.__delitem__("model_weights")),
        f"holds a configuration but no weights; {RESAVE}",
    ),
    (
        edited(lambda file: file.__delitem__("model_weights/c2")),
        f"layer c2 has no group of weights; {RESAVE}",
    ),
    (
        edited(lambda file: file.__delitem__("model_weights/c2/c2/kernel:0")),
        f"layer c2 lacks its weight 'c2/kernel:0'; {RESAVE}",
    ),
    (
        without_attribute("model_weights", "layer_names"),
        f"model_weights has no attribute layer_names; {RESAVE}",
    ),
    (
        without_attribute("model_weights/c1", "weight_names"),
        f"c1 has no attribute weight_names; {RESAVE}",
    ),
    (edited(huge), f"the weight 'c1/c1/kernel:0' has an impossible size; {RESAVE}"),
    (edited(virtual), f"the weight 'c1/c1/kernel:0' lies in another file; {RESAVE}"),
    (edited(relinked), f"'c1/kernel:0' is a link to elsewhere; {RESAVE}"),
    (edited(retyped), f"the weight 'c1/c1/kernel:0' holds |S4, no numbers; {RESAVE}"),
]


@pytest.mark.parametrize(("build", "sentence"), CONTAINERS, ids=sentence_start)
def test_a_file_that_holds_no_whole_model_is_refused(
    tmp_path: Path, build: Callable[[Path], Any], sentence: str
) -> None:
    path = tmp_path / "m.h5"
    build(path)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: {sentence}"


@pytest.mark.parametrize("kept", [0, 7, 100, 2000, 9000])
def test_a_cut_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value).startswith(f"{path}: is no readable HDF5 file (")
    assert str(error.value).endswith(f"); {RESAVE}")


def test_long_lists_of_names_are_split_over_attributes(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    before = fingerprint(read_network(path))
    with h5py.File(path, "r+") as file:
        attributes = file["model_weights"].attrs
        names = attributes["layer_names"]
        del attributes["layer_names"]
        attributes["layer_names0"], attributes["layer_names1"] = names[:3], names[3:]
    assert fingerprint(read_network(path)) == before


STRANGE: tuple[Any, ...] = (None, True, 0, -1, 1.5, 10**400, "x", [], {}, [[[]]], {"a": 1}, "same")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(80))
def test_any_strange_configuration_gives_a_network_or_a_sentence(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dialect = tuple(Dialect)[seed % 3]
    functional = bool(seed % 2)
    layers = small() if seed % 5 else [rescaling(), *small()]
    path = write_h5(tmp_path / "m.h5", layers, SHAPE, dialect, functional=functional)
    config = model_config(layers, SHAPE, dialect, functional=functional)
    for _ in range(rng.integers(1, 4)):
        damage(config, rng)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
    try:
        read_network(path)
    except ModelFormatError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def damage(node: Any, rng: np.random.Generator) -> None:
    """Replace, drop or repeat something at a random place of a JSON tree."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return
    key = keys[int(rng.integers(len(keys)))]
    inner = node[key]
    if isinstance(inner, dict | list) and inner and rng.random() < 0.85:
        damage(inner, rng)
    elif rng.random() < 0.7:
        node[key] = deepcopy(STRANGE[int(rng.integers(len(STRANGE)))])
    elif isinstance(node, dict):
        del node[key]
    else:
        node.insert(key, deepcopy(inner))


def test_a_damaged_chunk_is_refused(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    name = "model_weights/c1/c1/kernel:0"
    with h5py.File(path, "r+") as file:
        del file[name]
        dataset = file.create_dataset(name, data=K1, compression="gzip")
        start = dataset.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(content))
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value).startswith(f"{path}: is no readable HDF5 file (")


def test_a_sentence_is_one_line_whatever_a_layer_is_called(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    with h5py.File(path, "r+") as file:
        config = file.attrs["model_config"].replace('"QuantConv2D"', '"\\u202eCon\\nv"')
        file.attrs["model_config"] = config
    with pytest.raises(ModelFormatError, match=r"is of class \\u202eCon\\nv, which is not read"):
        read_network(path)
