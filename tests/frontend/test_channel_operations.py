"""Operations that take channels apart or add some: tf.split, x[..., a:b], tf.pad."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.calls import Call, Operand
from crshare.frontend.config import KerasLayer
from crshare.frontend.dialect import Context, LayerOps
from crshare.frontend.dialects.arithmetic import operation
from crshare.frontend.registry import ACTIVATIONS
from crshare.frontend.topology import graph_of
from crshare.thresholds.channels import moved_channels
from crshare.thresholds.layer_ops import Filled, Padded, Part, Taken

A = Operand("a")
REST = {"class_name": "__ellipsis__"}
ALL = {"start": None, "stop": None, "step": None}


def ends(start: int | None, stop: int | None, step: int | None = None) -> dict[str, object]:
    return {"start": start, "stop": stop, "step": step}


def function(name: str, output: int = 0, **named: Any) -> KerasLayer:
    kind = "SlicingOpLambda" if name == "__operators__.getitem" else "TFOpLambda"
    return KerasLayer(kind, "op", {"function": name}, {}, Call((A,), named), output)


def node(name: str, constants: dict[str, Any], output: int = 0, **more: Any) -> KerasLayer:
    config = {"node_def": {"op": name, **more}, "constants": constants}
    return KerasLayer("TensorFlowOpLayer", "op", config, {}, Call((A,)), output)


def keras3(name: str, output: int = 0, given: Sequence[object] = (), **config: Any) -> KerasLayer:
    return KerasLayer(name, "op", config, {}, Call((A, *given)), output)


def sizes(*parts: int) -> list[KerasLayer]:
    """A split into these parts, each of its outputs."""
    given = {"num_or_size_splits": list(parts), "axis": 3}
    return [function("split", place, **given) for place in range(len(parts))]


def found(layer: KerasLayer, rank: int = 4) -> LayerOps:
    return operation(layer, Context(rank, {}, ACTIVATIONS))


LINES = [[0, 0], [1, 0], [0, 2], [3, 0]]
FILLED = (Padded("op", (1, 0), (0, 2)), Filled("op", 3, 0))


@pytest.mark.parametrize(
    ("layer", "layer_ops"),
    [
        (function("split", 1, num_or_size_splits=4, axis=-1), (Part("op", 1, 4),)),
        (node("Split", {"0": 3}, 2, attr={"num_split": {"i": "4"}}), (Part("op", 2, 4),)),
        (node("SplitV", {"1": [2, 6], "2": -1}, 1), (Taken("op", 2, 8),)),
        (keras3("Split", 3, indices_or_sections=4, axis=3), (Part("op", 3, 4),)),
        (keras3("Split", 0, indices_or_sections=[2, 5], axis=-1), (Taken("op", 0, 2),)),
        (keras3("Split", 2, indices_or_sections=[2, 5], axis=-1), (Taken("op", 5, None),)),
        (function("pad", paddings=LINES), FILLED),
        (function("compat.v1.pad", paddings=LINES, mode="CONSTANT", constant_values=0), FILLED),
        (node("Pad", {"1": LINES}), FILLED),
        (node("PadV2", {"1": LINES, "2": 0.0}), FILLED),
        (keras3("Pad", pad_width=LINES, mode="constant"), FILLED),
        (function("pad", paddings=[[0, 0]] * 4), ()),
        (function("__operators__.getitem", slice_spec=[REST, ends(1, -2)]), (Taken("op", 1, -2),)),
        (
            function("__operators__.getitem", slice_spec=[ALL, ends(0, None), ALL, ends(4, 5)]),
            (Taken("op", 4, 5),),
        ),
        (function("__operators__.getitem", slice_spec=[ALL, REST]), (Taken("op", None, None),)),
        (
            keras3("GetItem", given=[[REST, {"class_name": "__slice__", "config": ends(None, 3)}]]),
            (Taken("op", None, 3),),
        ),
    ],
)
def test_channels_are_taken_and_added_whoever_wrote_it(
    layer: KerasLayer, layer_ops: LayerOps
) -> None:
    assert found(layer) == layer_ops


@pytest.mark.parametrize("parts", [[2, 3, 5], [-1, 3, 5], [2, -1, 5], [2, 3, -1], [10], [-1]])
def test_parts_of_given_sizes_cover_all_channels(parts: list[int]) -> None:
    x = np.arange(10.0)
    taken = list[np.ndarray[Any, Any]]()
    for layer in sizes(*parts):
        (one,) = found(layer)
        assert isinstance(one, Taken)
        taken.append(x @ moved_channels(one, 10).weights[0, 0])
    assert [len(part) for part in taken if -1 not in parts] == (parts if -1 not in parts else [])
    np.testing.assert_array_equal(np.concatenate(taken), x)


def test_equal_parts_and_zeros_are_where_they_should_be() -> None:
    x = np.arange(1.0, 7.0)

    def of(layer_op: Part | Taken | Filled) -> list[float]:
        listed: list[float] = (x @ moved_channels(layer_op, 6).weights[0, 0]).tolist()
        return listed

    assert [of(Part("op", place, 3)) for place in range(3)] == [[1, 2], [3, 4], [5, 6]]
    assert of(Filled("op", 2, 1)) == [0, 0, 1, 2, 3, 4, 5, 6, 0]
    assert of(Taken("op", -2, None)) == [5, 6]


@pytest.mark.parametrize(
    ("layer", "rank", "sentence"),
    [
        (function("split", num_or_size_splits=2, axis=1), 4, "splits axis 1; crshare reads the"),
        (function("split", num_or_size_splits="x", axis=3), 4, "splits into 'x', which is not"),
        (function("split", num_or_size_splits=[-1, -1], axis=3), 4, "splits into [-1, -1], which"),
        (function("split", 2, num_or_size_splits=2, axis=3), 4, "gives 2 parts, and part 3 is"),
        (node("Split", {"0": 3}, attr={"num_split": ["4"]}), 4, "splits into None, which is not"),
        (node("Split", {"0": 3}, attr=["num_split"]), 4, "splits into None, which is not read"),
        (
            function("pad", paddings=[[0, 0], [0, 0], ["1", 0], [0, 0]]),
            4,
            "pads by [[0, 0], [0, 0], ['1', 0], [0, 0]], where two numbers for each axis should",
        ),
        (
            function("__operators__.getitem", slice_spec=[REST, {"class_name": "x"}]),
            4,
            "takes a single one of an axis, which is not read",
        ),
        (function("pad", paddings=LINES), 2, "pads by [[0, 0], [1, 0], [0, 2], [3, 0]], where"),
        (function("pad", paddings=[[1, 0]] * 4), 4, "adds images, which is not read"),
        (function("pad", paddings=LINES, mode="REFLECT"), 4, "pads by 'REFLECT' 0; crshare reads"),
        (function("pad", paddings=LINES, constant_values=1), 4, "pads by 'constant' 1; crshare"),
        (
            function("__operators__.getitem", slice_spec=[REST, ends(0, 4, 2)]),
            4,
            "takes every so many of an axis, which is not read",
        ),
        (
            function("__operators__.getitem", slice_spec=[REST, 3]),
            4,
            "takes a single one of an axis, which is not read",
        ),
        (
            function("__operators__.getitem", slice_spec=[ALL, ends(1, None)]),
            4,
            "takes a part of its maps; crshare reads x[..., a:b], some channels",
        ),
        (function("__operators__.getitem", slice_spec=[ALL] * 5), 4, "takes a part of its maps"),
    ],
)
def test_what_is_not_read_is_refused(layer: KerasLayer, rank: int, sentence: str) -> None:
    with pytest.raises(ModelFormatError) as error:
        found(layer, rank)
    assert str(error.value).startswith(f"layer op {sentence}")


@pytest.mark.parametrize(
    ("layer_op", "sentence"),
    [
        (Part("op", 0, 4), "layer op splits 6 channels into 4 equal parts; "),
        (Taken("op", 6, None), "layer op takes none of 6 channels; "),
        (Filled("op", 2**40, 0), "layer op makes 1099511627782 channels; "),
    ],
)
def test_what_the_map_does_not_have_is_refused(
    layer_op: Part | Taken | Filled, sentence: str
) -> None:
    with pytest.raises(ModelFormatError) as error:
        moved_channels(layer_op, 6)
    assert str(error.value).startswith(sentence)


def model(place: int, function_name: str) -> dict[str, Any]:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4]}},
        {
            "class_name": "TFOpLambda",
            "config": {"name": "op", "function": function_name},
            "inbound_nodes": [["in", 0, 0, {"num_or_size_splits": 2, "axis": -1}]],
        },
        {
            "class_name": "Flatten",
            "config": {"name": "flat"},
            "inbound_nodes": [[["op", 0, place, {}]]],
        },
    ]
    return {
        "class_name": "Functional",
        "config": {"layers": layers, "output_layers": [["flat", 0, 0]]},
    }


def test_each_output_that_is_read_is_a_layer() -> None:
    split, flat = graph_of(model(1, "split"), {}).layers
    assert [split.name, split.output, flat.reads] == ["op:1", 1, ("op:1",)]


def test_a_second_output_of_another_layer_is_refused() -> None:
    with pytest.raises(ModelFormatError) as error:
        graph_of(model(1, "identity"), {})
    assert str(error.value) == (
        "layer flat reads output 1 of op, which is of class 'TFOpLambda'; crshare reads layers of "
        "one output, and tf.split or ops.split where they stand as such, not in a Lambda"
    )
