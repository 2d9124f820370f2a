"""Operations that stand in a model as layers: x + y, x * 0.5, tf.reshape(x, ...) and the like.

tf_keras writes a TFOpLambda with the name of TensorFlow's function, TensorFlow before 2.4 a
TensorFlowOpLayer with a node of its graph, and Keras 3 a class for each operation. All come down to
an operation by name and what it is done to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

from crshare.errors import DAMAGED
from crshare.frontend.calls import Operand
from crshare.frontend.config import KerasLayer, is_count, is_number, parsed, short

BY_NAME = ("x", "y", "x1", "x2", "a", "b", "values", "tensors", "tensor", "xs", "value")
FUNCTIONS = {  # of TensorFlow
    "__operators__.add": "add",
    "__operators__.getitem": "slice",
    "compat.v1.pad": "pad",
    "pad": "pad",
    "split": "split",
    "math.add": "add",
    "add": "add",
    "math.subtract": "subtract",
    "subtract": "subtract",
    "math.multiply": "multiply",
    "multiply": "multiply",
    "math.truediv": "divide",
    "math.divide": "divide",
    "divide": "divide",
    "math.negative": "negative",
    "negative": "negative",
    "identity": "identity",
    "concat": "concat",
    "reshape": "reshape",
    "clip_by_value": "clip",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.elu": "elu",
    "nn.selu": "selu",
    "nn.softsign": "softsign",
    "nn.tanh": "tanh",
    "math.tanh": "tanh",
    "tanh": "tanh",
    "nn.sigmoid": "sigmoid",
    "math.sigmoid": "sigmoid",
    "sigmoid": "sigmoid",
    "nn.softmax": "softmax",
}
NODES = {  # of TensorFlow's graphs
    "Add": "add",
    "AddV2": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "RealDiv": "divide",
    "Neg": "negative",
    "Identity": "identity",
    "Reshape": "reshape",
    "ConcatV2": "concat",
    "Pad": "pad",
    "PadV2": "pad",
    "Split": "split",
    "SplitV": "split",
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "Selu": "selu",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
}
CLASSES = {  # of Keras 3
    "Add": "add",
    "Subtract": "subtract",
    "Multiply": "multiply",
    "TrueDivide": "divide",
    "Divide": "divide",
    "Negative": "negative",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Reshape": "reshape",
    "Clip": "clip",
    "GetItem": "slice",
    "Pad": "pad",
    "Split": "split",
}
ACTIVATIONS = frozenset(["relu", "relu6", "elu", "selu", "softsign", "tanh", "sigmoid", "softmax"])


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation by crshare's name of it; values: Operands and constants in order."""

    name: str
    values: tuple[object, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def constants(self) -> tuple[object, ...]:
        return tuple(value for value in self.values if not isinstance(value, Operand))


def operation_of(layer: KerasLayer) -> Operation | None:
    """The operation that a layer is; None where it is a layer of Keras, or another's."""
    match layer.class_name:
        case "TFOpLambda" | "SlicingOpLambda":
            return _function(layer)
        case "TensorFlowOpLayer":
            return _node(layer)
        case name if name in CLASSES:
            return _class(layer, CLASSES[name])
        case _:
            return None


def gives_parts(layer: KerasLayer) -> bool:
    """Whether a layer has an output for each part of its maps."""
    match layer.class_name:
        case "TFOpLambda":
            return layer.config.get("function") == "split"
        case "TensorFlowOpLayer":
            return _node_of(layer).get("op") in ("Split", "SplitV")
        case name:
            return name == "Split"


def _function(layer: KerasLayer) -> Operation:
    function = layer.text("function", "")
    if function not in FUNCTIONS:
        raise _unread(layer, function, sorted(FUNCTIONS))
    return _operation(layer, FUNCTIONS[function], _values(layer), layer.call.named)


def _node(layer: KerasLayer) -> Operation:
    node = _node_of(layer)
    name = node.get("op")
    if name not in NODES:
        raise _unread(layer, name, sorted(NODES))
    given = layer.config.get("constants") or {}
    if not isinstance(given, dict) or not all(str(key).isdecimal() for key in given):
        raise layer.refuse(f"has constants {short(given)}, without places; {DAMAGED}")
    values = list(layer.call.given)
    for key in sorted(given, key=int):
        values.insert(int(key), given[key])
    options = {}
    if NODES[name] == "reshape" and len(values) > 1:
        options = {"shape": values.pop(1)}
    if NODES[name] == "concat":
        options = {"axis": values.pop()}
    if NODES[name] == "pad" and len(values) > 1:
        options = {"paddings": values[1], "constant_values": values[2] if values[2:] else 0}
        values = values[:1]
    if name == "Split" and len(values) == 2:
        options, values = {"num_or_size_splits": _n_parts(node), "axis": values[0]}, values[1:]
    if name == "SplitV" and len(values) == 3:
        options, values = {"num_or_size_splits": values[1], "axis": values[2]}, values[:1]
    return _operation(layer, NODES[name], values, options)


def _n_parts(node: Mapping[str, Any]) -> object:
    """An integer stands as a text in JSON of a graph."""
    match node.get("attr"):
        case {"num_split": {"i": str(n)}} if n.isdecimal() and len(n) < 10:
            return int(n)
        case {"num_split": {"i": n}}:
            return n
        case _:
            return None


def _node_of(layer: KerasLayer) -> Mapping[str, Any]:
    node = layer.config.get("node_def")
    node = parsed(f"node of layer {layer.name}", node) if isinstance(node, str) else node
    return node if isinstance(node, dict) else {}


def _class(layer: KerasLayer, name: str) -> Operation | None:
    values = _values(layer)
    if name == "reshape":
        if "newshape" not in layer.config:
            return None
        return _operation(layer, name, values, {"shape": layer.config["newshape"]})
    is_layer = name in ("add", "multiply") and all(isinstance(v, Operand) for v in values)
    keys = {
        "clip_value_min": "x_min",
        "clip_value_max": "x_max",
        "paddings": "pad_width",
        "mode": "mode",
        "axis": "axis",
        "indices": "indices_or_sections",
    }
    options = {key: layer.config.get(other) for key, other in keys.items()}
    if name == "pad":
        options["constant_values"] = layer.call.named.get("constant_values")
    return None if is_layer else _operation(layer, name, values, options)


def _operation(
    layer: KerasLayer, name: str, values: list[object], options: Mapping[str, object]
) -> Operation:
    """The operation with those of its options that it has."""
    shape = options.get("shape")
    kept: dict[str, Any] = {}
    if name == "reshape":
        values, shape = values[:1], values[1] if len(values) > 1 else shape
        if not isinstance(shape, list) or len(shape) < 2 or not all(map(_is_extent, shape)):
            raise layer.refuse(
                f"reshapes to {short(shape)}, where [images, ...] should stand; {DAMAGED}"
            )
        kept = {"target": shape[1:]}
    if name == "clip":
        limits = [*values[1:], options.get("clip_value_min"), options.get("clip_value_max")]
        kept = {"limits": [limit for limit in limits if limit is not None]}
        values = values[:1]
        if len(kept["limits"]) != 2 or not all(map(is_number, kept["limits"])):
            raise layer.refuse("clips to something else than two numbers, which is not read")
    if name == "concat":
        kept = {"axis": options.get("axis", -1)}
    if name == "split":
        kept = {"axis": options.get("axis", 0), "parts": _parts(layer, options)}
        kept["output"] = layer.output
    if name == "pad":
        kept = {"lines": _lines(layer, options)}
    if name == "slice":
        given = [*values[1:], options.get("slice_spec")]
        kept, values = {"ranges": _ranges(layer, given[0])}, values[:1]
    return Operation(name, tuple(values), kept)


def _parts(layer: KerasLayer, options: Mapping[str, object]) -> int | list[list[int | None]]:
    """How many equal parts, or where each begins and ends, -1 and less counted from the end."""
    sizes, ends = options.get("num_or_size_splits"), options.get("indices")
    for number in (sizes, ends):
        if is_count(number) and isinstance(number, int):
            return number
    if isinstance(ends, list) and ends and all(map(is_count, ends)):
        return [[start, stop] for start, stop in pairwise([0, *ends, None])]
    if not (
        isinstance(sizes, list)
        and sizes
        and sizes.count(-1) < 2
        and all(size == -1 or is_count(size) for size in sizes)
    ):
        raise layer.refuse(f"splits into {short(sizes or ends)}, which is not read")
    open_at = sizes.index(-1) if -1 in sizes else len(sizes)
    starts = [*accumulate(sizes[:open_at], initial=0)]
    if open_at == len(sizes):
        return [[start, stop] for start, stop in pairwise(starts)]
    last = [-n for n in accumulate(sizes[:open_at:-1], initial=0)][::-1]
    return [[a, b] for a, b in pairwise([*starts, *(n or None for n in last)])]


def _lines(layer: KerasLayer, options: Mapping[str, object]) -> object:
    mode, value = options.get("mode") or "constant", options.get("constant_values") or 0
    if str(mode).lower() != "constant" or isinstance(value, bool) or value != 0:
        raise layer.refuse(f"pads by {short(mode)} {short(value)}; crshare reads what pads with 0")
    return options.get("paddings")


def _ranges(layer: KerasLayer, spec: object) -> list[list[int | None] | None]:
    """What is taken of each axis, from where and up to where; None for axes that are left out."""
    found = list[list[int | None] | None]()
    for part in spec if isinstance(spec, list) else [spec]:
        match part:
            case {"class_name": "__ellipsis__"}:
                found.append(None)
            case {"class_name": "__slice__", "config": {"start": a, "stop": b, "step": step}} | {
                "start": a,
                "stop": b,
                "step": step,
            }:
                if step not in (None, 1) or not (_is_place(a) and _is_place(b)):
                    raise layer.refuse("takes every so many of an axis, which is not read")
                found.append([a, b])
            case _:
                raise layer.refuse("takes a single one of an axis, which is not read")
    return found


def _is_place(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_extent(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= -1)


def _values(layer: KerasLayer) -> list[object]:
    found = list(layer.call.given)
    for key in BY_NAME:
        value = layer.call.named.get(key)
        if value is not None:
            inside = isinstance(value, list) and any(isinstance(part, Operand) for part in value)
            found += value if inside and isinstance(value, list) else [value]
    return found


def _unread(layer: KerasLayer, name: object, known: list[str]) -> Exception:
    return layer.refuse(
        f"is the operation {short(name)}, which is not read; crshare reads {', '.join(known)}"
    )
