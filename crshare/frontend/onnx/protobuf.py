"""The bytes of .onnx files as plain values, and the bytes of changed ones: the sandbox's side.

The only module that knows the package onnx. What it raises on a damaged file is told by the
sandbox; the sentences of this module name no file.
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, numpy_helper

from crshare.arrays import Array
from crshare.errors import ModelFormatError

READ = {
    TensorProto.FLOAT: "f4",
    TensorProto.DOUBLE: "f8",
    TensorProto.FLOAT16: "f2",
    TensorProto.BOOL: "b1",
    **{getattr(TensorProto, f"INT{bits}"): f"i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{getattr(TensorProto, f"UINT{bits}"): f"u{bits // 8}" for bits in (8, 16, 32, 64)},
}
STORED = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}  # what a change may be
Beside = Mapping[str, bytes]


def locations(payload: Any) -> list[str]:
    """The files in which a model's external initializers lie, in order of first use."""
    graph = _parsed(payload["content"]).graph
    found = (_external(tensor).get("location", "") for tensor in _tensors(graph) if _apart(tensor))
    return list(dict.fromkeys(found))


def described(payload: Any) -> dict[str, Any]:
    """A model as plain values. beside: the bytes of the files that `locations` names."""
    model, beside = _parsed(payload["content"]), payload["beside"]
    graph = model.graph
    if len(graph.sparse_initializer):
        raise ModelFormatError(
            "holds sparse initializers, which are not read; save it with dense ones"
        )
    constants = {tensor.name: _array(tensor, beside) for tensor in graph.initializer}
    return {
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opsets": [[each.domain, each.version] for each in model.opset_import],
        "inputs": [_typed(each) for each in graph.input if each.name not in constants],
        "outputs": [each.name for each in graph.output],
        "nodes": [_node(node, beside) for node in graph.node],
        "constants": constants,
    }


def changed(payload: Any) -> bytes:
    """A model with other values in the tensors that `changes` names, all of it in one file.

    changes: pairs of what a change is for and the values. Where only some inputs of a tensor's
    readers shall change ([node, input] pairs), these get a copy of their own.
    """
    model, beside = _parsed(payload["content"]), payload["beside"]
    for tensor in _tensors(model.graph):
        if _apart(tensor):
            _store(tensor, _array(tensor, beside))
    for number, change in enumerate(payload["changes"]):
        _change(model.graph, change, number)
    return bytes(model.SerializeToString())


def _parsed(content: bytes) -> ModelProto:
    model = ModelProto()
    model.ParseFromString(content)
    if not model.HasField("graph"):
        raise ModelFormatError("holds no graph; export the model again")
    return model


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """The initializers, and the values of Constant nodes."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR:
                yield attribute.t


def _typed(value: Any) -> list[Any]:
    """Name, element type and shape of an input; an open extent is its text."""
    tensor = value.type.tensor_type
    extents = [d.dim_value if d.HasField("dim_value") else d.dim_param for d in tensor.shape.dim]
    return [value.name, READ.get(tensor.elem_type, "?"), extents]


def _node(node: Any, beside: Beside) -> list[Any]:
    attributes = {each.name: _attribute(node, each, beside) for each in node.attribute}
    return [node.name, node.domain, node.op_type, [*node.input], [*node.output], attributes]


def _attribute(node: Any, attribute: AttributeProto, beside: Beside) -> Any:
    match attribute.type:
        case AttributeProto.FLOAT:
            return attribute.f
        case AttributeProto.INT:
            return attribute.i
        case AttributeProto.STRING:
            return attribute.s.decode(errors="replace")
        case AttributeProto.TENSOR:
            return _array(attribute.t, beside)
        case AttributeProto.FLOATS:
            return list(attribute.floats)
        case AttributeProto.INTS:
            return list(attribute.ints)
        case AttributeProto.STRINGS:
            return [text.decode(errors="replace") for text in attribute.strings]
        case _:
            what = "a graph of its own" if attribute.HasField("g") else "no plain value"
            raise ModelFormatError(
                f"node {node.name or node.op_type} ({node.op_type}) holds {what} in "
                f"{attribute.name}, which is not read; export the model without it"
            )


def _array(tensor: TensorProto, beside: Beside) -> Array:
    """The values of a tensor, whose extents must agree with what is stored."""
    name, shape = tensor.name or "a constant", tuple(tensor.dims)
    if tensor.data_type not in READ:
        kind = TensorProto.DataType.Name(tensor.data_type) if tensor.data_type else "no type"
        raise ModelFormatError(f"{name} is of {kind}, which is not read; export it in float32")
    if min(shape, default=0) < 0:
        raise ModelFormatError(f"{name} has the extents {list(shape)}; export the model again")
    if not _apart(tensor):
        values: Array = np.ascontiguousarray(numpy_helper.to_array(tensor))
        return values
    kind, place = np.dtype("<" + READ[tensor.data_type]), _external(tensor)
    if place.get("location", "") not in beside:
        raise ModelFormatError(f"does not tell where {name} lies; export the model as one file")
    content = beside[place["location"]]
    first = int(place.get("offset", 0))
    size = prod(shape) * kind.itemsize
    if first < 0 or not first <= first + size <= len(content):
        raise ModelFormatError(
            f"{name} lies beyond the end of {place.get('location', '')}; put the whole file beside "
            "the model"
        )
    return np.frombuffer(content, kind, prod(shape), first).reshape(shape)


def _apart(tensor: TensorProto) -> bool:
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def _external(tensor: TensorProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _change(graph: GraphProto, change: Mapping[str, Any], number: int) -> None:
    """One tensor with other values where `places` of it, a flat index for each value, say so."""
    tensor = next(each for each in _named(graph) if each[0] == change["tensor"])[1]
    if tensor.data_type not in STORED:
        raise ModelFormatError(f"{change['tensor']} holds no real numbers; export it in float32")
    values = np.array(numpy_helper.to_array(tensor)).reshape(-1)
    values[change["places"]] = change["values"].astype(values.dtype)
    values = values.reshape(tuple(tensor.dims))
    if change["own"] is None:
        _store(tensor, values)
        return
    node, slot = change["own"]
    copy = graph.initializer.add()
    copy.CopyFrom(tensor)
    copy.name = f"{change['tensor']}.crshare.{number}"
    _store(copy, values)
    graph.node[node].input[slot] = copy.name


def _named(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR and node.output:
                yield node.output[0], attribute.t


def _store(tensor: TensorProto, values: Array) -> None:
    made = numpy_helper.from_array(np.ascontiguousarray(values), tensor.name)
    tensor.CopyFrom(made)
