"""A model file run by the library that wrote it: tf_keras with Larq, QKeras, or Keras 3."""

from collections.abc import Set
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.model.read import Model
from crshare.train.library import LibraryError, silent

Array = npt.NDArray[Any]

BATCH = 100


def keras_of(model: Model) -> Any:
    """The module `keras` that runs this model; LibraryError where a package is missing."""
    version = model.library.removeprefix("Keras ")
    needed = ["keras"] if version.startswith("3.") else ["tf_keras"]
    needed += ["larq"] * ("Larq" in version) + ["qkeras"] * ("QKeras" in version)
    missing = [name for name in ("tensorflow", *needed) if find_spec(name) is None]
    if missing:
        raise LibraryError(
            f"{model.path}: was written by {model.library}; running it needs {missing[0]}, which "
            "is not installed; try pip install crshare[train]"
        )
    with silent():
        loaded = [import_module(name) for name in ("tensorflow", *reversed(needed))]
    return loaded[-1]


def load(model: Model, sign_layers: Set[str]) -> Any:
    """The model as its library loads it; declared layers are signs there too."""
    keras = keras_of(model)
    objects = custom_objects(keras, model, sign_layers)
    try:
        if model.path.suffix == ".json":
            loaded = keras.models.model_from_json(model.path.read_text(), custom_objects=objects)
            loaded.load_weights(str(_weights_beside(model.path)))
            return loaded
        return keras.models.load_model(str(model.path), compile=False, custom_objects=objects)
    except (ValueError, TypeError, OSError, KeyError, AttributeError, ImportError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise LibraryError(f"{model.path}: its own library cannot load it ({reason})") from error


def _weights_beside(path: Path) -> Path:
    beside = (path.with_name(path.stem + end) for end in (".weights.h5", "_weights.h5", ".h5"))
    return next(name for name in beside if name.is_file())


def custom_objects(keras: Any, model: Model, sign_layers: Set[str]) -> dict[str, Any]:
    objects: dict[str, Any] = {}
    if "QKeras" in model.library:
        import_module("qkeras.utils")._add_supported_quantized_objects(objects)
    if sign_layers:
        tensorflow = import_module("tensorflow")

        class Sign(keras.layers.Layer):  # type: ignore[misc]
            """+1 for values >= 0, else -1."""

            def call(self, inputs: Any) -> Any:
                return tensorflow.where(inputs >= 0, 1.0, -1.0)

        for name in sign_layers:
            objects |= {name: Sign, f"Custom>{name}": Sign, f"bnn>{name}": Sign}
    return objects


def run(
    model: Model, loaded: Any, images: Array, layers: list[str]
) -> tuple[dict[str, Array], Array]:
    """Which values that enter the weights of the named layers are positive, bool [n, ...], and the
    scores, for integer images [n, h, w, c]."""
    keras = keras_of(model)
    found = [loaded.get_layer(name) for name in layers]
    probe = keras.Model(loaded.inputs, [*(la.input for la in found), loaded.outputs[0]])
    shape, dtype = loaded.inputs[0].shape[1:], loaded.inputs[0].dtype
    parts: list[list[Array]] = [[] for _ in range(len(layers) + 1)]
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH].astype(getattr(dtype, "name", dtype))
        given = probe(batch.reshape(len(batch), *shape), training=False)
        given = given if isinstance(given, list | tuple) else [given]
        for part, layer, value in zip(parts, [*found, None], given, strict=True):
            part.append(_entering(layer, value))
    whole = [np.concatenate(part) for part in parts]
    return dict(zip(layers, whole, strict=False)), whole[-1]


def _entering(layer: Any, value: Any) -> Array:
    """The sign of what a layer's weights see, behind its own quantizer; or the scores."""
    if layer is None:
        return np.asarray(value)
    quantizer = getattr(layer, "input_quantizer", None)
    return np.asarray(value if quantizer is None else quantizer(value)) > 0
