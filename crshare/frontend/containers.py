"""Every container of a Keras model: .h5, the .keras archive, JSON with a file of weights beside it.

A file is read from disk once, as bytes; the sandbox makes of them what they hold, or the bytes of
a changed file.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crshare.errors import ModelFormatError, PlanError
from crshare.files import read_file_bytes
from crshare.frontend.asked import asked, is_content
from crshare.frontend.class_names import entries_of
from crshare.frontend.config import MAX_CONFIG, RESAVE, Weights, parsed_model
from crshare.frontend.dialect import Dialect, Library
from crshare.frontend.foreign import refuse_foreign
from crshare.frontend.registry import DIALECTS

MAX_FILE = 2**30  # bytes
BYTES_PER_S = 2**25
READ_S, CHANGE_S = 3, 12  # of a processor, for a small file
ENDINGS = (".weights.h5", "_weights.h5", ".h5")  # of weights beside a configuration
MODELS = (".h5", ".keras", ".onnx", ".npz")
NAMED = "name a model file (.h5, .keras, .onnx, or .json with its weights beside it)"
READER = "crshare.frontend.contents"


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """The bytes of a model file. weights: of the file beside it, where that is apart."""

    path: Path
    content: bytes
    weights: "ModelFile | None" = None

    @property
    def is_archive(self) -> bool:
        return self.content[:2] == b"PK"

    @property
    def is_config(self) -> bool:
        begins = self.content[:1] in (b"{", b"[") or self.content[:2] == b'"{'
        return begins or self.path.suffix == ".json"


@dataclass(frozen=True, slots=True)
class KerasFile:
    """What a model file holds: the configuration as JSON, weights by layer and name."""

    library: str
    config: object
    weights: Mapping[str, Weights]


def load_file(path: Path) -> ModelFile:
    """The bytes of a model file, and of the weights beside it; ModelFormatError where none is."""
    if path.is_dir():
        raise _folder(path)
    file = ModelFile(path, read_file_bytes(path, ModelFormatError, NAMED, MAX_FILE))
    refuse_foreign(path, file.content)
    return replace(file, weights=_beside(path)) if file.is_config else file


def read_file(file: ModelFile) -> KerasFile:
    """What the bytes of a model file hold; ModelFormatError, one sentence, where it is no model."""
    if file.is_config:
        return _read_apart(file)
    function, what = ("archive", "config.json") if file.is_archive else ("whole", "model_config")
    text, version, weights = _ask(file, function, _is_model, READ_S)
    with _named(file.path):
        return _file(version, parsed_model(what, text), weights)


def changed_file(file: ModelFile, changes: Mapping[str, Weights]) -> ModelFile:
    """The file with other values in the named weights, as bytes."""
    if file.is_config:
        raise PlanError(
            f"{file.path}: is a configuration with its weights in another file, and crshare writes "
            f"one file; {RESAVE}"
        )
    function = "changed_archive" if file.is_archive else "changed_whole"
    content = _ask(file, function, is_content, CHANGE_S, changes=changes)
    return replace(file, content=content)


def _read_apart(file: ModelFile) -> KerasFile:
    """A configuration by itself, and the weights of the file that stands beside it."""
    with _named(file.path):
        if len(file.content) > MAX_CONFIG:
            raise ModelFormatError(f"is too large for a configuration; {NAMED}")
        config = parsed_model("text", file.content)
        if file.weights is None:
            beside = f"{file.path.stem}{ENDINGS[0]}"
            raise ModelFormatError(
                f"is a configuration without weights; put them beside it as {beside}"
            )
    version = config.get("keras_version") if isinstance(config, dict) else None
    weights = _ask(file.weights, "weights", _are_weights, READ_S, config=file.content)
    with _named(file.path):
        return _file(str(version or "of unknown version"), config, weights)


def _beside(path: Path) -> ModelFile | None:
    beside = (path.with_name(path.stem + ending) for ending in ENDINGS)
    found = next((name for name in beside if name.exists()), None)
    if found is None:
        return None
    return ModelFile(found, read_file_bytes(found, ModelFormatError, NAMED, MAX_FILE))


def _ask(
    file: ModelFile, function: str, sound: Callable[[Any], bool], processor_s: int, **more: object
) -> Any:
    """What the sandbox makes of the file."""
    size = len(file.content)
    with _named(file.path):
        return asked(
            f"{READER}:{function}",
            {"content": file.content, **more},
            sound,
            size=size,
            seconds=processor_s + size // BYTES_PER_S,
            what=".keras archive" if file.is_archive else "HDF5 file",
            advice=RESAVE,
        )


def _is_model(answer: Any) -> bool:
    match answer:
        case [bytes(), str(), weights]:
            return _are_weights(weights)
        case _:
            return False


def _are_weights(answer: Any) -> bool:
    return isinstance(answer, dict) and all(
        isinstance(layer, str) and isinstance(named, dict) and all(map(_is_weight, named.items()))
        for layer, named in answer.items()
    )


def _is_weight(item: tuple[Any, Any]) -> bool:
    name, array = item
    kinds = np.float32, np.float64
    return isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype in kinds


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What is refused in the block is refused of this file."""
    try:
        yield
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _folder(path: Path) -> ModelFormatError:
    """A SavedModel of Keras 2 can be converted; one that Keras 3 exports holds its graph only."""
    if (path / "saved_model.pb").exists() and not (path / "keras_metadata.pb").exists():
        return ModelFormatError(
            f"{path}: is a SavedModel of a graph alone (no keras_metadata.pb), from which no layer "
            f"can be had; save the model itself where it was trained: model.save('{path.name}.h5')"
        )
    if (path / "saved_model.pb").exists():
        return ModelFormatError(
            f"{path}: is a SavedModel, which holds a graph and no layers; convert it where it was "
            f"trained: python -c \"import tf_keras; tf_keras.models.load_model('{path.name}')"
            f".save('{path.name}.h5')\""
        )
    inside = sorted(one.name for one in path.iterdir() if one.suffix in MODELS)
    advice = f"name a model in it, as {path.name}/{inside[0]}" if inside else NAMED
    return ModelFormatError(f"{path}: is a folder; {advice}")


def _file(version: str, config: object, weights: Mapping[str, Weights]) -> KerasFile:
    entries = [leaf for entry in entries_of(config) for _, leaf in entry.leaves()]
    used = [d.name for d in DIALECTS if _is_package(d) and any(map(d.recognises, entries))]
    layers = f" with {' and '.join(used)} layers" if used else ""
    return KerasFile(f"Keras {version[:40]}{layers}", config, weights)


def _is_package(dialect: Dialect) -> bool:
    return isinstance(dialect.library, Library) and dialect.library.package is not None
