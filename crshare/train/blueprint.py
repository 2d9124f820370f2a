"""What the library's own model of a network is made of: plain data, and nothing of the file itself.

Each layer becomes a class of its dialect with arguments out of the fields that the dialect names,
each of a checked kind. No name, code or other text of the file is handed on, and a class, function
or quantizer that no dialect has has no blueprint. What only training needs (initializers,
regularizers, constraints, seeds) is left out.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from crshare.frontend.calls import Operand
from crshare.frontend.config import KerasLayer, is_count, is_number, short
from crshare.frontend.dialect import Dialect, Field, Library, LibraryClass, NoLibrary
from crshare.frontend.layers import is_declared
from crshare.frontend.operations import operation_of
from crshare.frontend.quantizers import fields, snake_case, spelled
from crshare.frontend.registry import ACTIVATIONS, owner_of
from crshare.frontend.topology import Graph
from crshare.train.library import LibraryError

Made = Mapping[str, Any]  # {"class": "layers.Dense", "arguments": {...}}, or {"function": "relu"}

TRAINED_ONLY = ("_initializer", "_regularizer", "_constraint")
IGNORED = frozenset(
    ["name", "trainable", "dtype", "batch_input_shape", "batch_shape"]
    + ["noise_shape", "seed", "renorm_momentum"]
)
SIGN = {"class": "own.Sign", "arguments": {}}


def layers_of(graph: Graph, sign_layers: Set[str]) -> list[dict[str, Any]]:
    """Each layer: what makes it, the places of the layers that it reads (-1 is the images), and
    its weights; ModelFormatError where a layer has no blueprint."""
    place = {layer.name: position for position, layer in enumerate(graph.layers)}
    place[graph.entry] = -1
    return [
        {
            "made": made(layer, sign_layers),
            "reads": [place[name] for name in layer.reads],
            "weights": {name: array.astype("float32") for name, array in layer.weights.items()},
        }
        for layer in graph.layers
    ]


def made(layer: KerasLayer, sign_layers: Set[str]) -> Made:
    """The class and arguments that stand for a layer."""
    if is_declared(layer, sign_layers) and not layer.weights:
        return SIGN
    dialect = owner_of(layer)
    if dialect is not None and (found := operation_of(layer)):
        values = [None if isinstance(value, Operand) else value for value in found.values]
        given = {"name": found.name, "values": values, "options": dict(found.options)}
        return {"class": "own.Operation", "arguments": given}
    if dialect is None:
        raise _unrunnable(layer, "whose code is in no library")
    if isinstance(dialect.library, NoLibrary):
        raise _unrunnable(layer, dialect.library.why)
    return _Arguments(layer, dialect, sign_layers).of(dialect.library)


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
    sign_layers: Set[str]

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
        if name != "linear" and name in {snake_case(given) for given in self.sign_layers}:
            return SIGN
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
