"""No object of a file is read or written that lies, or may lie, in another one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.containers import NAMED, changed_file, load_file
from crshare.model.read import read_network
from tests.keras_files import Dialect, model_config, numbered_weights, write_h5
from tests.small_model import RESAVE, SHAPE, small

KERNEL = "model_weights/c1/c1/kernel:0"
Link = Callable[[h5py.File, str], None]


def external(file: h5py.File, place: str) -> None:
    file[place] = h5py.ExternalLink("other.h5", f"/{place}")


def to_a_pipe(file: h5py.File, place: str) -> None:
    file[place] = h5py.ExternalLink("pipe", f"/{place}")


def soft(file: h5py.File, place: str) -> None:
    file[place] = h5py.SoftLink("/moved")


def linked(folder: Path, place: str, link: Link) -> Path:
    """A model of which one object is elsewhere; what it would lead to is beside it, whole."""
    write_h5(folder / "other.h5", small(), SHAPE)
    os.mkfifo(folder / "pipe")
    path = write_h5(folder / "m.h5", small(), SHAPE)
    with h5py.File(path, "r+") as file:
        file.move(place, "moved")
        link(file, place)
    return path


@pytest.mark.parametrize("place", ["model_weights", "model_weights/c1", KERNEL])
@pytest.mark.parametrize("link", [external, to_a_pipe, soft])
def test_a_link_is_followed_neither_to_read_nor_to_write(
    tmp_path: Path, place: str, link: Link
) -> None:
    path = linked(tmp_path, place, link)
    other = (tmp_path / "other.h5").read_bytes()
    changes = {"c1": {"kernel": np.ones((3, 3, 2, 4))}}
    with pytest.raises(ModelFormatError, match="is a link to elsewhere; save"):
        read_network(path)
    with pytest.raises(ModelFormatError, match="is a link to elsewhere; save"):
        changed_file(load_file(path), changes)
    assert (tmp_path / "other.h5").read_bytes() == other


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_values_that_lie_in_another_file_are_not_written(tmp_path: Path, kind: str) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    victim = tmp_path / "victim"
    victim.write_bytes(bytes(range(200)) * 8)
    with h5py.File(path, "r+") as file:
        shape = file[KERNEL].shape
        del file[KERNEL]
        if kind == "external":
            file.create_dataset(KERNEL, shape, "f4", external=[(str(victim), 0, 1600)])
        else:
            layout = h5py.VirtualLayout(shape, "f4")
            layout[:] = h5py.VirtualSource(str(victim), "x", shape)
            file.create_virtual_dataset(KERNEL, layout)
    with pytest.raises(ModelFormatError, match="lies in another file"):
        changed_file(load_file(path), {"c1": {"kernel": np.ones(shape)}})
    assert victim.read_bytes() == bytes(range(200)) * 8


def test_weights_by_number_behind_a_link_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "m.weights.h5"
    weights.write_bytes(numbered_weights(small(), Dialect.TF_KERAS))
    with h5py.File(weights, "r+") as file:
        file.move("layers", "moved")
        file["layers"] = h5py.ExternalLink("m.weights.h5", "/moved")
    (tmp_path / "m.json").write_text(json.dumps(model_config(small(), SHAPE)))
    with pytest.raises(ModelFormatError) as error:
        read_network(tmp_path / "m.json")
    assert str(error.value) == f"{weights}: 'layers' is a link to elsewhere; {RESAVE}"


@pytest.mark.parametrize("name", ["m.h5", "m.weights.h5"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "m.json").write_text("{}")
    with pytest.raises(ModelFormatError) as error:
        read_network(tmp_path / ("m.h5" if name == "m.h5" else "m.json"))
    assert str(error.value) == f"{tmp_path / name}: is no regular file; {NAMED}"


def test_what_was_read_is_what_is_changed(tmp_path: Path) -> None:
    """The bytes are read once: a file that changes meanwhile is not looked at again."""
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    file = load_file(path)
    path.write_bytes(b"something else")
    assert changed_file(file, {}).content == file.content
