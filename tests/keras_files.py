"""Small Keras model files written with h5py and JSON alone, laid out as the libraries lay them out.

The three dialects are those that crshare reads: Keras 2, tf_keras (both also with Larq layers) and
Keras 3. A test describes layers and writes a file; no TensorFlow is needed.
"""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Dialect(Enum):
    KERAS_2 = "2.9.0"
    TF_KERAS = "2.21.0"
    KERAS_3 = "3.15.1"


@dataclass(frozen=True)
class Spec:
    """One layer to write: its class, name, configuration, weights, and what it reads."""

    class_name: str
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Array] = field(default_factory=dict)
    reads: tuple[str, ...] | None = None  # by default the layer above


def quantizer(name: str, dialect: Dialect = Dialect.TF_KERAS) -> dict[str, Any]:
    """An object such as SteSign as the dialect writes it."""
    config = {"name": "q", "trainable": True, "dtype": "float32", "clip_value": 1.0}
    if dialect is Dialect.KERAS_2:
        return {"class_name": name, "config": config}
    module = {"module": "larq.quantizers", "registered_name": name}
    return {"class_name": name, "config": config, **module}


def conv(name: str, kernel: Array, *, kind: str = "QuantConv2D", **config: Any) -> Spec:
    """A convolution; a weight 'bias' in the configuration is taken as the bias."""
    bias = config.pop("bias", None)
    fields = {
        "filters": kernel.shape[3],
        "kernel_size": list(kernel.shape[:2]),
        "strides": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "linear",
        "use_bias": bias is not None,
    }
    return Spec(kind, name, fields | _quantized(kind) | config, _weights(kernel, bias))


def dense(name: str, kernel: Array, *, kind: str = "QuantDense", **config: Any) -> Spec:
    bias = config.pop("bias", None)
    fields = {"units": kernel.shape[1], "activation": "linear", "use_bias": bias is not None}
    return Spec(kind, name, fields | _quantized(kind) | config, _weights(kernel, bias))


def _quantized(kind: str) -> dict[str, Any]:
    if not kind.startswith("Quant"):
        return {}
    padding = {"pad_values": 0.0} if kind == "QuantConv2D" else {}
    sign = quantizer("SteSign")
    return padding | {"input_quantizer": sign, "kernel_quantizer": sign}


def _weights(kernel: Array, bias: Array | None) -> dict[str, Array]:
    return {"kernel": kernel} | ({} if bias is None else {"bias": bias})


def batch_norm(name: str, mean: Any, variance: Any = 0.999, **other: Any) -> Spec:
    """gamma and beta, where given as arrays, are weights; axis and epsilon configuration."""
    mean = np.asarray(mean, np.float32)
    gamma, beta = other.pop("gamma", None), other.pop("beta", None)
    weights = {}
    if gamma is not None:
        weights["gamma"] = np.asarray(gamma, np.float32)
    if beta is not None:
        weights["beta"] = np.asarray(beta, np.float32)
    weights["moving_mean"] = mean
    weights["moving_variance"] = np.broadcast_to(np.float32(variance), mean.shape)
    fields = {
        "axis": -1,
        "epsilon": 0.001,
        "center": beta is not None,
        "scale": gamma is not None,
    }
    return Spec("BatchNormalization", name, fields | other, weights)


def pool(name: str, size: int = 2, **config: Any) -> Spec:
    fields = {"pool_size": [size, size], "strides": [size, size], "padding": "valid"}
    return Spec("MaxPooling2D", name, fields | {"data_format": "channels_last"} | config)


def average(name: str, size: int = 2, **config: Any) -> Spec:
    fields = {"pool_size": [size, size], "strides": None, "padding": "valid"}
    return Spec("AveragePooling2D", name, fields | {"data_format": "channels_last"} | config)


def activation(name: str, function: Any) -> Spec:
    return Spec("Activation", name, {"activation": function})


def flatten(name: str = "flatten") -> Spec:
    return Spec("Flatten", name, {"data_format": "channels_last"})


def rescaling(scale: Any = 0.00784313725490196, offset: Any = -1.0) -> Spec:
    return Spec("Rescaling", "rescaling", {"scale": scale, "offset": offset})


def model_config(
    layers: Sequence[Spec],
    input_shape: Sequence[int | None],
    dialect: Dialect = Dialect.TF_KERAS,
    *,
    functional: bool = False,
) -> dict[str, Any]:
    """The model as the dialect writes it in JSON."""
    key = "batch_shape" if dialect is Dialect.KERAS_3 else "batch_input_shape"
    shape = [None, *input_shape]
    everything = [Spec("InputLayer", "input_1", {key: shape}, reads=()), *layers]
    entries = []
    for above, spec in zip([None, *everything], everything, strict=False):
        config = {"name": spec.name, "trainable": True, "dtype": _dtype(dialect), **spec.config}
        entry: dict[str, Any] = {"class_name": spec.class_name, "config": config}
        if functional:
            reads = spec.reads if spec.reads is not None else (above.name,) if above else ()
            entry |= {"name": spec.name, "inbound_nodes": _inbound(reads, dialect)}
        entries.append(entry)
    if not functional:
        return {"class_name": "Sequential", "config": {"name": "sequential", "layers": entries}}
    ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [[everything[-1].name, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "model", "layers": entries, **ends}}


def _dtype(dialect: Dialect) -> Any:
    if dialect is not Dialect.KERAS_3:
        return "float32"
    return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}


def _inbound(reads: Sequence[str], dialect: Dialect) -> list[Any]:
    if not reads:
        return []
    if dialect is not Dialect.KERAS_3:
        return [[[name, 0, 0, {}] for name in reads]]
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}
        for name in reads
    ]
    return [{"args": tensors if len(tensors) == 1 else [tensors], "kwargs": {"mask": None}}]


def write_h5(
    path: Path,
    layers: Sequence[Spec],
    input_shape: Sequence[int | None],
    dialect: Dialect = Dialect.TF_KERAS,
    *,
    functional: bool = False,
) -> Path:
    """A whole-model file of these layers."""
    config = model_config(layers, input_shape, dialect, functional=functional)
    suffix = "" if dialect is Dialect.KERAS_3 else ":0"
    with h5py.File(path, "w") as file:
        file.attrs["backend"] = "tensorflow"
        file.attrs["keras_version"] = dialect.value
        file.attrs["model_config"] = json.dumps(config)
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [spec.name for spec in layers]
        for spec in layers:
            group = root.create_group(spec.name)
            names = [f"{spec.name}/{key}{suffix}" for key in spec.weights]
            group.attrs["weight_names"] = names or np.zeros(0, "S1")
            for name, array in zip(names, spec.weights.values(), strict=True):
                group[name] = array
    return path


def signs(rng: np.random.Generator, *shape: int) -> Array:
    """A kernel of +1/-1 as float32."""
    return rng.choice(np.array([-1, 1], np.float32), shape)


def write_keras(
    path: Path,
    layers: Sequence[Spec],
    input_shape: Sequence[int | None],
    dialect: Dialect = Dialect.TF_KERAS,
    *,
    functional: bool = False,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """The same as a .keras archive: Keras 3 keeps the layers' names beside the numbers."""
    config = model_config(layers, input_shape, dialect, functional=functional)
    metadata = {"keras_version": dialect.value, "date_saved": "2026-11-25@00:00:00"}
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", numbered_weights(layers, dialect))
    return path


def numbered_weights(layers: Sequence[Spec], dialect: Dialect) -> bytes:
    """Weights by class and number, as in .keras and .weights.h5."""
    memory = BytesIO()
    counts: Counter[str] = Counter()
    with h5py.File(memory, "w") as file:
        for spec in layers:
            stem = re.sub("([a-z])([A-Z])", r"\1_\2", spec.class_name).lower()
            number = f"_{counts[stem]}" if counts[stem] else ""
            counts[stem] += 1
            group = file.create_group(f"layers/{stem}{number}/vars")
            if dialect is Dialect.KERAS_3:
                group.attrs["name"] = spec.name
            for i, array in enumerate(spec.weights.values()):
                group[str(i)] = array
    return memory.getvalue()
