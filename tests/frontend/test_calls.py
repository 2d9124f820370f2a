"""What a layer is called with, as Keras 2 and Keras 3 write it."""

from typing import Any

import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.calls import Call, Operand, call_of, ends_of
from crshare.frontend.config import KerasLayer
from crshare.frontend.dialect import Context
from crshare.frontend.dialects.arithmetic import operation
from crshare.frontend.operations import Operation, operation_of
from crshare.frontend.registry import ACTIVATIONS
from crshare.frontend.topology import graph_of
from crshare.thresholds.layer_ops import Affine, How, Joined, Reshaped

A, B = Operand("a"), Operand("b")


def tensor(name: str, place: int = 0) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, place]}}


ARRAY = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0], "dtype": "float32"}}


@pytest.mark.parametrize(
    ("node", "call"),
    [
        ([["a", 0, 0, {}]], Call((A,))),
        ([["a", 0, 0], ["b", 1, 0]], Call((A, B))),
        (["a", 0, 0, {"y": ["b", 0, 0], "name": None}], Call((A,), {"y": B, "name": None})),
        (["a", 0, 0, {"y": [1.0, 2.0]}], Call((A,), {"y": [1.0, 2.0]})),
        (["_CONSTANT_VALUE", -1, 2.0, {"y": ["a", 0, 0]}], Call((2.0,), {"y": A})),
        ([["a", 0, 0, {"axis": -1}], ["b", 0, 0, {"axis": -1}]], Call((A, B), {"axis": -1})),
        ({"args": [tensor("a")], "kwargs": {"mask": None}}, Call((A,), {"mask": None})),
        ({"args": [[tensor("a"), tensor("b")]], "kwargs": {}}, Call((A, B))),
        ({"args": [2.0, tensor("a", 1)], "kwargs": {}}, Call((2.0, Operand("a", 1)))),
        ({"args": [tensor("a"), ARRAY], "kwargs": {}}, Call((A, [1.0, 2.0]))),
        ({"args": 3, "kwargs": []}, Call()),
        ("a", Call()),
    ],
)
def test_a_call_is_read_as_either_keras_writes_it(node: object, call: Call) -> None:
    assert call_of(node) == call


def test_the_ends_of_a_model_are_read_as_either_keras_writes_them() -> None:
    assert ends_of([["a", 0, 0], ["b", 0, 1]]) == [A, Operand("b", 1)]
    assert ends_of(["a", 0, 0]) == [A] and ends_of({"x": ["a", 0, 0]}) == [A]
    assert ends_of(None) == [] and ends_of([]) == []


def layer(kind: str, call: Call, **config: Any) -> KerasLayer:
    return KerasLayer(kind, "op", config, {}, call)


NODE = {"op": "AddV2", "input": ["x", "y"]}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (layer("TFOpLambda", Call((A,), {"y": B}), function="math.add"), ("add", (A, B))),
        (
            layer("TFOpLambda", Call((2.0,), {"y": A}), function="math.subtract"),
            ("subtract", (2.0, A)),
        ),
        (layer("TensorFlowOpLayer", Call((A, B)), node_def=NODE, constants={}), ("add", (A, B))),
        (
            layer("TensorFlowOpLayer", Call((A,)), node_def=NODE, constants={"0": 1.5}),
            ("add", (1.5, A)),
        ),
        (layer("TrueDivide", Call((A, 2))), ("divide", (A, 2))),
    ],
)
def test_an_operation_is_known_by_whoever_wrote_it(
    given: KerasLayer, found: tuple[str, tuple[object, ...]]
) -> None:
    assert operation_of(given) == Operation(*found)


def test_keras_layers_are_no_operations() -> None:
    for kind in ("Add", "Multiply", "Reshape", "Dense"):
        assert operation_of(layer(kind, Call((A, B)))) is None
    assert operation_of(layer("Add", Call((A, 0.5)))) == Operation("add", (A, 0.5))


CONTEXT = Context(4, {}, ACTIVATIONS)


@pytest.mark.parametrize(
    ("function", "call", "scale", "offset"),
    [
        ("math.add", Call((A,), {"y": 0.5}), [1], [0.5]),
        ("math.subtract", Call((A,), {"y": [1, 2]}), [1], [-1, -2]),
        ("math.subtract", Call((1,), {"y": A}), [-1], [1]),
        ("math.multiply", Call((A,), {"y": [[[0.5, -2]]]}), [0.5, -2], [0]),
        ("math.truediv", Call((A,), {"y": 4}), [0.25], [0]),
        ("math.negative", Call((A,)), [-1], [0]),
    ],
)
def test_arithmetic_with_constants_is_an_exact_map(
    function: str, call: Call, scale: list[float], offset: list[float]
) -> None:
    (found,) = operation(layer("TFOpLambda", call, function=function), CONTEXT)
    assert isinstance(found, Affine)
    assert [list(found.scale), list(found.offset)] == [scale, offset]


def test_operations_of_layers_join_or_reshape_them() -> None:
    both = Call((A,), {"y": B})
    joins = {"math.add": How.ADD, "math.multiply": How.MULTIPLY, "math.subtract": How.SUBTRACT}
    for function, how in joins.items():
        found = operation(layer("TFOpLambda", both, function=function), CONTEXT)
        assert found == (Joined("op", how),)
    call = Call((A,), {"shape": [-1, 4, 2]})
    assert operation(layer("TFOpLambda", call, function="reshape"), CONTEXT) == (
        Reshaped("op", (4, 2)),
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            layer("TFOpLambda", Call((A,), {"x": B, "y": A}), function="math.subtract"),
            "layer op subtracts 3 layers; crshare reads two",
        ),
        (
            layer("TFOpLambda", Call((1,), {"y": A}), function="math.truediv"),
            "layer op divides by a layer or by 0, which is not read",
        ),
        (
            layer("TFOpLambda", Call((A,), {"y": [[1, 2], [3, 4]]}), function="math.add"),
            "layer op has a constant for each position, which is not read",
        ),
        (
            layer("TFOpLambda", Call((A,), {"y": "x"}), function="math.add"),
            "layer op has the constant 'x', which is no number",
        ),
        (
            layer("TFOpLambda", Call((A,), {"shape": "x"}), function="reshape"),
            "layer op reshapes to 'x', where [images, ...] should stand; the file is damaged, or "
            "of a kind that crshare does not know",
        ),
    ],
)
def test_an_operation_that_is_not_read_is_refused(given: KerasLayer, sentence: str) -> None:
    with pytest.raises(ModelFormatError) as error:
        operation(given, CONTEXT)
    assert str(error.value) == sentence


def test_an_operation_that_nobody_knows_is_refused_with_those_that_are_read() -> None:
    with pytest.raises(
        ModelFormatError, match=r"^layer op is the operation 'math.sin', which is not"
    ):
        operation(layer("TFOpLambda", Call((A,)), function="math.sin"), CONTEXT)


def test_a_layer_called_as_in_training_is_refused() -> None:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4]}},
        {
            "class_name": "BatchNormalization",
            "config": {"name": "b"},
            "inbound_nodes": [[["in", 0, 0, {"training": True}]]],
        },
    ]
    config = {
        "class_name": "Functional",
        "config": {"layers": layers, "output_layers": [["b", 0, 0]]},
    }
    with pytest.raises(ModelFormatError) as error:
        graph_of(config, {})
    assert str(error.value) == (
        "layer b is called with training=True, so that it computes as in training; build it without"
    )
