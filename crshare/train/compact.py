"""A trained model as a small .h5: kernels as they are applied, +1/-1; all is compressed."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import larq

from crshare.files import replacing
from crshare.frontend.hdf5 import write_packed
from crshare.train.library import silent


def write_compact(model: Any, path: Path) -> None:
    """Write what Keras saves of the model, less the optimiser; tf_keras and crshare read it."""
    with tempfile.TemporaryDirectory() as folder, replacing(path) as draft:
        plain = Path(folder) / "plain.h5"
        with larq.context.quantized_scope(True), silent(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # HDF5 is what we want
            model.save(plain, include_optimizer=False)
        write_packed(plain, draft)
