"""Keras HDF5 files in and out: the only file that knows h5py and how Keras lays weights out.

Three layouts: whole models and weights by layer name (Keras 2, and .h5 of Keras 3), and weights by
class and number (.keras and .weights.h5). Files are bytes here, and no link is ever followed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from crshare.errors import ModelFormatError
from crshare.frontend.config import MAX_CONFIG, RESAVE, LayerEntry, Weights
from crshare.frontend.registry import variable_names

MAX_BYTES = 2**30  # of one weight
UNWRITTEN_BYTES, MOST_PACKED = 2**20, 64  # what compression may claim beyond what is stored
PACKING = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
N_WORTH = 512  # values from which on a weight is compressed

BY_NUMBER = ("layers", "_layer_checkpoint_dependencies")  # at the root of weights alone
Stored = dict[str, dict[str, Any]]  # data sets by layer and short name


def read_config(content: bytes) -> tuple[bytes, str]:
    """The configuration's text and the version of Keras of a whole-model file."""
    with h5py.File(BytesIO(content), "r") as file:
        config = file.attrs.get("model_config")
        if config is None and ("layer_names" in file.attrs or any(n in file for n in BY_NUMBER)):
            raise ModelFormatError(
                f"holds weights only, no layers; {RESAVE}, or name the JSON of its layers"
            )
        if config is None:
            raise ModelFormatError(f"holds no Keras model (no model_config); {RESAVE}")
        if len(config) > MAX_CONFIG:
            raise ModelFormatError(f"has a model_config of {len(config):,} bytes; {RESAVE}")
        version = _text(file.attrs.get("keras_version", "of unknown version"))
        text = config.encode(errors="surrogateescape") if isinstance(config, str) else bytes(config)
        return text, version


def read_whole(content: bytes, layers: list[LayerEntry]) -> dict[str, Weights]:
    """The weights of a whole-model file."""
    with h5py.File(BytesIO(content), "r") as file:
        return _arrays(_whole(file, layers))


def read_weights(content: bytes, layers: list[LayerEntry]) -> dict[str, Weights]:
    """The weights of a weights-only file, in either layout."""
    with h5py.File(BytesIO(content), "r") as file:
        return _arrays(_weights_only(file, layers))


def change_whole(content: bytes, layers: list[LayerEntry], changes: Mapping[str, Weights]) -> bytes:
    """A whole-model file with other values in the named weights."""
    memory = BytesIO(content)
    with h5py.File(memory, "r+") as file:
        _assign(_whole(file, layers), changes)
    return memory.getvalue()


def change_weights(
    content: bytes, layers: list[LayerEntry], changes: Mapping[str, Weights]
) -> bytes:
    """A weights-only file with other values in the named weights."""
    memory = BytesIO(content)
    with h5py.File(memory, "r+") as file:
        _assign(_weights_only(file, layers), changes)
    return memory.getvalue()


def write_packed(source: Path, draft: Path) -> None:
    """Write `draft`, our own file `source` with each weight compressed and all else the same."""
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


def _assign(stored: Stored, changes: Mapping[str, Weights]) -> None:
    for layer, named in changes.items():
        for name, array in named.items():
            stored[layer][name][...] = array


def _arrays(stored: Stored) -> dict[str, Weights]:
    return {
        layer: {name: _numbers(dataset) for name, dataset in named.items()}
        for layer, named in stored.items()
    }


def _numbers(dataset: Any) -> Any:
    """In float64; kernels of float32, which may be millions of numbers, as they are."""
    kept = dataset.ndim > 1 and dataset.dtype == np.float32
    return np.asarray(dataset[()], np.float32 if kept else np.float64)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _whole(file: Any, layers: list[LayerEntry]) -> Stored:
    """The data sets of the weights by layer and short name, in the file's own order."""
    root = _inside(file, "model_weights")
    if not isinstance(root, h5py.Group):
        raise ModelFormatError(f"holds a configuration but no weights; {RESAVE}")
    return _by_name(root, layers)


def _by_name(root: Any, layers: list[LayerEntry]) -> Stored:
    """The weights of each layer in its group, those of a model's layers in that of the model."""
    models = {entry.name: entry for entry in layers if entry.inside}
    stored: Stored = {}
    for layer in _names(root, "layer_names"):
        found = _of_layer(root, layer)
        if layer in models:
            stored |= _parted(models[layer], found)
        else:
            stored[layer] = _shortened(layer, found)
    return stored


def _weights_only(file: Any, layers: list[LayerEntry]) -> Stored:
    if any(key.startswith("layer_names") for key in file.attrs):
        return _by_name(file, layers)
    stored = _of_model(file, layers, "")
    if stored is None:
        raise ModelFormatError(f"holds no weights that crshare knows; {RESAVE}")
    return stored


def _of_model(group: Any, layers: Iterable[LayerEntry], prefix: str) -> Stored | None:
    """The numbered weights below the group of a model; None where it has no layers."""
    root = _inside(group, "layers")
    if not isinstance(root, h5py.Group):
        return None
    groups = _groups(root)
    counts: Counter[str] = Counter()
    stored: Stored = {}
    for layer in layers:
        key = _class_key(layer.class_name)
        found = groups.get(layer.name) or groups.get(f"{key} {counts[key]}")
        counts[key] += 1
        if found is not None and layer.inside:
            stored |= _of_model(found, layer.inside, f"{prefix}{layer.name}/") or {}
        elif found is not None and isinstance(_inside(found, "vars"), h5py.Group):
            stored[prefix + layer.name] = _numbered(_inside(found, "vars"), layer)
    return stored


def _groups(root: Any) -> dict[str, Any]:
    """The groups of layers by the name that Keras 3 keeps, or by class and number."""
    found = {}
    for full in root:
        group = _inside(root, full)
        variables = _inside(group, "vars")
        if not isinstance(group, h5py.Group):
            continue
        stem, _, number = full.rpartition("_")
        counted = number.isdecimal() and len(number) < 8
        key = f"{_class_key(stem)} {int(number)}" if counted else f"{_class_key(full)} 0"
        name = variables.attrs.get("name") if isinstance(variables, h5py.Group) else None
        found[key if name is None else _text(name)] = group
    return found


def _class_key(name: str) -> str:
    return re.sub(r"\W|_", "", name.rsplit(">", 1)[-1]).lower()


def _numbered(group: Any, layer: LayerEntry) -> dict[str, Any]:
    """The data sets 0, 1, ... of a layer by the names that its class gives them."""
    datasets: list[Any] = []
    while isinstance(dataset := _inside(group, str(len(datasets))), h5py.Dataset):
        datasets.append(_weight(dataset))
    return dict(zip(variable_names(layer, len(datasets)), datasets, strict=True))


def _of_layer(root: Any, layer: str) -> dict[str, Any]:
    """The data sets of a layer's group by their full names."""
    group = _inside(root, layer)
    if not isinstance(group, h5py.Group):
        raise ModelFormatError(f"layer {layer} has no group of weights; {RESAVE}")
    found: dict[str, Any] = {}
    for full in _names(group, "weight_names"):
        dataset = _inside(group, full)
        if not isinstance(dataset, h5py.Dataset):
            raise ModelFormatError(f"layer {layer} lacks its weight {full!r}; {RESAVE}")
        if full in found:
            raise ModelFormatError(f"layer {layer} has two weights {full!r}; {RESAVE}")
        found[full] = dataset
    return found


def _shortened(layer: str, weights: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's weights by their short names."""
    found: dict[str, Any] = {}
    for full, dataset in weights.items():
        name = full.rsplit("/", 1)[-1].split(":")[0]
        if name in found:
            raise ModelFormatError(f"layer {layer} has two weights {name!r}; {RESAVE}")
        found[name] = _weight(dataset)
    return found


def _parted(model: LayerEntry, weights: Mapping[str, Any]) -> Stored:
    """A model's weights by the layers inside of it, whose names stand before those of the weights;
    where several have that name, before it those of the models that they lie in."""
    leaves = [path for path, _ in model.leaves()]
    parts: dict[str, dict[str, Any]] = {path: {} for path in leaves}
    by_name: dict[str, list[str]] = {}
    for path in leaves:
        by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    for full, dataset in weights.items():
        scope = full.rsplit("/", 1)[0]
        own = by_name.get(scope.rsplit("/", 1)[-1], [])
        fitting = [p for p in own if f"/{p}".endswith(f"/{scope}")] if len(own) > 1 else own
        if len(fitting) != 1:
            raise ModelFormatError(
                f"the weight {full!r} of {model.name} belongs to no layer inside of it, or to "
                f"several; {RESAVE}"
            )
        parts[fitting[0]][full] = dataset
    return {path: _shortened(path, found) for path, found in parts.items()}


def _names(group: Any, key: str) -> list[str]:
    """A list of names, which Keras splits over KEY0, KEY1, ... when it is long."""
    where = str(group.name).rsplit("/", 1)[-1]
    if key in group.attrs:
        chunks = [group.attrs[key]]
    else:
        numbered = (f"{key}{i}" for i in range(len(group.attrs)))
        chunks = [group.attrs[name] for name in numbered if name in group.attrs]
    if not chunks:
        raise ModelFormatError(f"{where} has no attribute {key}; {RESAVE}")
    names = [name for chunk in chunks for name in np.atleast_1d(chunk).tolist()]
    if not all(isinstance(name, str | bytes) for name in names):
        raise ModelFormatError(f"the attribute {key} of {where} holds no names; {RESAVE}")
    return [_text(name) for name in names]


def _inside(group: Any, name: str) -> Any:
    """The object at `name` below `group`, reached by no link that leaves the file."""
    for part in [part for part in name.split("/") if part]:
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is not None and not isinstance(link, h5py.HardLink):
            raise ModelFormatError(f"{name!r} is a link to elsewhere; {RESAVE}")
        if link is None:
            return None
        group = group[part]
    return group


def _weight(dataset: Any) -> Any:
    """A data set that may be read and written: numbers of this file, of a fair size."""
    where = f"the weight {str(dataset.name).removeprefix('/model_weights/')!r}"
    if dataset.is_virtual or dataset.external:
        raise ModelFormatError(f"{where} lies in another file; {RESAVE}")
    if dataset.dtype.kind not in "fiu":
        raise ModelFormatError(f"{where} holds {dataset.dtype}, no numbers; {RESAVE}")
    if not _is_fair(dataset):
        raise ModelFormatError(f"{where} has an impossible size; {RESAVE}")
    return dataset


def _is_fair(dataset: Any) -> bool:
    """Whether a data set claims no more than a weight may hold and its bytes can have packed."""
    if dataset.shape is None:
        return False
    stored = UNWRITTEN_BYTES + MOST_PACKED * dataset.id.get_storage_size()
    item = dataset.dtype.itemsize
    chunk = item * int(np.prod(dataset.chunks or (1,), dtype=object))
    return bool(max(item * int(dataset.size), chunk) <= min(MAX_BYTES, stored))
