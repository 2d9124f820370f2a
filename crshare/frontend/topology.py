"""The layers of a Keras model in the order in which they can be computed, and what each reads.

JSON only, as in keras_config; a topology that is not read is refused by one sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from crshare.arrays import Int64Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.calls import Operand
from crshare.frontend.config import ONE_WAY, KerasLayer, Weights, is_count, short
from crshare.frontend.operations import gives_parts
from crshare.frontend.unfold import INPUT_LAYER, unfolded


@dataclass(frozen=True, slots=True)
class Graph:
    """The layers behind the input, each below what it reads; the last one gives the scores.

    input_shape: without the batch. entry: the name that the readers of the input know it by.
    channels_first: whether the file's images have them first. rows: of weights whose rows were put
    in another order, by layer and weight, which of the file's stands in each place.
    """

    input_shape: tuple[int, ...]
    entry: str
    layers: tuple[KerasLayer, ...]
    channels_first: bool = False
    rows: Mapping[tuple[str, str], Int64Array] = field(default_factory=dict)


def graph_of(model_config: object, weights: Mapping[str, Weights]) -> Graph:
    """The layers of a model's configuration, those of the models inside of it among them."""
    model, layers, output = unfolded(model_config, weights)
    _refuse_twins(layers)
    layers = _outputs_apart(layers)
    classes = {layer.name: layer.class_name for layer in layers}
    for layer in layers:
        _check_call(layer, classes)
        _refuse_dtype(layer)
    layers = _in_order(layers, output)
    first = layers[0]
    shape = _input_shape(first, model.config)
    has_entry = first.class_name == INPUT_LAYER
    if not (model.is_row or has_entry):
        raise first.refuse(f"({short(first.class_name)}) reads nothing and is no input; {DAMAGED}")
    return Graph(shape, first.name if has_entry else "", tuple(layers[1:] if has_entry else layers))


def _outputs_apart(layers: list[KerasLayer]) -> list[KerasLayer]:
    """A layer for each output that is read of those that split maps, as split:0 and split:1."""
    splits = {layer.name for layer in layers if gives_parts(layer)}
    if not splits:
        return layers
    read = {operand for layer in layers for operand in layer.call.operands}
    found = list[KerasLayer]()
    for layer in layers:
        own = replace(layer, call=layer.call.changed(partial(_apart, splits=splits)))
        places = sorted(operand.place for operand in read if operand.name == layer.name)
        if layer.name in splits:
            found += [replace(own, name=f"{own.name}:{place}", output=place) for place in places]
        else:
            found.append(own)
    return found


def _apart(operand: Operand, splits: Set[str]) -> Operand:
    """The output of a layer that splits, as the layer that stands for it."""
    name, place = operand.name, operand.place
    return Operand(f"{name}:{place}") if name in splits else operand


def _check_call(layer: KerasLayer, classes: Mapping[str, str]) -> None:
    """One output of each layer that is read, at inference."""
    for operand in layer.call.operands:
        if operand.place:
            raise layer.refuse(
                f"reads output {operand.place} of {operand.name}, which is of class "
                f"{short(classes.get(operand.name))}; crshare reads layers of one output, and "
                "tf.split or ops.split where they stand as such, not in a Lambda"
            )
    if layer.call.named.get("training"):
        raise layer.refuse(
            "is called with training=True, so that it computes as in training; build it without"
        )


def _refuse_dtype(layer: KerasLayer) -> None:
    if layer.policy not in ("float32", "float64", None):
        raise layer.refuse(
            f"computes in {short(layer.policy)}; crshare reads models of float32 and float64: save "
            "it with that policy"
        )


def _refuse_twins(layers: list[KerasLayer]) -> None:
    name, times = Counter(layer.name for layer in layers).most_common(1)[0]
    if times > 1:
        raise ModelFormatError(f"{times} layers are named {name!r}; {DAMAGED}")


def _in_order(layers: list[KerasLayer], output: str) -> list[KerasLayer]:
    """The layers that lead to the output, each below all that it reads."""
    starts = [layer for layer in layers if not any(layer.reads)]
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
    waits = {layer.name: sum(map(bool, layer.reads)) for layer in layers}
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
        for source in filter(None, layer.reads):
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
            pending += filter(None, layers[name].reads)
    return found


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
