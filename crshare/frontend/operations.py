"""Operations that stand in a model as layers: x + y, x * 0.5, tf.reshape(x, ...) and the like.

tf_keras writes a TFOpLambda with the name of TensorFlow's function, TensorFlow before 2.4 a
TensorFlowOpLayer with a node of its graph, and Keras 3 a class for each operation. All come down to
an operation by name and what it is done to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crshare.errors import DAMAGED
from crshare.frontend.calls import Operand
from crshare.frontend.config import KerasLayer, is_number, parsed, short

BY_NAME = ("x", "y", "x1", "x2", "a", "b", "values", "tensors", "tensor", "xs")
FUNCTIONS = {  # of TensorFlow
    "__operators__.add": "add",
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
        case "TFOpLambda":
            return _function(layer)
        case "TensorFlowOpLayer":
            return _node(layer)
        case name if name in CLASSES:
            return _class(layer, CLASSES[name])
        case _:
            return None


def _function(layer: KerasLayer) -> Operation:
    function = layer.text("function", "")
    if function not in FUNCTIONS:
        raise _unread(layer, function, sorted(FUNCTIONS))
    return _operation(layer, FUNCTIONS[function], _values(layer), layer.call.named)


def _node(layer: KerasLayer) -> Operation:
    node = layer.config.get("node_def")
    node = parsed(f"node of layer {layer.name}", node) if isinstance(node, str) else node
    name = node.get("op") if isinstance(node, dict) else None
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
    return _operation(layer, NODES[name], values, options)


def _class(layer: KerasLayer, name: str) -> Operation | None:
    values = _values(layer)
    if name == "reshape":
        if "newshape" not in layer.config:
            return None
        return _operation(layer, name, values, {"shape": layer.config["newshape"]})
    is_layer = name in ("add", "multiply") and all(isinstance(v, Operand) for v in values)
    limits = {"clip_value_min": "x_min", "clip_value_max": "x_max"}
    options = {key: layer.config.get(other) for key, other in limits.items()}
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
    return Operation(name, tuple(values), kept)


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
