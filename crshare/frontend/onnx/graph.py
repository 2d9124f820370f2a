"""The graph of an .onnx file as checked values: nodes in order, and the constants they read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crshare.arrays import Array
from crshare.errors import DAMAGED, ModelFormatError
from crshare.frontend.config import short

EXPORT = "export the model again"
MAX_NODES = 2**14
OLDEST = 7  # opset: before it, operators took broadcasting as an attribute
NUMBERS = "biuf"


@dataclass(frozen=True, slots=True, eq=False)
class OnnxNode:
    """One node. name: unique in its graph. place: its number in the file."""

    name: str
    domain: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    place: int

    def refuse(self, what: str) -> ModelFormatError:
        """The error that says `what` of this node."""
        return ModelFormatError(f"node {self.name} ({self.op}) {what}")

    def _wrong(self, key: str, wanted: str) -> ModelFormatError:
        value = short(self.attributes.get(key))
        return self.refuse(f"has {key} {value}, where {wanted} should stand; {DAMAGED}")

    def integer(self, key: str, default: int) -> int:
        value = self.attributes.get(key, default)
        if not isinstance(value, int) or not -(2**31) < value < 2**31:
            raise self._wrong(key, "a whole number")
        return value

    def integers(self, key: str, default: list[int] | None = None) -> list[int] | None:
        value = self.attributes.get(key, default)
        if value is None:
            return None
        if not isinstance(value, list) or not all(
            isinstance(each, int) and -(2**31) < each < 2**31 for each in value
        ):
            raise self._wrong(key, "whole numbers")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.attributes.get(key, default)
        if not isinstance(value, int | float) or not -1e300 < value < 1e300:
            raise self._wrong(key, "a number")
        return float(value)

    def text(self, key: str, default: str) -> str:
        value = self.attributes.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value


@dataclass(frozen=True, slots=True, eq=False)
class OnnxGraph:
    """A graph of one input. outputs: what it gives out, by name. constants: by name, as stored."""

    producer: str
    opset: int
    input: str
    input_shape: tuple[int | str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, Array]

    @property
    def batch(self) -> int:
        """How many images it takes at once; 1 where any number will do."""
        first = self.input_shape[0] if self.input_shape else 1
        return first if isinstance(first, int) and first > 1 else 1


def is_description(answer: Any) -> bool:
    """Whether an answer of the sandbox has the form that protobuf.described gives."""
    match answer:
        case {
            "producer": str(),
            "opsets": list(opsets),
            "inputs": list(inputs),
            "outputs": list(outputs),
            "nodes": list(nodes),
            "constants": dict(constants),
        }:
            return (
                all(map(_is_opset, opsets))
                and all(map(_is_input, inputs))
                and all(isinstance(name, str) for name in (*outputs, *constants))
                and all(map(_is_node, nodes))
                and all(map(_is_array, constants.values()))
            )
        case _:
            return False


def _is_opset(given: Any) -> bool:
    match given:
        case [str(), int()]:
            return True
        case _:
            return False


def _is_input(given: Any) -> bool:
    match given:
        case [str(), str(), list(extents)]:
            return all(isinstance(extent, int | str) for extent in extents)
        case _:
            return False


def _is_node(given: Any) -> bool:
    match given:
        case [str(), str(), str(), list(inputs), list(outputs), dict(attributes)]:
            texts = (*inputs, *outputs, *attributes)
            values = attributes.values()
            return all(isinstance(t, str) for t in texts) and all(map(_is_attribute, values))
        case _:
            return False


def _is_attribute(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, int | float | str) for each in value)
    return isinstance(value, int | float | str) or _is_array(value)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in NUMBERS


def graph_of(described: Mapping[str, Any]) -> OnnxGraph:
    """The graph of a description; ModelFormatError where it is none that crshare reads."""
    nodes = described["nodes"]
    if len(nodes) > MAX_NODES:
        raise ModelFormatError(
            f"holds {len(nodes)} nodes, where {MAX_NODES} are read; export a smaller model"
        )
    name, kind, shape = _single_input(described["inputs"])
    if kind not in ("f4", "f8", "f2"):
        raise ModelFormatError(
            f"its input {short(name)} holds no real numbers; export the model with an input of "
            "float32"
        )
    names = _names(nodes)
    made = tuple(
        OnnxNode(names[i], domain, op, tuple(reads), tuple(gives), attributes, i)
        for i, (_, domain, op, reads, gives, attributes) in enumerate(nodes)
    )
    _refuse_twins(name, described["constants"], made)
    if not described["outputs"]:
        raise ModelFormatError(f"its graph gives out nothing; {EXPORT}")
    return OnnxGraph(
        described["producer"],
        _opset(described["opsets"]),
        name,
        tuple(shape),
        tuple(described["outputs"]),
        made,
        described["constants"],
    )


def _single_input(inputs: list[Any]) -> Any:
    if len(inputs) != 1:
        found = ", ".join(str(each[0]) for each in inputs[:4]) or "none"
        raise ModelFormatError(
            f"its graph has {len(inputs)} inputs ({found}), where crshare reads models of one; "
            f"{EXPORT} with one input of images"
        )
    return inputs[0]


def _opset(opsets: list[Any]) -> int:
    versions = [version for domain, version in opsets if domain in ("", "ai.onnx")]
    if not versions or versions[0] < OLDEST:
        found = f"opset {versions[0]}" if versions else "no opset"
        raise ModelFormatError(
            f"is written for {found} of ONNX, where {OLDEST} or later is read; {EXPORT}"
        )
    return int(versions[0])


def _names(nodes: list[Any]) -> list[str]:
    """A name for each node: its own where it has one that no other has, else what it gives."""
    times = Counter(name for name, *_ in nodes)
    found: list[str] = []
    taken = Counter[str]()
    for name, _, op, _, gives, _ in nodes:
        base = name if name and times[name] == 1 else (gives[0] if gives and gives[0] else op)
        taken[base] += 1
        found.append(base if taken[base] == 1 else f"{base}.{taken[base]}")
    return found


def _refuse_twins(given: str, constants: Mapping[str, Array], nodes: tuple[OnnxNode, ...]) -> None:
    """Each tensor has one origin."""
    known = {given, *constants}
    for node in nodes:
        for name in filter(None, node.outputs):
            if name in known:
                raise node.refuse(f"gives {short(name)}, which the graph has already; {DAMAGED}")
            known.add(name)
