"""Keras HDF5 files in and out: the only file that knows h5py and how Keras lays weights out.

Three layouts: whole models and weights by layer name (Keras 2, and .h5 of Keras 3), and weights by
class and number (.keras and .weights.h5). HDF5 and JSON only: no TensorFlow, no code of the file,
no link out of the file is ever followed.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from crshare.errors import ModelFormatError
from crshare.frontend.config import Array, LayerEntry, Weights, variable_names

MAX_BYTES = 2**30  # of one weight
UNWRITTEN_BYTES, MOST_PACKED = 2**20, 64  # what compression may claim beyond what is stored
PACKING = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
N_WORTH = 512  # values from which on a weight is compressed
HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError)  # of h5py
RESAVE = "save the whole model with model.save('NAME.h5')"

Source = Path | BytesIO
Stored = dict[str, dict[str, Any]]  # data sets by layer and short name


def read_whole(path: Path) -> tuple[str, str, dict[str, Weights]]:
    """The configuration, the version of Keras and the weights of a whole-model file."""
    with opened(path, path) as file:
        config = file.attrs.get("model_config")
        if config is None and "layer_names" in file.attrs:
            raise ModelFormatError(
                f"{path}: holds weights only, no layers; {RESAVE}, or name the JSON of its layers"
            )
        if config is None:
            raise ModelFormatError(f"{path}: holds no Keras model (no model_config); {RESAVE}")
        version = _text(file.attrs.get("keras_version", "of unknown version"))
        return _text(config), version, _arrays(path, _whole(path, file))


def read_weights(path: Path, source: Source, layers: list[LayerEntry]) -> dict[str, Weights]:
    """The weights of a weights-only file, in either layout; `path` is what errors name."""
    with opened(path, source) as file:
        return _arrays(path, _weights_only(path, file, layers))


def write_whole(source: Path, draft: Path, changes: Mapping[str, Weights]) -> None:
    """Copy `source` to `draft` with other values in the named weights; OSError where it cannot."""
    shutil.copyfile(source, draft)
    with h5py.File(draft, "r+") as file:
        _assign(_whole(source, file), changes)


def write_packed(source: Path, draft: Path) -> None:
    """Write `draft`, the file `source` with each weight compressed and all else the same."""
    with h5py.File(source, "r") as plain, h5py.File(draft, "w") as packed:
        packed.attrs.update(plain.attrs)
        plain.visititems(lambda name, item: _pack(name, item, packed))


def _pack(name: str, item: Any, packed: Any) -> None:
    if isinstance(item, h5py.Dataset):
        how = {**PACKING, "chunks": item.shape} if item.size >= N_WORTH else {}
        copy = packed.create_dataset(name, data=item[()], **how)
    else:
        copy = packed.require_group(name)
    copy.attrs.update(item.attrs)


def changed_weights(
    path: Path, held: bytes, layers: list[LayerEntry], changes: Mapping[str, Weights]
) -> bytes:
    """A weights-only file with other values in the named weights."""
    memory = BytesIO(held)
    with h5py.File(memory, "r+") as file:
        _assign(_weights_only(path, file, layers), changes)
    return memory.getvalue()


def _assign(stored: Stored, changes: Mapping[str, Weights]) -> None:
    for layer, named in changes.items():
        for name, array in named.items():
            stored[layer][name][...] = array


def _arrays(path: Path, stored: Stored) -> dict[str, Weights]:
    return {
        layer: {name: _array(path, dataset) for name, dataset in named.items()}
        for layer, named in stored.items()
    }


@contextmanager
def opened(path: Path, source: Source) -> Iterator[Any]:
    """The HDF5 file; what goes wrong while it is read is one sentence."""
    try:
        with h5py.File(source, "r") as file:
            yield file
    except HDF5_ERRORS as error:
        reason = str(error.args[-1] if error.args else error or "empty").splitlines()[0]
        raise ModelFormatError(f"{path}: is no readable HDF5 file ({reason}); {RESAVE}") from error


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _whole(path: Path, file: Any) -> Stored:
    """The data sets of the weights by layer and short name, in the file's own order."""
    root = file.get("model_weights")
    if not isinstance(root, h5py.Group):
        raise ModelFormatError(f"{path}: holds a configuration but no weights; {RESAVE}")
    return _by_name(path, root)


def _by_name(path: Path, root: Any) -> Stored:
    return {layer: _of_layer(path, root, layer) for layer in _names(path, root, "layer_names")}


def _weights_only(path: Path, file: Any, layers: list[LayerEntry]) -> Stored:
    if any(key.startswith("layer_names") for key in file.attrs):
        return _by_name(path, file)
    root = _inside(path, file, "layers")
    if not isinstance(root, h5py.Group):
        raise ModelFormatError(f"{path}: holds no weights that crshare knows; {RESAVE}")
    groups = _groups(path, root)
    counts: Counter[str] = Counter()
    stored: Stored = {}
    for layer in layers:
        key = _class_key(layer.class_name)
        group = groups.get(layer.name) or groups.get(f"{key} {counts[key]}")
        counts[key] += 1
        if group is not None:
            stored[layer.name] = _numbered(path, group, layer)
    return stored


def _groups(path: Path, root: Any) -> dict[str, Any]:
    """The groups of layers by the name that Keras 3 keeps, or by class and number."""
    found = {}
    for full in root:
        group = _inside(path, root, full)
        variables = _inside(path, group, "vars")
        if not isinstance(variables, h5py.Group):
            continue
        stem, _, number = full.rpartition("_")
        counted = number.isdecimal() and len(number) < 8
        key = f"{_class_key(stem)} {int(number)}" if counted else f"{_class_key(full)} 0"
        name = variables.attrs.get("name")
        found[key if name is None else _text(name)] = variables
    return found


def _class_key(name: str) -> str:
    return re.sub(r"\W|_", "", name.rsplit(">", 1)[-1]).lower()


def _numbered(path: Path, group: Any, layer: LayerEntry) -> dict[str, Any]:
    """The data sets 0, 1, ... of a layer by the names that its class gives them."""
    datasets: list[Any] = []
    while isinstance(dataset := _inside(path, group, str(len(datasets))), h5py.Dataset):
        datasets.append(dataset)
    return dict(zip(variable_names(layer, len(datasets)), datasets, strict=True))


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
    if not _is_fair(dataset):
        raise ModelFormatError(f"{where} has an impossible size; {RESAVE}")
    return np.asarray(dataset[()], dtype=np.float64)


def _is_fair(dataset: Any) -> bool:
    """Whether a data set claims no more than a weight may hold and its bytes can have packed."""
    if dataset.shape is None:
        return False
    stored = UNWRITTEN_BYTES + MOST_PACKED * dataset.id.get_storage_size()
    item = dataset.dtype.itemsize
    chunk = item * int(np.prod(dataset.chunks or (1,), dtype=object))
    return bool(max(item * int(dataset.size), chunk) <= min(MAX_BYTES, stored))
