"""What the library's own model of a network is made of: plain data, and nothing of the file itself.

Each layer becomes a class of its dialect with arguments out of the fields that the dialect names,
each of a checked kind. No name, code or other text of the file is handed on, and a class, function
or quantizer that no dialect has has no blueprint. What only training needs (initializers,
regularizers, constraints, seeds) is left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crshare.arrays import Array
from crshare.frontend.calls import Operand
from crshare.frontend.config import KerasLayer, is_count, is_number, short
from crshare.frontend.declared import (
    Declared,
    Meaning,
    function_at,
    meaning_by,
    meaning_of,
    with_quantizers,
)
from crshare.frontend.dialect import Dialect, Field, Library, LibraryClass, NoLibrary
from crshare.frontend.linear_layers import CONVOLUTION, DENSE
from crshare.frontend.operations import operation_of
from crshare.frontend.quantizers import fields, snake_case, spelled
from crshare.frontend.registry import ACTIVATIONS, DIALECTS, owner_of
from crshare.frontend.topology import Graph
from crshare.train.library import LibraryError

Made = Mapping[str, Any]  # {"class": "layers.Dense", "arguments": {...}}, or {"function": "relu"}

TRAINED_ONLY = ("_initializer", "_regularizer", "_constraint")
IGNORED = frozenset(
    ["name", "trainable", "dtype", "batch_input_shape", "batch_shape"]
    + ["noise_shape", "seed", "renorm_momentum"]
)
SIGN = {"class": "own.Sign", "arguments": {}}
FUNCTIONS: Mapping[Meaning, Made] = {
    Meaning.SIGN: SIGN,
    Meaning.IDENTITY: {
        "class": "own.Operation",
        "arguments": {"name": "identity", "values": [None], "options": {}},
    },
    Meaning.CLIP: {
        "class": "own.Operation",
        "arguments": {"name": "clip", "values": [None], "options": {"limits": [0, 1]}},
    },
}
NO_VALUES: Mapping[str, Array] = {}


def layers_of(
    graph: Graph, declared: Declared, values: Mapping[str, Array] = NO_VALUES
) -> list[dict[str, Any]]:
    """Each layer: what makes it, the places of the layers that it reads (-1 is the images), and
    its weights; ModelFormatError where a layer has no blueprint."""
    place = {layer.name: position for position, layer in enumerate(graph.layers)}
    place[graph.entry] = -1
    return [
        {
            "made": made(layer, declared),
            "reads": [place[name] for name in layer.reads],
            "weights": _weights(layer, declared, values),
        }
        for layer in graph.layers
    ]


def made(layer: KerasLayer, declared: Declared) -> Made:
    """The class and arguments that stand for a layer."""
    meaning = meaning_of(layer, declared)
    if meaning is not None and not layer.weights:
        return FUNCTIONS[meaning]
    dialect = owner_of(layer)
    if is_substituted(layer, declared):
        return _substitute(layer, declared)
    if dialect is not None and (found := operation_of(layer)):
        values = [None if isinstance(value, Operand) else value for value in found.values]
        given = {"name": found.name, "values": values, "options": dict(found.options)}
        return {"class": "own.Operation", "arguments": given}
    if dialect is None:
        raise _unrunnable(layer, "whose code is in no library")
    if isinstance(dialect.library, NoLibrary):
        raise _unrunnable(layer, dialect.library.why)
    return _Arguments(with_quantizers(layer, declared), dialect, declared).of(dialect.library)


def is_substituted(layer: KerasLayer, declared: Declared) -> bool:
    """Whether a layer of crshare's arithmetic stands in for one whose code is in no library: a
    declared layer with a kernel, one of BinaryNet's, or one with a quantizer of its own."""
    if "kernel" not in layer.weights:
        return False
    dialect = owner_of(layer)
    by_layer = Meaning.LAYER_SCALED_SIGN in (
        meaning_by(function_at(layer, key) or "", declared)
        for key in layer.config
        if str(key).endswith("_quantizer")
    )
    alone = dialect is not None and isinstance(dialect.library, NoLibrary)
    return meaning_of(layer, declared) is not None or alone or by_layer


def _substitute(layer: KerasLayer, declared: Declared) -> Made:
    """Keras's layer of the same form, whose kernel is what the layer multiplies with."""
    name, known = ("Conv2D", CONVOLUTION) if "filters" in layer.config else ("Dense", DENSE)
    if name == "Conv2D" and len(layer.weights["kernel"].shape) == 3:
        name = "Conv1D"
    keras = next(d for d in DIALECTS if d.name == "Keras")
    arguments = _Arguments(layer, keras, declared)
    given = {k: arguments.value(k, kind) for k, kind in known.items() if k in layer.config}
    inner = {"class": f"layers.{name}", "arguments": given}
    before: object = None
    if meaning_of(layer, declared) is Meaning.SIGNS_INPUT:
        before = SIGN
    elif layer.config.get("input_quantizer") is not None:
        larq = next(d for d in DIALECTS if d.name == "Larq")
        before = _Arguments(with_quantizers(layer, declared), larq, declared).quantizer(
            "input_quantizer"
        )
    return inner if before is None else {
        "class": "own.Quantized",
        "arguments": {"layer": inner, "input_quantizer": before},
    }  # fmt: skip


def _weights(
    layer: KerasLayer, declared: Declared, values: Mapping[str, Array]
) -> dict[str, Array]:
    """The file's weights, or for a layer that stands in for another what that multiplies with."""
    found = {name: array.astype("float32") for name, array in layer.weights.items()}
    if is_substituted(layer, declared) and layer.name in values:
        found["kernel"] = values[layer.name].reshape(found["kernel"].shape).astype("float32")
    return found


def paths_of(given: object) -> Iterator[str]:
    """The full names of all classes and functions in a blueprint."""
    match given:
        case {"class": str(path), "arguments": dict(arguments)}:
            yield path
            yield from (name for value in arguments.values() for name in paths_of(value))
        case {"function": str(path)}:
            yield path


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What a library gets of a layer of a dialect."""

    layer: KerasLayer
    dialect: Dialect
    declared: Declared

    def of(self, library: Library) -> Made:
        layer, known = self.layer, self.dialect.classes[self.layer.class_name]
        _refuse_others(layer, known.fields)
        given = {k: self.value(k, kind) for k, kind in known.fields.items() if k in layer.config}
        return {"class": f"{known.home or library.layers}.{layer.class_name}", "arguments": given}

    def value(self, key: str, kind: Field) -> object:
        """A field whose value is of its kind, or nothing."""
        if kind is Field.QUANTIZER:
            return self.quantizer(key)
        if kind is Field.ACTIVATION:
            return self.activation(key)
        value = self.layer.config[key]
        if value is not None and not HOLDS[kind](value):
            raise _refusal(self.layer, key)
        return value

    def quantizer(self, key: str) -> object:
        """A quantizer of the dialect; an activation may be one, or a plain function."""
        found = self.dialect.quantizer_at(self.layer, key)
        if found is None:
            return None
        if found.name in self.dialect.quantizers:
            return _object(self.layer, self.dialect.quantizers[found.name], found.fields)
        if key == "activation":
            return self.activation(key)
        raise _refusal(self.layer, key)

    def activation(self, key: str) -> Made:
        """A sign that was declared, or what some library has of an activation of any dialect."""
        name = snake_case(spelled(self.layer, key) or "linear")
        meaning = None if name == "linear" else meaning_by(name, self.declared)
        if meaning is not None and meaning in FUNCTIONS:
            return FUNCTIONS[meaning]
        match ACTIVATIONS[name].made if name in ACTIVATIONS else None:
            case LibraryClass() as known:
                return _object(self.layer, known, fields(self.layer, key))
            case str(function):
                return {"function": function}
            case _:
                raise _refusal(self.layer, key)


def _object(layer: KerasLayer, known: LibraryClass, given: Mapping[str, Any]) -> Made:
    """A class with those of its keys that are given, scalars all."""
    arguments = {key: given[key] for key in known.keys if key in given}
    for key, value in arguments.items():
        if not (_is_scalar(value) or value in known.words):
            raise LibraryError(
                f"layer {layer.name} has a quantizer with {short(key)} {short(value)}, which "
                "crshare does not hand to a library; save the model without it"
            )
    return {"class": known.path, "arguments": arguments}


def _refuse_others(layer: KerasLayer, known: Mapping[str, Field]) -> None:
    """A field that no class has and that says something may change what the library computes."""
    for key, value in layer.config.items():
        inert = key in IGNORED or str(key).endswith(TRAINED_ONLY) or value in (None, False)
        if key not in known and not inert:
            raise _refusal(layer, key)


def _refusal(layer: KerasLayer, key: str) -> LibraryError:
    value = short(layer.config.get(key))
    return LibraryError(
        f"layer {layer.name} ({layer.class_name}) has {short(key)} {value}, which crshare does not "
        "hand to a library; save the model without it"
    )


def _unrunnable(layer: KerasLayer, why: str) -> LibraryError:
    return LibraryError(
        f"layer {layer.name} is of class {short(layer.class_name)}, {why}, and crshare runs no "
        "code of a file; verify a model without it"
    )


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, bool) or is_number(value)


def _is_axis(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -8 < value < 8


def _all(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """One value of a kind, or a list of a few."""
    return lambda value: (
        all(map(holds, value)) and len(value) < 8 if isinstance(value, list) else holds(value)
    )


def _is_extent(value: object) -> bool:
    return value == -1 or is_count(value)


def _are_lines(value: object) -> bool:
    parts = value if isinstance(value, list) else [value]
    sides = [n for part in parts for n in (part if isinstance(part, list) else [part])]
    return len(sides) <= 4 and all(n == 0 or is_count(n) for n in sides)


def _is_padding(value: object) -> bool:
    return isinstance(value, str) and value.lower() in ("valid", "same")


HOLDS: Mapping[Field, Callable[[Any], bool]] = {
    Field.FLAG: _is_flag,
    Field.NUMBER: is_number,
    Field.SIZE: is_count,
    Field.SIZES: _all(is_count),
    Field.AXES: _all(_is_axis),
    Field.SHAPE: _all(_is_extent),
    Field.LINES: _are_lines,
    Field.PADDING: _is_padding,
    Field.CHANNELS_LAST: lambda value: value == "channels_last",
    Field.SCALAR: _is_scalar,
}
