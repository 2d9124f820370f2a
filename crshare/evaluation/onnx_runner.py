"""A model built from a blueprint and run by onnxruntime, inside the sandbox.

The file and its text are not at hand. Images are run in batches of the size that the graph was
exported for, which is one where it takes any.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

from crshare.arrays import Array

IR_VERSION = 8  # what every onnxruntime that is asked for reads


def outputs(asked: Mapping[str, Any]) -> list[Array]:
    """The blueprint's outputs for float32 `images` [n, values], [n, values] each."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    content = _model(asked).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    images, batch = asked["images"], asked["shape"][0]
    parts: list[list[Array]] = [[] for _ in names]
    for first in range(0, len(images), batch):
        given = np.resize(images[first : first + batch], (batch, images.shape[1]))
        found = session.run(names, {"images": given.reshape(asked["shape"])})
        for part, value in zip(parts, found, strict=True):
            part.append(np.asarray(value, np.float32).reshape(batch, -1))
    return [np.concatenate(part)[: len(images)] for part in parts]


def _model(asked: Mapping[str, Any]) -> ModelProto:
    nodes = [
        helper.make_node(op, inputs, gives, **{k: _value(v) for k, v in attributes.items()})
        for op, inputs, gives, attributes in asked["nodes"]
    ]
    held = [numpy_helper.from_array(np.array(a), name) for name, a in asked["constants"].items()]
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, asked["shape"])
    ends = []
    for number, name in enumerate(asked["outputs"]):  # one tensor may be wanted twice
        nodes.append(helper.make_node("Identity", [name], [f"out{number}"]))
        ends.append(helper.make_tensor_value_info(f"out{number}", TensorProto.FLOAT, None))
    graph = helper.make_graph(nodes, "verify", [given], ends, held)
    opset = helper.make_opsetid("", asked["opset"])
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def _value(value: Any) -> Any:
    return numpy_helper.from_array(np.array(value)) if isinstance(value, np.ndarray) else value
