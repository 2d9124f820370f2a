"""Keras HDF5 files in and out: the only file that knows h5py and how Keras lays its containers out.

HDF5 and JSON only: no TensorFlow, no code of the file, no link out of the file is ever followed.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from crshare.errors import ModelFormatError
from crshare.keras_config import Array, Weights

MAX_BYTES = 2**30  # of one weight
HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError)  # as h5py raises them
RESAVE = "save the whole model with model.save('NAME.h5')"


@dataclass(frozen=True, slots=True)
class KerasFile:
    """What a full-model HDF5 file holds: the configuration as JSON, weights by layer and name."""

    library: str
    config: object
    weights: Mapping[str, Weights]


def read_file(path: Path) -> KerasFile:
    """Read a full-model file; ModelFormatError where it is none."""
    with _opened(path) as file:
        text = _config_text(path, file)
        weights = {
            layer: {name: _array(path, dataset) for name, dataset in named.items()}
            for layer, named in _datasets(path, file).items()
        }
        return KerasFile(_library(file, text), _parsed(path, text), weights)


def write_file(source: Path, draft: Path, changes: Mapping[str, Weights]) -> None:
    """Copy `source` to `draft` with other values in the named weights; OSError where it cannot."""
    shutil.copyfile(source, draft)
    with h5py.File(draft, "r+") as file:
        datasets = _datasets(source, file)
        for layer, named in changes.items():
            for name, array in named.items():
                datasets[layer][name][...] = array


def _reason(error: OSError) -> str:
    return error.strerror or str(error).splitlines()[0]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if path.is_dir():
        raise ModelFormatError(f"{path}: is a folder; name a model file (.h5)")
    if not path.exists():
        raise ModelFormatError(f"{path}: there is no such file; name a model file (.h5)")
    try:
        with path.open("rb") as head:
            zipped = head.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise ModelFormatError(f"{path}: cannot be read ({_reason(error)})") from error
    if zipped:
        raise ModelFormatError(f"{path}: is a .keras archive, which is not read yet; {RESAVE}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except HDF5_ERRORS as error:
        reason = str(error.args[-1] if error.args else error).splitlines()[0]
        raise ModelFormatError(f"{path}: is no readable HDF5 file ({reason}); {RESAVE}") from error


def _config_text(path: Path, file: Any) -> str:
    text = file.attrs.get("model_config")
    if text is None and "layer_names" in file.attrs:
        raise ModelFormatError(f"{path}: holds weights only, no layers; {RESAVE}")
    if text is None:
        raise ModelFormatError(f"{path}: holds no Keras model (no model_config); {RESAVE}")
    return _text(text)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _parsed(path: Path, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path}: its model_config is no JSON; {RESAVE}") from error


def _library(file: Any, text: str) -> str:
    version = _text(file.attrs.get("keras_version", "of unknown version"))
    return f"Keras {version}" + (" with Larq layers" if '"class_name": "Quant' in text else "")


def _datasets(path: Path, file: Any) -> dict[str, dict[str, Any]]:
    """The data sets of the weights by layer and short name, in the file's own order."""
    root = file.get("model_weights")
    if not isinstance(root, h5py.Group):
        raise ModelFormatError(f"{path}: holds a configuration but no weights; {RESAVE}")
    return {layer: _of_layer(path, root, layer) for layer in _names(path, root, "layer_names")}


def _of_layer(path: Path, root: Any, layer: str) -> dict[str, Any]:
    group = _inside(path, root, layer)
    if not isinstance(group, h5py.Group):
        raise ModelFormatError(f"{path}: layer {layer} has no group of weights; {RESAVE}")
    found: dict[str, Any] = {}
    for full in _names(path, group, "weight_names"):
        dataset = _inside(path, group, full)
        if not isinstance(dataset, h5py.Dataset):
            raise ModelFormatError(f"{path}: layer {layer} lacks its weight {full!r}; {RESAVE}")
        name = full.rsplit("/", 1)[-1].split(":")[0]
        if name in found:
            raise ModelFormatError(f"{path}: layer {layer} has two weights {name!r}; {RESAVE}")
        found[name] = dataset
    return found


def _names(path: Path, group: Any, key: str) -> list[str]:
    """A list of names, which Keras splits over KEY0, KEY1, ... when it is long."""
    where = str(group.name).rsplit("/", 1)[-1]
    if key in group.attrs:
        chunks = [group.attrs[key]]
    else:
        numbered = (f"{key}{i}" for i in range(len(group.attrs)))
        chunks = [group.attrs[name] for name in numbered if name in group.attrs]
    if not chunks:
        raise ModelFormatError(f"{path}: {where} has no attribute {key}; {RESAVE}")
    names = [name for chunk in chunks for name in np.atleast_1d(chunk).tolist()]
    if not all(isinstance(name, str | bytes) for name in names):
        raise ModelFormatError(f"{path}: the attribute {key} of {where} holds no names; {RESAVE}")
    return [_text(name) for name in names]


def _inside(path: Path, group: Any, name: str) -> Any:
    """The object at `name` below `group`, reached by no link that leaves the file."""
    for part in [part for part in name.split("/") if part]:
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is not None and not isinstance(link, h5py.HardLink):
            raise ModelFormatError(f"{path}: {name!r} is a link to elsewhere; {RESAVE}")
        if link is None:
            return None
        group = group[part]
    return group


def _array(path: Path, dataset: Any) -> Array:
    where = f"{path}: the weight {str(dataset.name).removeprefix('/model_weights/')!r}"
    if dataset.is_virtual or dataset.external:
        raise ModelFormatError(f"{where} lies in another file; {RESAVE}")
    if dataset.dtype.kind not in "fiu":
        raise ModelFormatError(f"{where} holds {dataset.dtype}, no numbers; {RESAVE}")
    if dataset.shape is None or dataset.size * dataset.dtype.itemsize > MAX_BYTES:
        raise ModelFormatError(f"{where} has an impossible size; {RESAVE}")
    return np.asarray(dataset[()], dtype=np.float64)
