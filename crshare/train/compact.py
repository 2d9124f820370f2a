"""A trained model as a small .h5: kernels as they are applied, +1/-1, and everything compressed."""

import tempfile
from pathlib import Path
from typing import Any

import h5py
import larq

from crshare.output import replacing

SMALL = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
N_WORTH = 512  # values from which on a data set is compressed


def write_compact(model: Any, path: Path) -> None:
    """Write what Keras saves of the model, less the optimiser; tf_keras and crshare read it."""
    with tempfile.TemporaryDirectory() as folder, replacing(path) as draft:
        plain = Path(folder) / "plain.h5"
        with larq.context.quantized_scope(True):
            model.save(plain, include_optimizer=False)
        with h5py.File(plain, "r") as source, h5py.File(draft, "w") as target:
            _copy_attributes(source, target)
            source.visititems(lambda name, item: _copy(name, item, target))


def _copy(name: str, item: Any, target: Any) -> None:
    if isinstance(item, h5py.Dataset):
        how = {**SMALL, "chunks": item.shape} if item.size >= N_WORTH else {}
        copy = target.create_dataset(name, data=item[()], **how)
    else:
        copy = target.require_group(name)
    _copy_attributes(item, copy)


def _copy_attributes(source: Any, target: Any) -> None:
    for key, value in source.attrs.items():
        target.attrs[key] = value
