"""Every container of a Keras model: .h5, the .keras archive, JSON with a file of weights beside it.

An archive is read defensively: known names only, no more bytes than fit, nothing written to disk.
"""

import json
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from crshare.errors import ModelFormatError, PlanError
from crshare.frontend.config import Weights, entries_of
from crshare.frontend.hdf5 import (
    RESAVE,
    changed_weights,
    read_weights,
    read_whole,
    write_whole,
)
from crshare.frontend.sandbox import guarded

MAX_JSON = 2**26  # bytes of a configuration
MAX_WEIGHTS = 2**28  # bytes of an archive's weights
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, OSError, ValueError, EOFError,
              RuntimeError, KeyError, OverflowError)  # fmt: skip
NAMED = "name a model file (.h5, .keras, or .json with its weights beside it)"


@dataclass(frozen=True, slots=True)
class KerasFile:
    """What a model file holds: the configuration as JSON, weights by layer and name."""

    library: str
    config: object
    weights: Mapping[str, Weights]


def read_file(path: Path) -> KerasFile:
    """Read a model file of any container; ModelFormatError where it is none."""
    try:
        return _read(path)
    except ModelFormatError as error:
        if str(error).startswith(f"{path}: "):
            raise
        raise ModelFormatError(f"{path}: {error}") from error


def _read(path: Path) -> KerasFile:
    match _head(path):
        case b"PK":
            return _read_archive(path)
        case head if head[:1] in (b"{", b"[") or path.suffix == ".json":
            return _read_json(path)
        case _:
            text, version, weights = guarded(path, lambda: read_whole(path))
            return _file(version, _parsed(path, "model_config", text), weights)


def write_file(source: Path, draft: Path, changes: Mapping[str, Weights]) -> None:
    """Copy `source` to `draft` with other values in the named weights; OSError where it cannot."""
    match _head(source):
        case b"PK":
            _write_archive(source, draft, changes)
        case head if head[:1] in (b"{", b"["):
            raise PlanError(
                f"{source}: is a configuration with its weights in another file, and crshare "
                f"writes one file; {RESAVE}"
            )
        case _:
            write_whole(source, draft, changes)


def _head(path: Path) -> bytes:
    """The first two bytes of a file."""
    if path.is_dir():
        raise _folder(path)
    if not path.exists():
        raise ModelFormatError(f"{path}: there is no such file; {NAMED}")
    try:
        with path.open("rb") as file:
            return file.read(2)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise ModelFormatError(f"{path}: cannot be read ({reason})") from error


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
    return ModelFormatError(f"{path}: is a folder; {NAMED}")


def _file(version: str, config: object, weights: Mapping[str, Weights]) -> KerasFile:
    classes = [entry.class_name for entry in entries_of(config)]
    of_larq = any(name.startswith("Quant") for name in classes)
    of_qkeras = any(name.startswith(("QConv", "QDense", "QActivation")) for name in classes)
    layers = " with Larq layers" * of_larq + " with QKeras layers" * of_qkeras
    return KerasFile(f"Keras {version}{layers}", config, weights)


def _parsed(path: Path, what: str, text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path}: its {what} is no JSON; {RESAVE}") from error


def _read_json(path: Path) -> KerasFile:
    """A configuration by itself, and the weights in the file that stands beside it."""
    if path.stat().st_size > MAX_JSON:
        raise ModelFormatError(f"{path}: is too large for a configuration; {NAMED}")
    config = _parsed(path, "text", path.read_bytes())
    endings = (".weights.h5", "_weights.h5", ".h5")
    beside = [path.with_name(path.stem + ending) for ending in endings]
    weights = next((name for name in beside if name.is_file()), None)
    if weights is None:
        raise ModelFormatError(
            f"{path}: is a configuration without weights; put them beside it as {beside[0].name}"
        )
    version = config.get("keras_version") if isinstance(config, dict) else None
    layers = entries_of(config)
    found = guarded(weights, lambda: read_weights(weights, weights, layers))
    return _file(str(version or "of unknown version")[:40], config, found)


def _read_archive(path: Path) -> KerasFile:
    parts = _parts(path)
    config = _parsed(path, CONFIG, parts[CONFIG])
    metadata = _parsed(path, METADATA, parts[METADATA]) if METADATA in parts else None
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    layers, held = entries_of(config), BytesIO(parts[WEIGHTS])
    weights = guarded(path, lambda: read_weights(path, held, layers))
    return _file(str(version or "of unknown version")[:40], config, weights)


def _parts(path: Path) -> dict[str, bytes]:
    """The files of an archive that crshare reads, each once and of fair size."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name: _part(path, archive, name, MAX_WEIGHTS if name == WEIGHTS else MAX_JSON)
                for name in (CONFIG, METADATA, WEIGHTS)
                if name != METADATA or METADATA in archive.namelist()
            }
    except ZIP_ERRORS as error:
        reason = str(error.args[-1] if error.args else error).splitlines()[:1]
        raise ModelFormatError(
            f"{path}: is no readable .keras archive ({''.join(reason) or 'empty'}); {RESAVE}"
        ) from error


def _part(path: Path, archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    held = [info for info in archive.infolist() if info.filename == name]
    if len(held) != 1:
        raise ModelFormatError(f"{path}: holds {len(held)} files {name}; {RESAVE}")
    with archive.open(held[0]) as file:
        content = file.read(most + 1) if held[0].file_size <= most else b""
    if not content or len(content) > most:
        raise ModelFormatError(
            f"{path}: its {name} claims {held[0].file_size} bytes, where 1 to {most} are read; "
            f"{RESAVE}"
        )
    return content


def _write_archive(source: Path, draft: Path, changes: Mapping[str, Weights]) -> None:
    parts = _parts(source)
    layers = entries_of(_parsed(source, CONFIG, parts[CONFIG]))
    parts[WEIGHTS] = changed_weights(source, parts[WEIGHTS], layers, changes)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(draft, "w") as new:
        for info in old.infolist():
            if info.filename in parts:
                new.writestr(info, parts[info.filename])
            else:
                with old.open(info) as held, new.open(info, "w") as written:
                    shutil.copyfileobj(held, written)
