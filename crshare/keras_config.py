"""A Keras model's configuration as values: its layers in order and what each of them reads.

JSON only; nothing is looked up or run. Whatever a configuration holds, the answer is a value or one
sentence (ModelFormatError) that names the layer; the caller puts the file's name in front.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from crshare.errors import ModelFormatError

Array = npt.NDArray[np.float64]
Weights = Mapping[str, Array]

ONE_WAY = "crshare reads models of one input and one output, each layer applied once"
DAMAGED = "the file is damaged, or of a kind that crshare does not know"
NESTED = ("Sequential", "Functional", "Model")


@dataclass(frozen=True, slots=True, eq=False)
class KerasLayer:
    """One layer of the file: class, name, configuration, and its weights by short name (kernel).

    reads: the layers that it reads, by name.
    """

    class_name: str
    name: str
    config: Mapping[str, Any]
    weights: Weights
    reads: tuple[str, ...] = ()

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

    def single(self, key: str, default: object = None) -> int:
        """One positive integer, by itself or in a list."""
        value = self.config.get(key, default)
        value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
        if not isinstance(value, int) or not is_count(value):
            raise self._wrong(key, "one positive integer")
        return value

    def positive(self, key: str, default: int) -> int:
        """A positive integer; `default` where the file has none."""
        return default if key not in self.config else self.count(key)

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
class LayerEntry:
    """What a file of weights must know of a layer to find and name its own."""

    class_name: str
    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Graph:
    """The layers behind the input, each below what it reads; the last one gives the scores.

    input_shape: without the batch. entry: the name that the readers of the input know it by.
    """

    input_shape: tuple[int, ...]
    entry: str
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


def entries_of(model_config: object) -> list[LayerEntry]:
    """The layers of a model's configuration in the file's order; none where it is none."""
    config = model_config.get("config") if isinstance(model_config, dict) else None
    entries = config.get("layers") if isinstance(config, dict) else None
    found = []
    for entry in entries if isinstance(entries, list) else []:
        kind, inner = _class_and_config(entry, "a layer")
        found.append(LayerEntry(kind, str(inner.get("name")), inner))
    return found


def variable_names(layer: LayerEntry, n: int) -> list[str]:
    """What the n variables of a layer are called, in the order in which Keras makes them."""
    kind, config = layer.class_name, layer.config
    if "BatchNormalization" in kind:
        parts = [("gamma", config.get("scale", True)), ("beta", config.get("center", True))]
        names = [name for name, used in parts if used] + ["moving_mean", "moving_variance"]
    elif "Separable" in kind:
        names = ["depthwise_kernel", "pointwise_kernel", "bias"]
    elif "Depthwise" in kind:
        names = ["depthwise_kernel", "bias"]
    elif "PReLU" in kind:
        names = ["alpha"]
    else:
        names = ["kernel", "bias"]
    return [*names[:n], *(f"variable {i}" for i in range(len(names), n))]


def graph_of(model_config: object, weights: Mapping[str, Weights]) -> Graph:
    """The layers of a Sequential or Functional model's configuration."""
    kind, config = _class_and_config(model_config, "the model")
    if kind not in NESTED:
        raise ModelFormatError(f"the model is of class {short(kind)}; {ONE_WAY}")
    entries = config.get("layers")
    if not isinstance(entries, list) or not entries:
        raise ModelFormatError(f"the model has no list of layers; {DAMAGED}")
    named = [_layer(entry, weights) for entry in entries]
    _refuse_twins(named)
    in_a_row = kind == "Sequential"
    named = _in_a_row(named) if in_a_row else _in_order(named, _output(config))
    first = named[0]
    shape = _input_shape(first, config)
    has_entry = first.class_name == "InputLayer"
    return Graph(shape, first.name if has_entry else "", tuple(named[1:] if has_entry else named))


def _class_and_config(entry: object, what: str) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(entry, dict):
        raise ModelFormatError(f"the configuration of {what} is {short(entry)}; {DAMAGED}")
    kind, config = entry.get("class_name"), entry.get("config")
    if not isinstance(kind, str) or not isinstance(config, dict):
        raise ModelFormatError(f"the configuration of {what} lacks class or fields; {DAMAGED}")
    registered = entry.get("registered_name")
    if isinstance(registered, str) and ">" in registered and ">" not in kind:
        kind = registered
    return kind.removeprefix("Larq>"), config


def _layer(entry: object, weights: Mapping[str, Weights]) -> KerasLayer:
    kind, config = _class_and_config(entry, "a layer")
    name = config.get("name")
    if not isinstance(name, str) or not name:
        raise ModelFormatError(f"a layer of class {short(kind)} has no name; {DAMAGED}")
    nodes = entry.get("inbound_nodes", []) if isinstance(entry, dict) else []
    layer = KerasLayer(kind, name, config, weights.get(name, {}), tuple(_sources(nodes)))
    if kind in NESTED:
        raise layer.refuse(f"is a model of its own ({kind}); build it flat")
    if isinstance(nodes, list) and len(nodes) > 1:
        raise layer.refuse(f"is applied {len(nodes)} times; {ONE_WAY}")
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


def _in_a_row(layers: list[KerasLayer]) -> list[KerasLayer]:
    """The layers of a Sequential model, each reading the one before it."""
    before = ["", *(layer.name for layer in layers)]
    return [replace(layer, reads=(name,)) for layer, name in zip(layers, before, strict=False)]


def _in_order(layers: list[KerasLayer], output: str) -> list[KerasLayer]:
    """The layers of a Functional model that lead to its output, each below all that it reads."""
    starts = [layer for layer in layers if not layer.reads]
    if not starts:
        raise ModelFormatError(f"the model has no input layer; {DAMAGED}")
    if len(starts) > 1:
        raise starts[1].refuse(f"is a second input beside {starts[0].name}; {ONE_WAY}")
    by_name = {layer.name: layer for layer in layers}
    placed: dict[str, KerasLayer] = {}
    waiting = layers
    while waiting:
        n_placed = len(placed)
        for layer in waiting:
            if all(source in placed for source in layer.reads):
                placed[layer.name] = layer
        if len(placed) == n_placed:
            raise _unreached(waiting, by_name)
        waiting = [layer for layer in waiting if layer.name not in placed]
    if output not in placed:
        raise ModelFormatError(f"the model gives out {output!r}, which is no layer; {DAMAGED}")
    used = _used(placed, output)
    aside = next((layer for layer in layers if layer.name not in used), None)
    if aside is not None:
        raise aside.refuse(f"does not lead to the output {output}; {ONE_WAY}")
    return [*(la for la in placed.values() if la.name != output), placed[output]]


def _unreached(waiting: list[KerasLayer], by_name: Mapping[str, KerasLayer]) -> ModelFormatError:
    for layer in waiting:
        for source in layer.reads:
            if source not in by_name:
                return layer.refuse(f"reads {short(source)}, which is no layer; {DAMAGED}")
    name = min(layer.name for layer in waiting)
    return ModelFormatError(f"layer {name} is not reached from the input; {DAMAGED}")


def _used(layers: Mapping[str, KerasLayer], output: str) -> set[str]:
    found: set[str] = set()
    pending = [output]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += layers[name].reads
    return found


def _output(config: Mapping[str, Any]) -> str:
    ends = list(_sources(config.get("output_layers", [])))
    if len(ends) != 1:
        found = ", ".join(ends) or "nothing"
        raise ModelFormatError(f"the model gives out {found}; {ONE_WAY}")
    return ends[0]


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
