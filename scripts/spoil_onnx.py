"""Mutations of .onnx files for fuzz_reader.py: of the graph, its attributes and its tensors."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

BINARY = (
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Where",
    "Equal",
    "Less",
    "GreaterOrEqual",
    "Concat",
    "Expand",
)
LINEAR = ("Conv", "Gemm", "MatMul", "BatchNormalization", "BipolarQuant", "Quant", "MultiThreshold")
POOLS = ("MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Pad", "TopK", "ArgMax")
MOVES = ("Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Gather", "Slice", "Shape")
ALONE = ("Sign", "Not", "Clip", "Relu", "PRelu", "Tanh", "Softmax", "Cast", "Identity", "Dropout")
OTHERS = ("Constant", "ConstantOfShape", "If", "Loop", "Magic")
OPERATORS = (*BINARY, *LINEAR, *POOLS, *MOVES, *ALONE, *OTHERS)
NUMBERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 2**16, 2**31, 2**40, 2**63 - 1)
FLOATS = (0.0, -1.0, 1e-300, 1e38, float("nan"), float("inf"), 0.5)
TEXTS = ("", "x", "NHWC", "SAME_UPPER", "SAME_LOWER", "FLOOR", "reflect", "../x", "y" * 5000)

Spoiled = Callable[[random.Random, ModelProto], None]


def spoil_graph(rng: random.Random, path: Path) -> None:
    """Some nodes, attributes or tensors set to odd ones, removed, doubled or exchanged."""
    model = ModelProto()
    model.ParseFromString(path.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        rng.choice(CHANGES)(rng, model)
    path.write_bytes(model.SerializeToString())


def spoil_attribute(rng: random.Random, model: ModelProto) -> None:
    nodes = [node for node in model.graph.node if len(node.attribute)]
    if not nodes:
        return
    node = rng.choice(nodes)
    place = rng.randrange(len(node.attribute))
    name = node.attribute[place].name
    del node.attribute[place]
    odd: tuple[Any, ...] = (
        rng.choice(NUMBERS),
        [rng.choice(NUMBERS) for _ in range(rng.randrange(6))],
        rng.choice(FLOATS),
        rng.choice(TEXTS),
        numpy_helper.from_array(odd_array(rng)),
    )
    chosen = rng.choice((*odd, None))
    if chosen is not None and chosen != []:
        node.attribute.append(helper.make_attribute(name, chosen))


def spoil_number(rng: random.Random, model: ModelProto) -> None:
    """One of an attribute's whole numbers."""
    lists = [a for node in model.graph.node for a in node.attribute if len(a.ints)]
    if lists:
        attribute = rng.choice(lists)
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(NUMBERS)


def spoil_operator(rng: random.Random, model: ModelProto) -> None:
    node = rng.choice(model.graph.node)
    node.op_type = rng.choice(OPERATORS)
    if rng.random() < 0.3:
        node.domain = rng.choice(("", "qonnx.custom_op.general", "com.example"))


def spoil_wires(rng: random.Random, model: ModelProto) -> None:
    """An input or an output of a node named otherwise, added or taken away."""
    names = [name for node in model.graph.node for name in (*node.input, *node.output)]
    names += [tensor.name for tensor in model.graph.initializer]
    node = rng.choice(model.graph.node)
    wires = node.input if rng.random() < 0.7 else node.output
    way = rng.randrange(3)
    if way == 0 and len(wires):
        wires[rng.randrange(len(wires))] = rng.choice((*names, "", "nowhere"))
    elif way == 1:
        wires.append(rng.choice(names))
    elif len(wires):
        del wires[rng.randrange(len(wires))]


def spoil_nodes(rng: random.Random, model: ModelProto) -> None:
    nodes = list(model.graph.node)
    way = rng.randrange(4)
    if way == 0:
        del nodes[rng.randrange(len(nodes))]
    elif way == 1:
        nodes.insert(rng.randrange(len(nodes)), rng.choice(nodes))
    elif way == 2:
        rng.shuffle(nodes)
    else:
        last = nodes[-1].output[0] if len(nodes[-1].output) else "x"
        for number in range(rng.choice((10, 3000))):
            nodes.append(helper.make_node("Identity", [last], [f"more{number}"]))
            last = f"more{number}"
        if rng.random() < 0.5:
            model.graph.output[0].name = last
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def spoil_tensor(rng: random.Random, model: ModelProto) -> None:
    if not len(model.graph.initializer):
        return
    tensor = rng.choice(model.graph.initializer)
    way = rng.randrange(6)
    if way == 0 and len(tensor.dims):
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
    elif way == 1:
        tensor.data_type = rng.randrange(25)
    elif way == 2:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
    elif way == 3:
        tensor.CopyFrom(numpy_helper.from_array(odd_array(rng), tensor.name))
    elif way == 4:
        tensor.data_location = TensorProto.EXTERNAL
        for key in ("location", "offset", "length"):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(rng.choice((*TEXTS, *NUMBERS)))
    else:
        array = numpy_helper.to_array(tensor)
        filled = np.full(array.shape, rng.choice(FLOATS)).astype(array.dtype)
        tensor.CopyFrom(numpy_helper.from_array(filled, tensor.name))


def odd_array(rng: random.Random) -> Any:
    shape = rng.choice(((), (0,), (1,), (3,), (2, 3), (1, 2, 3, 4), (1,) * 12))
    kind = rng.choice(("f4", "f8", "f2", "i8", "i4", "b1"))
    return np.full(shape, rng.choice((0, 1, -1, 3))).astype(kind)


def spoil_input(rng: random.Random, model: ModelProto) -> None:
    shape = model.graph.input[0].type.tensor_type.shape
    way = rng.randrange(4)
    if way == 0 and len(shape.dim):
        shape.dim[rng.randrange(len(shape.dim))].dim_value = rng.choice(NUMBERS)
    elif way == 1 and len(shape.dim):
        del shape.dim[rng.randrange(len(shape.dim))]
    elif way == 2:
        model.graph.input[0].type.tensor_type.elem_type = rng.randrange(20)
    else:
        model.graph.output[0].name = rng.choice(("x", "nowhere", "t0", ""))


CHANGES: tuple[Spoiled, ...] = (
    *(spoil_attribute, spoil_attribute, spoil_number, spoil_number, spoil_operator),
    *(spoil_operator, spoil_wires, spoil_wires, spoil_nodes, spoil_tensor, spoil_tensor),
    spoil_input,
)
