"""The layers of a Keras model in the order in which they can be computed, and what each reads.

JSON only, as in keras_config; a topology that is not read is refused by one sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.class_names import class_and_config
from crshare.frontend.config import (
    NESTED,
    ONE_WAY,
    KerasLayer,
    Weights,
    is_count,
    short,
)


@dataclass(frozen=True, slots=True)
class Graph:
    """The layers behind the input, each below what it reads; the last one gives the scores.

    input_shape: without the batch. entry: the name that the readers of the input know it by.
    """

    input_shape: tuple[int, ...]
    entry: str
    layers: tuple[KerasLayer, ...]


def graph_of(model_config: object, weights: Mapping[str, Weights]) -> Graph:
    """The layers of a Sequential or Functional model's configuration."""
    kind, config = class_and_config(model_config, "the model")
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
    if not (in_a_row or has_entry):
        raise first.refuse(f"({short(first.class_name)}) reads nothing and is no input; {DAMAGED}")
    return Graph(shape, first.name if has_entry else "", tuple(named[1:] if has_entry else named))


def _layer(entry: object, weights: Mapping[str, Weights]) -> KerasLayer:
    kind, config = class_and_config(entry, "a layer")
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
    turns = _turns(layers)
    if len(turns) < len(layers):
        raise _unreached([layer for layer in layers if layer.name not in turns], by_name)
    placed = {la.name: la for la in sorted(layers, key=lambda la: turns[la.name])}
    if output not in placed:
        raise ModelFormatError(f"the model gives out {output!r}, which is no layer; {DAMAGED}")
    used = _used(placed, output)
    aside = next((layer for layer in layers if layer.name not in used), None)
    if aside is not None:
        raise aside.refuse(f"does not lead to the output {output}; {ONE_WAY}")
    return [*(la for la in placed.values() if la.name != output), placed[output]]


def _turns(layers: list[KerasLayer]) -> dict[str, int]:
    """In which reading of the list, from its head on, each layer has all that it reads before it.

    Layers that read what does not exist, or each other in a circle, are in none.
    """
    place = {layer.name: position for position, layer in enumerate(layers)}
    readers = defaultdict[str, list[str]](list)
    for layer in layers:
        for source in layer.reads:
            readers[source].append(layer.name)
    waits = {layer.name: len(layer.reads) for layer in layers}
    earliest = dict.fromkeys(waits, 0)
    reached = [name for name, n_sources in waits.items() if n_sources == 0]
    for name in reached:
        for reader in readers[name]:
            turn = earliest[name] + (place[name] > place[reader])
            earliest[reader] = max(earliest[reader], turn)
            waits[reader] -= 1
            reached += [reader] * (waits[reader] == 0)
    return {name: earliest[name] for name in reached}


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
