"""A model run by the library that wrote it: tf_keras with Larq, QKeras, or Keras 3.

The library gets a blueprint of what crshare has read, in the sandbox; never the file.
"""

from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from crshare.arrays import Array
from crshare.errors import CrshareError
from crshare.frontend.declared import declared
from crshare.frontend.dialect import Library
from crshare.frontend.registry import DIALECTS
from crshare.model.read import Model
from crshare.sandbox.call import Limits, call
from crshare.sandbox.process import SandboxError
from crshare.train.blueprint import layers_of, paths_of
from crshare.train.library import LibraryError

RUNNER = "crshare.train.library_model:outputs"
MEMORY_BYTES = 2**36  # of addresses, of which TensorFlow reserves many
START_S, IMAGE_S = 600, 2


def run(model: Model, images: Array, names: list[str]) -> tuple[dict[str, Array], Array]:
    """Which values that enter the weights of the named layers are positive, bool [n, ...], and the
    scores, for integer images [n, h, w, c] as stored; LibraryError where the library cannot run the
    model. What is rescaled outside of the model is rescaled here, as the model expects it."""
    if not model.graph.layers:
        raise LibraryError(
            f"{model.path}: holds a network alone, which no library runs; verify the file that it "
            "was exported from"
        )
    try:
        layers = layers_of(
            model.graph,
            declared(model.sign_layers, model.declared),
            {linear.stored[0]: linear.weights for linear in model.linears.values()},
        )
        asked = {
            "keras": _keras(model, layers),
            "shape": list(model.graph.input_shape),
            "layers": layers,
            "wanted": [_place(model, name) for name in names],
            "images": rescaled(model, np.asarray(images)),
        }
        found = _called(asked, START_S + IMAGE_S * len(images))
    except SandboxError as error:
        raise LibraryError(f"{model.path}: its own library cannot run it ({error})") from error
    except CrshareError as error:
        raise LibraryError(f"{model.path}: {error}") from error
    return dict(zip(names, found["bits"], strict=True)), found["scores"]


def rescaled(model: Model, images: Array) -> Array:
    """Images as the model expects them: what the rescaling gives, in the nearest float32."""
    if model.rescale is None:
        return images
    scale, offset = model.rescale
    pixels, places = np.unique(images, return_inverse=True)
    values = np.array([float(scale * pixel + offset) for pixel in pixels.tolist()], np.float32)
    return values[places].reshape(images.shape)


def _called(asked: dict[str, Any], seconds: int) -> Any:
    with TemporaryDirectory() as folder:
        limits = Limits(MEMORY_BYTES, 4 * seconds, seconds, True, folder, written_bytes=2**20)
        return call(RUNNER, asked | {"folder": folder}, limits, fresh=True)


def _keras(model: Model, layers: list[dict[str, Any]]) -> str:
    """The name of the module `keras` that runs the model; LibraryError where a package lacks."""
    names = {path.partition(".")[0] for layer in layers for path in paths_of(layer["made"])}
    used = [library for library in _libraries() if library.package in names]
    wrote = "keras" if model.library.startswith("Keras 3.") else "tf_keras"
    keras = next((library.keras for library in used if library.keras), wrote)
    packages = [library.package for library in used if library.package]
    missing = [name for name in ("tensorflow", keras, *packages) if find_spec(name) is None]
    if missing:
        raise LibraryError(
            f"was written by {model.library}; running it needs {missing[0]}, which is not "
            'installed; try pip install "crshare[train]"'
        )
    return keras


def _libraries() -> list[Library]:
    return [d.library for d in DIALECTS if isinstance(d.library, Library)]


def _place(model: Model, name: str) -> int:
    return [layer.name for layer in model.graph.layers].index(name)
