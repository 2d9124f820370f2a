"""What onnxruntime gets of an ONNX model: plain data, and nothing of the file itself.

Operators by an allow-list, attributes by name and kind, tensors by numbers instead of names. The
operators of QONNX, which onnxruntime does not have, are written out in those of ONNX.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crshare.arrays import Array
from crshare.frontend.onnx.constants import levels
from crshare.frontend.onnx.graph import OnnxNode
from crshare.frontend.onnx.paths import behind
from crshare.frontend.onnx.reader import QUANTIZED, OnnxModel

FIRST_WHERE = 9  # the opset from which on there is Where
ROUNDED = {
    "ROUND": "Round", "HALF_EVEN": "Round", "CEIL": "Ceil", "FLOOR": "Floor",
}  # fmt: skip
TEXTS = {  # attributes that are texts, and what may stand there
    "auto_pad": ("NOTSET", "VALID", "SAME_UPPER"),
    "mode": ("constant",),
}
LEFT_OUT = ("momentum", "consumed_inputs")  # of training, or of old opsets


@dataclass(slots=True)
class Blueprint:
    """Nodes as [operator, inputs, outputs, attributes], and constants by the name they have there.

    names: by the file's tensor its name here.
    """

    names: dict[str, str]
    nodes: list[list[Any]] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    number: int = 0

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The name of what a new node gives."""
        output = self.fresh()
        self.nodes.append([op, list(inputs), [output], attributes])
        return output

    def held(self, values: Any) -> str:
        name = self.fresh()
        self.constants[name] = np.asarray(values)
        return name

    def fresh(self) -> str:
        self.number += 1
        return f"t{self.number}"


def blueprint_of(
    model: OnnxModel, wanted: Sequence[str], declared: Sequence[str]
) -> dict[str, Any]:
    """The nodes that lead to the scores, and the names of the tensors `wanted` and of the scores.

    declared: names of nodes and operators that are signs, as the user says.
    """
    made = Blueprint({model.graph.input: "images"})
    for node in model.needed:
        inputs = [_named(made, model, name) for name in node.inputs]
        made.names[node.outputs[0]] = _written(made, node, inputs, model, declared)
    outputs = [_named(made, model, name) for name in (*wanted, model.scores)]
    return {
        "opset": model.graph.opset,
        "nodes": made.nodes,
        "constants": made.constants,
        "outputs": outputs,
        "shape": [model.graph.batch, *model.images.shape[1:]],
    }


def _named(made: Blueprint, model: OnnxModel, given: str) -> str:
    """The name here of a tensor; a constant of the file is taken over when it is first read."""
    name = behind(model.aliases, given)
    if name and name not in made.names:
        made.names[name] = made.held(model.graph.constants[name])
    return made.names.get(name, "")


def _written(
    made: Blueprint, node: OnnxNode, inputs: list[str], model: OnnxModel, declared: Sequence[str]
) -> str:
    """A node in ONNX's own operators; the name of what it gives."""
    if node.name in declared or node.op in declared:
        return _sign(made, inputs[0])
    if node.op in WRITTEN and node.domain in QUANTIZED:
        if model.graph.opset < FIRST_WHERE:
            raise node.refuse("needs operators of opset 9 of ONNX; export the model for that")
        return WRITTEN[node.op](made, node, inputs, model)
    if isinstance(node.attributes.get("value"), np.ndarray) and node.op == "Constant":
        return made.held(node.attributes["value"])
    return made.add(node.op, *inputs, **dict(_attributes(node)))


def _attributes(node: OnnxNode) -> Iterator[tuple[str, Any]]:
    for name, value in node.attributes.items():
        if name in LEFT_OUT:
            continue
        if isinstance(value, str) and value not in TEXTS.get(name, ()):
            raise node.refuse(f"has a text in {name[:40]!r} that no library gets; leave it out")
        yield name, value


def _sign(made: Blueprint, x: str) -> str:
    """+1 for >= 0, else -1."""
    below = made.add("Less", x, made.held(np.float32(0)))
    return made.add("Where", below, made.held(np.float32(-1)), made.held(np.float32(1)))


def _bipolar(made: Blueprint, node: OnnxNode, inputs: list[str], model: OnnxModel) -> str:
    return made.add("Mul", _sign(made, inputs[0]), inputs[1])


def _quant(made: Blueprint, node: OnnxNode, inputs: list[str], model: OnnxModel) -> str:
    x, scale, zero, width = inputs
    mode = node.text("rounding_mode", "ROUND").upper()
    if width not in made.constants or mode not in ROUNDED:
        raise node.refuse(
            "has a width that is computed, or rounds in a way that is not run; export it again"
        )
    low, high = levels(node, made.constants[width])
    shifted = made.add("Add", made.add("Div", x, scale), zero)
    whole = made.add(ROUNDED[mode], shifted)
    limited = made.add("Max", whole, made.held(np.float32(low)))
    limited = made.add("Min", limited, made.held(np.float32(high)))
    return made.add("Mul", made.add("Sub", limited, zero), scale)


def _thresholds(made: Blueprint, node: OnnxNode, inputs: list[str], model: OnnxModel) -> str:
    """The sum of all comparisons, each of one column of the thresholds."""
    x, table = inputs
    if table not in made.constants:
        raise node.refuse("has thresholds that are computed, which is not run; export it again")
    n_axes = model.axes[behind(model.aliases, node.inputs[0])]
    after = 0 if node.text("data_layout", "NCHW") in ("NHWC", "NC") else n_axes - 2
    count = ""
    for column in made.constants[table].astype(np.float32).T:
        shaped = made.held(column.reshape(-1, *[1] * after))
        below = made.add("Less", x, shaped)
        one = made.add("Where", below, made.held(np.float32(0)), made.held(np.float32(1)))
        count = made.add("Add", count, one) if count else one
    scale, offset = (np.float32(node.number(k, d)) for k, d in (("out_scale", 1), ("out_bias", 0)))
    return made.add("Add", made.add("Mul", count, made.held(scale)), made.held(offset))


WRITTEN: Mapping[str, Callable[[Blueprint, OnnxNode, list[str], OnnxModel], str]] = {
    "BipolarQuant": _bipolar,
    "IntQuant": _quant,
    "MultiThreshold": _thresholds,
    "Quant": _quant,
}
