"""One model in every container is one network, and what is no container is refused."""

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError, PlanError
from crshare.frontend import asked
from crshare.frontend.config import MAX_CONFIG
from crshare.frontend.containers import NAMED, load_file, read_file
from crshare.model.read import fingerprint, read_model, read_network
from crshare.model.write import apply_network
from crshare.network.graph import Conv
from tests.keras_files import Dialect, model_config, numbered_weights, write_h5, write_keras
from tests.small_model import RESAVE, SHAPE, sentence_start, small


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("functional", [False, True])
def test_every_container_holds_the_same_network(
    tmp_path: Path, dialect: Dialect, functional: bool
) -> None:
    whole = write_h5(tmp_path / "m.h5", small(), SHAPE, dialect, functional=functional)
    archive = write_keras(tmp_path / "m.keras", small(), SHAPE, dialect, functional=functional)
    apart = tmp_path / "apart.json"
    apart.write_text(json.dumps(model_config(small(), SHAPE, dialect, functional=functional)))
    (tmp_path / "apart.weights.h5").write_bytes(numbered_weights(small(), dialect))
    by_name = tmp_path / "named.json"
    by_name.write_text(apart.read_text())
    weights_by_name(whole, tmp_path / "named.h5")
    expected = fingerprint(read_network(whole))
    for path in (archive, apart, by_name):
        assert fingerprint(read_network(path)) == expected, path.name


def weights_by_name(whole: Path, target: Path) -> None:
    import h5py

    with h5py.File(whole) as old, h5py.File(target, "w") as new:
        for name in old["model_weights"]:
            old.copy(f"model_weights/{name}", new)
        new.attrs["layer_names"] = old["model_weights"].attrs["layer_names"]


def test_an_archive_may_be_compressed(tmp_path: Path) -> None:
    stored = write_keras(tmp_path / "s.keras", small(), SHAPE)
    packed = write_keras(tmp_path / "p.keras", small(), SHAPE, compression=zipfile.ZIP_DEFLATED)
    assert fingerprint(read_network(stored)) == fingerprint(read_network(packed))


@pytest.mark.parametrize("dialect", Dialect)
def test_an_archive_is_written_with_other_signs(tmp_path: Path, dialect: Dialect) -> None:
    source = write_keras(tmp_path / "m.keras", small(), SHAPE, dialect)
    network = read_network(source)
    conv = network.conv("c2")
    wanted = network.replace({"c2": Conv(-conv.kernel, conv.strides, conv.pad_value)})
    apply_network(source, wanted, tmp_path / "new.keras")
    assert fingerprint(read_network(tmp_path / "new.keras")) == fingerprint(wanted)
    one, other = (read_file(load_file(path)) for path in (source, tmp_path / "new.keras"))
    assert one.config == other.config


def test_a_configuration_by_itself_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model_config(small(), SHAPE)))
    (tmp_path / "m.weights.h5").write_bytes(numbered_weights(small(), Dialect.TF_KERAS))
    model = read_model(path)
    with pytest.raises(PlanError) as error:
        apply_network(path, model.network, tmp_path / "new.json")
    assert str(error.value) == (
        f"{path}: is a configuration with its weights in another file, and crshare writes one "
        f"file; {RESAVE}"
    )


def archive_of(**parts: bytes) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name.replace("_", "."), content)

    return build


def saved_model(*names: str) -> Callable[[Path], None]:
    def build(path: Path) -> None:
        path.mkdir()
        for name in ("saved_model.pb", *names):
            (path / name).write_bytes(b"")

    return build


OPEN = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
CONFIG = json.dumps(model_config(small(), SHAPE)).encode()
REFUSED: list[tuple[Callable[[Path], Any], str]] = [
    (
        saved_model(),
        "is a SavedModel of a graph alone (no keras_metadata.pb), from which no layer can be had; "
        "save the model itself where it was trained: model.save('m.h5')",
    ),
    (
        saved_model("keras_metadata.pb"),
        "is a SavedModel, which holds a graph and no layers; convert it where it was trained: "
        "python -c \"import tf_keras; tf_keras.models.load_model('m').save('m.h5')\"",
    ),
    (archive_of(), f"holds no config.json; {RESAVE}"),
    (archive_of(config_json=CONFIG), f"holds no model.weights.h5; {RESAVE}"),
    (
        archive_of(config_json=b"{", model_weights_h5=b"x"),
        f"its configuration is no JSON ({OPEN}); {RESAVE}",
    ),
    (
        archive_of(config_json=b"[1]", model_weights_h5=b"x"),
        "is no readable .keras archive (Unable to synchronously open file (file signature not "
        f"found)); {RESAVE}",
    ),
    (
        archive_of(config_json=b" " * (MAX_CONFIG + 1), model_weights_h5=b"x"),
        f"its config.json claims {MAX_CONFIG + 1} bytes, where {MAX_CONFIG} are read; {RESAVE}",
    ),
    (
        lambda path: path.write_text("{"),
        f"its text is no JSON ({OPEN}); {RESAVE}",
    ),
    (
        lambda path: path.write_bytes(CONFIG),
        "is a configuration without weights; put them beside it as m.weights.h5",
    ),
    (lambda path: None, f"no such file; {NAMED}"),
]


@pytest.mark.parametrize(("build", "sentence"), REFUSED, ids=sentence_start)
def test_what_is_no_container_is_refused(
    tmp_path: Path, build: Callable[[Path], Any], sentence: str
) -> None:
    path = tmp_path / "m"
    build(path)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == f"{path}: {sentence}"


@pytest.mark.slow
def test_a_bomb_in_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    archive_of(config_json=CONFIG, model_weights_h5=bytes(2**29))(path)
    tracemalloc.start()
    with pytest.raises(ModelFormatError, match="claims 536870912 bytes"):
        read_network(path)
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


def test_weights_of_a_layer_that_the_configuration_does_not_have_are_left(tmp_path: Path) -> None:
    extra = [*small(), *small()[:1]]
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model_config(small(), SHAPE)))
    (tmp_path / "m.weights.h5").write_bytes(numbered_weights(extra, Dialect.TF_KERAS))
    assert np.array_equal(
        read_network(path).conv("c1").kernel,
        read_network(write_h5(tmp_path / "m.h5", small(), SHAPE)).conv("c1").kernel,
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [b"{}", "1"],
        [b"{}", 1, {}],
        ["{}", "1", {}],
        [b"{}", "1", [1]],
        [b"{}", "1", {"a": 1}],
        [b"{}", "1", {"a": {"kernel": 1}}],
        [b"{}", "1", {1: {"kernel": np.ones(1)}}],
        [b"{}", "1", {"a": {"kernel": np.ones(1, np.float16)}}],
    ],
    ids=ascii,
)
def test_a_reader_that_was_taken_over_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    monkeypatch.setattr(asked, "call", lambda *_: answer)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == (
        f"{path}: is no readable HDF5 file (its reader gave no sensible answer); {RESAVE}"
    )
