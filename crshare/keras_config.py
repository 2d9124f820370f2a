"""A Keras model's configuration as values: its layers in order, with typed access to their fields.

JSON only; nothing is looked up or run. Whatever a configuration holds, the answer is a value or one
sentence (ModelFormatError) that names the layer; the caller puts the file's name in front.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import ModelFormatError

Array = npt.NDArray[np.float64]
Weights = Mapping[str, Array]

CHAIN_ONLY = "crshare reads models that are one chain of layers"
DAMAGED = "the file is damaged, or of a kind that crshare does not know"
NESTED = ("Sequential", "Functional", "Model")


@dataclass(frozen=True, slots=True, eq=False)
class KerasLayer:
    """One layer of the file: class, name, configuration, and its weights by short name (kernel)."""

    class_name: str
    name: str
    config: Mapping[str, Any]
    weights: Weights

    def refuse(self, what: str) -> ModelFormatError:
        """The error that says `what` of this layer."""
        return ModelFormatError(f"layer {self.name} {what}")

    def _wrong(self, key: str, wanted: str) -> ModelFormatError:
        value = short(self.config.get(key))
        return self.refuse(f"has {key} {value}, where {wanted} should stand; {DAMAGED}")

    def flag(self, key: str, default: bool) -> bool:
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.config.get(key, default)
        if not is_number(value):
            raise self._wrong(key, "a number")
        return float(value)

    def text(self, key: str, default: str) -> str:
        value = self.config.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def pair(self, key: str, default: object = None) -> tuple[int, int]:
        """Two positive integers, height first; one integer stands for both."""
        value = self.config.get(key, default)
        value = [value, value] if isinstance(value, int) else value
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise self._wrong(key, "two positive integers")
        if not all(is_count(part) for part in value):
            raise self._wrong(key, "two positive integers")
        return value[0], value[1]

    def count(self, key: str) -> int:
        value = self.config.get(key)
        if not isinstance(value, int) or not is_count(value):
            raise self._wrong(key, "a positive integer")
        return value

    def weight(self, key: str, shape: tuple[int | None, ...]) -> Array:
        """The weight `key`, finite and of this shape (None stands for any extent)."""
        if key not in self.weights:
            raise self.refuse(
                f"has no weight {key!r} in the file; save the whole trained model with "
                "model.save('NAME.h5')"
            )
        array = self.weights[key]
        if array.ndim != len(shape) or any(
            b not in (None, a) for a, b in zip(array.shape, shape, strict=True)
        ):
            wanted = ", ".join("any" if extent is None else str(extent) for extent in shape)
            raise self.refuse(
                f"has a weight {key!r} of shape {list(array.shape)}, where its configuration asks "
                f"for [{wanted}]; {DAMAGED}"
            )
        if array.size == 0 or not np.isfinite(array).all():
            found = "holds NaN or infinity" if array.size else "is empty"
            raise self.refuse(f"has a weight {key!r} that {found}; train the model again")
        return array

    def expect_weights(self, *known: str) -> None:
        """Refuse a weight that the configuration does not speak of."""
        unknown = sorted(set(self.weights) - set(known))
        if unknown:
            raise self.refuse(
                f"({self.class_name}) holds a weight {unknown[0]!r} that its configuration does "
                f"not ask for; {DAMAGED}"
            )


@dataclass(frozen=True, slots=True)
class Chain:
    """The layers behind the input in order, and the input's shape without the batch."""

    input_shape: tuple[int, ...]
    layers: tuple[KerasLayer, ...]


def is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and (-1e300 < value < 1e300)
    )


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def short(value: object) -> str:
    """A value of the file as it may stand in a sentence."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def chain_of(model_config: object, weights: Mapping[str, Weights]) -> Chain:
    """The chain of layers of a Sequential or Functional model's configuration."""
    kind, config = _class_and_config(model_config, "the model")
    if kind not in NESTED:
        raise ModelFormatError(f"the model is of class {short(kind)}; {CHAIN_ONLY}")
    entries = config.get("layers")
    if not isinstance(entries, list) or not entries:
        raise ModelFormatError(f"the model has no list of layers; {DAMAGED}")
    named = [_layer(entry, weights) for entry in entries]
    _refuse_twins(named)
    if kind != "Sequential":
        named = _follow(named, entries)
        _refuse_other_ends(config, named[-1])
    shape = _input_shape(named[0], config)
    return Chain(shape, tuple(la for la in named if la.class_name != "InputLayer"))


def _class_and_config(entry: object, what: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(entry, dict):
        raise ModelFormatError(f"the configuration of {what} is {short(entry)}; {DAMAGED}")
    kind, config = entry.get("class_name"), entry.get("config")
    if not isinstance(kind, str) or not isinstance(config, dict):
        raise ModelFormatError(f"the configuration of {what} lacks class or fields; {DAMAGED}")
    return kind, config


def _layer(entry: object, weights: Mapping[str, Weights]) -> KerasLayer:
    kind, config = _class_and_config(entry, "a layer")
    name = config.get("name")
    if not isinstance(name, str) or not name:
        raise ModelFormatError(f"a layer of class {short(kind)} has no name; {DAMAGED}")
    layer = KerasLayer(kind, name, config, weights.get(name, {}))
    if kind in NESTED:
        raise layer.refuse(f"is a model of its own ({kind}); {CHAIN_ONLY}: build it flat")
    _refuse_dtype(layer)
    return layer


def _refuse_dtype(layer: KerasLayer) -> None:
    policy = layer.config.get("dtype", "float32")
    if isinstance(policy, dict):
        inner = policy.get("config")
        policy = inner.get("name") if isinstance(inner, dict) else None
    if policy not in ("float32", None):
        raise layer.refuse(
            f"computes in {short(policy)}; crshare reads models of float32: save it with that "
            "policy"
        )


def _refuse_twins(layers: list[KerasLayer]) -> None:
    name, times = Counter(layer.name for layer in layers).most_common(1)[0]
    if times > 1:
        raise ModelFormatError(f"{times} layers are named {name!r}; {DAMAGED}")


def _follow(layers: list[KerasLayer], entries: list[Any]) -> list[KerasLayer]:
    """The layers of a Functional model in the order of its one chain."""
    after: dict[str, KerasLayer] = {}
    start: KerasLayer | None = None
    for layer, entry in zip(layers, entries, strict=True):
        sources = list(_sources(entry.get("inbound_nodes", [])))
        if len(sources) > 1:
            raise layer.refuse(f"({layer.class_name}) reads {len(sources)} layers; {CHAIN_ONLY}")
        if not sources and start is not None:
            raise layer.refuse(f"is a second input beside {start.name}; {CHAIN_ONLY}")
        if not sources:
            start = layer
        elif sources[0] in after:
            raise ModelFormatError(
                f"layer {sources[0]} is read by {after[sources[0]].name} and by {layer.name}; "
                f"{CHAIN_ONLY}"
            )
        else:
            after[sources[0]] = layer
    if start is None:
        raise ModelFormatError(f"the model has no input layer; {DAMAGED}")
    ordered = [start]
    while ordered[-1].name in after:
        ordered.append(after.pop(ordered[-1].name))
    if after:
        name = min(after.values(), key=lambda layer: layer.name).name
        raise ModelFormatError(f"layer {name} is not reached from the input; {CHAIN_ONLY}")
    return ordered


def _refuse_other_ends(config: Mapping[str, Any], last: KerasLayer) -> None:
    ends = list(_sources(config.get("output_layers", [])))
    if ends != [last.name]:
        found = ", ".join(ends) or "nothing"
        raise ModelFormatError(
            f"the model gives out {found}, where its last layer is {last.name}; {CHAIN_ONLY}"
        )


def _sources(nodes: object) -> Iterator[str]:
    """The layers that inbound_nodes name, as Keras 2 ([name, 0, 0, {}]) or Keras 3 writes them."""
    if isinstance(nodes, dict):
        history = nodes.get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            yield history[0]
        else:
            yield from (name for key in sorted(nodes) for name in _sources(nodes[key]))
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0]
            nodes = nodes[3:]
        yield from (name for node in nodes for name in _sources(node))


def _input_shape(first: KerasLayer, config: Mapping[str, Any]) -> tuple[int, ...]:
    candidates = (
        first.config.get("batch_shape"),
        first.config.get("batch_input_shape"),
        config.get("build_input_shape"),
    )
    shape = next((shape for shape in candidates if shape is not None), None)
    if not isinstance(shape, list) or not 2 <= len(shape) <= 4:
        raise first.refuse(
            f"has the input shape {short(shape)}, where [batch, height, width, channels] or "
            "[batch, inputs] is expected; save a model that was built for one shape"
        )
    if not all(is_count(extent) for extent in shape[1:]):
        raise first.refuse(
            f"takes inputs of open size {short(shape)}; build the model for one size and save it"
        )
    return tuple(shape[1:])
