"""What a layer of a configuration is called with: outputs of other layers, and constants.

Keras 2 writes [name, node, tensor, {keywords}] for each tensor, and ["_CONSTANT_VALUE", -1, value,
...] for a constant; Keras 3 writes the arguments as they stand, with its own objects for tensors.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

CONSTANT = "_CONSTANT_VALUE"
BOXES = ("__tensor__", "__numpy__")  # in which Keras 3 puts arrays of numbers


@dataclass(frozen=True, slots=True)
class Operand:
    """The output of another layer. place: which of its outputs."""

    name: str
    place: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """Operands and constants in order, and those that are given by name."""

    given: tuple[object, ...] = ()
    named: Mapping[str, object] = field(default_factory=dict)

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All outputs of other layers, those by name last and in the order of their names."""
        return tuple(_operands([self.given, *(self.named[key] for key in sorted(self.named))]))

    def changed(self, change: Callable[[Operand], Operand]) -> "Call":
        """The call with other operands; what is none stays as it is."""

        def of(value: object) -> object:
            match value:
                case Operand():
                    return change(value)
                case list():
                    return [of(part) for part in value]
                case _:
                    return value

        given = tuple(of(value) for value in self.given)
        return Call(given, {key: of(value) for key, value in self.named.items()})


def call_of(node: object) -> Call:
    """The call that one of a layer's inbound_nodes stands for."""
    if isinstance(node, dict):
        named = node.get("kwargs")
        fields = named if isinstance(named, dict) else {}
        args = _flat(_keras_3(node.get("args", [])))
        return Call(tuple(args), {str(key): _keras_3(value) for key, value in fields.items()})
    tensors = [node] if _is_tensor(node) else node
    given: list[object] = []
    keywords: dict[str, object] = {}
    for tensor in tensors if isinstance(tensors, list) else []:
        if _is_tensor(tensor):
            given.append(_keras_2(tensor))
            keywords |= tensor[3] if len(tensor) > 3 and isinstance(tensor[3], dict) else {}
        elif isinstance(tensor, list):
            given += call_of(tensor).given
    return Call(tuple(given), {str(key): _by_name(value) for key, value in keywords.items()})


def ends_of(value: Any) -> list[Operand]:
    """The outputs that input_layers or output_layers name."""
    if _is_tensor(value):
        return [Operand(value[0], value[2])]
    parts = value.values() if isinstance(value, dict) else value
    return (
        [end for part in parts for end in ends_of(part)] if isinstance(value, list | dict) else []
    )


def _is_tensor(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


def _keras_2(tensor: list[Any]) -> object:
    if tensor[0] == CONSTANT:
        return tensor[2]
    return Operand(tensor[0], tensor[2] if isinstance(tensor[2], int) else 0)


def _by_name(value: object) -> object:
    """A keyword of Keras 2, in which a tensor stands as [name, node, tensor]."""
    if _is_tensor(value) and isinstance(value, list):
        return _keras_2(value)
    return [_by_name(part) for part in value] if isinstance(value, list) else value


def _keras_3(value: object) -> object:
    match value:
        case {"class_name": "__keras_tensor__", "config": {"keras_history": [str(name), _, place]}}:
            return Operand(name, place if isinstance(place, int) else 0)
        case {"class_name": str(kind), "config": {"value": inner}} if kind in BOXES:
            return inner
        case list():
            return [_keras_3(part) for part in value]
        case _:
            return value


def _flat(value: object) -> Iterator[object]:
    """The arguments one after the other; a list of tensors is as good as the tensors."""
    for part in value if isinstance(value, list) else []:
        if isinstance(part, list) and any(True for _ in _operands([part])):
            yield from _flat(part)
        else:
            yield part


def _operands(values: object) -> Iterator[Operand]:
    match values:
        case Operand():
            yield values
        case list() | tuple():
            for part in values:
                yield from _operands(part)
        case dict():
            for key in sorted(values):
                yield from _operands(values[key])
