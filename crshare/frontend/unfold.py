"""A model's configuration as one list of layers: the models inside of it are unfolded.

A layer inside of a model is named behind it, as block/conv, and reads what the model is fed with
where it reads the model's input.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.calls import Call, Operand, call_of, ends_of
from crshare.frontend.class_names import class_and_config, is_model, name_of
from crshare.frontend.config import ONE_WAY, KerasLayer, Weights, short

INPUT_LAYER = "InputLayer"


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of a model: a layer, or a model with parts of its own.

    path: its name behind those of the models that it lies in.
    """

    kind: str
    name: str
    path: str
    config: Mapping[str, Any]
    call: Call

    @property
    def is_model(self) -> bool:
        return is_model(self.kind, self.config)

    @property
    def is_row(self) -> bool:
        """Whether it is a model whose parts follow one another."""
        return self.is_model and self.kind == "Sequential"


def unfolded(
    model_config: object, weights: Mapping[str, Weights]
) -> tuple[Part, list[KerasLayer], str]:
    """The model, its layers, those of its models among them, and the one that gives the scores.

    The first layer of a Sequential model may read "", the images.
    """
    kind, config = class_and_config(model_config, "the model")
    model = Part(kind, "", "", config, Call())
    if not model.is_model:
        raise ModelFormatError(f"the model is of class {short(kind)}; {ONE_WAY}")
    layers = list(_layers(model, None, weights))
    if not layers:
        raise ModelFormatError(f"the model has no layers; {DAMAGED}")
    return model, layers, _end(model)


def parts_of(model: Part) -> list[Part]:
    entries = model.config.get("layers")
    if not isinstance(entries, list) or not entries:
        what = f"layer {model.path}" if model.path else "the model"
        raise ModelFormatError(f"{what} has no list of layers; {DAMAGED}")
    return [_part(entry, model) for entry in entries]


def _part(entry: object, model: Part) -> Part:
    kind, config = class_and_config(entry, "a layer")
    name = name_of(entry, kind, config)
    if not isinstance(name, str) or not name:
        raise ModelFormatError(f"a layer of class {short(kind)} has no name; {DAMAGED}")
    path = f"{model.path}/{name}" if model.path else name
    nodes = entry.get("inbound_nodes", []) if isinstance(entry, dict) else []
    nodes = nodes if isinstance(nodes, list) else [nodes]
    if len(nodes) > 1:
        raise ModelFormatError(f"layer {path} is applied {len(nodes)} times; {ONE_WAY}")
    return Part(kind, name, path, config, call_of(nodes[0]) if nodes else Call())


def _layers(
    model: Part, fed: tuple[str, ...] | None, weights: Mapping[str, Weights]
) -> Iterator[KerasLayer]:
    """The layers of a model that is fed with the outputs of these layers; None: with images."""
    parts = parts_of(model)
    calls = _in_a_row(parts, fed) if model.is_row else _in_a_net(model, parts, fed)
    for part, call in zip(parts, calls, strict=True):
        if part.is_model:
            yield from _layers(part, _fed_with(part, call), weights)
        elif part.kind != INPUT_LAYER or fed is None or fed == ("",):
            yield KerasLayer(part.kind, part.path, part.config, weights.get(part.path, {}), call)


def _fed_with(model: Part, call: Call) -> tuple[str, ...]:
    """What a model inside reads; all of it is outputs of other layers, as at inference."""
    named = {key: value for key, value in call.named.items() if value not in (None, False)}
    if named or len(call.given) != len(call.operands) or any(op.place for op in call.operands):
        raise ModelFormatError(
            f"layer {model.path} is a model that is called with more than the outputs of layers; "
            "build it flat"
        )
    if model.is_row and len(call.given) != 1:
        raise ModelFormatError(
            f"layer {model.path} is a row of layers and reads {len(call.given)}; {DAMAGED}"
        )
    return tuple(operand.name for operand in call.operands)


def _in_a_row(parts: list[Part], fed: tuple[str, ...] | None) -> Iterator[Call]:
    """Each part reads the one before it."""
    before = fed[0] if fed else ""
    for part in parts:
        yield Call((Operand(before),))
        if part.is_model or part.kind != INPUT_LAYER or not before:
            before = _end(part)


def _in_a_net(model: Part, parts: list[Part], fed: tuple[str, ...] | None) -> Iterator[Call]:
    """Each part reads what its call names."""
    ends = {part.name: _end(part) for part in parts}
    ends |= {} if fed is None or fed == ("",) else _fed(model, fed)
    for part in parts:
        yield _renamed(part.call, ends)


def _fed(model: Part, fed: tuple[str, ...]) -> dict[str, str]:
    """What the inputs of a model stand for, by their names in it."""
    inputs = ends_of(model.config.get("input_layers", []))
    if len(inputs) != len(fed):
        raise ModelFormatError(
            f"layer {model.path} is a model of {len(inputs)} inputs and reads {len(fed)} layers; "
            f"{DAMAGED}"
        )
    return {end.name: source for end, source in zip(inputs, fed, strict=True)}


def _renamed(call: Call, ends: Mapping[str, str]) -> Call:
    """The call with the layers that give what its operands name."""
    return call.changed(lambda one: replace(one, name=ends.get(one.name, one.name or "?")))


def _end(part: Part) -> str:
    """The layer that gives what a part gives."""
    while part.is_model:
        parts = parts_of(part)
        part = parts[-1] if part.is_row else _output(part, parts)
    return part.path


def _output(model: Part, parts: list[Part]) -> Part:
    what = f"layer {model.path}, a model," if model.path else "the model"
    ends = ends_of(model.config.get("output_layers", []))
    if len(ends) != 1:
        found = ", ".join(end.name for end in ends) or "nothing"
        raise ModelFormatError(f"{what} gives out {found}; {ONE_WAY}")
    last = next((part for part in parts if part.name == ends[0].name), None)
    if last is None:
        raise ModelFormatError(f"{what} gives out {ends[0].name!r}, which is no layer; {DAMAGED}")
    if last.kind == INPUT_LAYER and model.path:
        raise ModelFormatError(f"{what} gives out its input; {ONE_WAY}")
    return last
