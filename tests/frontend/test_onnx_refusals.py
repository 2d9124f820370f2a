"""What of an .onnx file is refused, each by one full sentence, and files beside it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from crshare.errors import ModelFormatError
from crshare.frontend.onnx import build
from crshare.model.read import read_model
from tests.onnx_files import QONNX, Graph, brevitas, write_onnx

Make = Callable[[Graph], Any]
SHAPE = [1, 2, 6, 6]


def refusal(path: Path, model: onnx.ModelProto) -> str:
    with pytest.raises(ModelFormatError) as error:
        read_model(write_onnx(path / "m.onnx", model))
    return str(error.value).removeprefix(f"{path / 'm.onnx'}: ")


def binary(g: Graph, x: str = "x", **attributes: Any) -> str:
    weights = g.held(g.rng.choice([-1.0, 1.0], (2, 2, 3, 3)))
    return g.node("Conv", x, weights, kernel_shape=[3, 3], **attributes)


def scaled(g: Graph, values: Any) -> str:
    return g.node("Mul", binary(g), g.held(values))


NODES: dict[str, tuple[Make, str]] = {
    "unknown": (
        lambda g: g.node("Magic", binary(g)),
        "node magic_1 (Magic) is an operator that is not read yet; if it gives +1 for values >= 0 "
        "and else -1, say so with --sign-layer Magic",
    ),
    "unknown of a domain": (
        lambda g: g.node("Trunc", binary(g), domain=QONNX),
        "node trunc_1 (Trunc) is an operator of 'qonnx.custom_op.general' that is not read yet; if "
        "it gives +1 for values >= 0 and else -1, say so with --sign-layer Trunc",
    ),
    "of constants": (
        lambda g: g.node("Sqrt", binary(g)),
        "node sqrt_1 (Sqrt) is read of constants only, not of what the network computes",
    ),
    "padding": (
        lambda g: g.node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[2, 0, 1, 2]),
        "node maxpool_0 (MaxPool) pads a map of 6x6 by [2, 0, 1, 2] (top, left, bottom, right), "
        "where crshare reads what TensorFlow's SAME adds, half of an odd window on every side, and "
        "any padding right behind a sign; train it with one of these",
    ),
    "values apart": (
        lambda g: g.node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2]),
        "node maxpool_0 (MaxPool) pools values apart, which is not read; train it with dilation 1",
    ),
    "product": (
        lambda g: g.node("Mul", binary(g), binary(g, strides=[2, 2])),
        "node mul_2 (Mul) multiplies tensors of [1, 2, 4, 4] and [1, 2, 2, 2] of another order, "
        "which is not read; multiply tensors of one shape, or by a value for each channel",
    ),
    "NaN": (
        lambda g: scaled(g, np.array([np.nan, 1.0]).reshape(2, 1, 1)),
        "node mul_1 (Mul) reads a constant that holds NaN, infinity or more than float32 can; "
        "train the model again",
    ),
    "unfit": (
        lambda g: scaled(g, np.ones((3, 1, 1))),
        "node mul_1 (Mul) meets a tensor of [1, 2, 4, 4] with constants of [3, 1, 1], which do not "
        "fit; the file is damaged, or of a kind that crshare does not know",
    ),
    "channels": (
        lambda g: g.node("Conv", "x", g.latent(2, 3, 3, 3)),
        "node conv_0 (Conv) has weights for 3 channels in 1 groups of 2 filters, and gets 2 "
        "channels; export the model again",
    ),
    "window": (
        lambda g: g.node("Conv", "x", g.latent(2, 2, 7, 7)),
        "node conv_0 (Conv) lays a window of 7x7 over a map of 6x6, where it does not fit; export "
        "the model again",
    ),
    "mixed images": (
        lambda g: g.node("Reshape", binary(g), g.held(np.array([2, 16]))),
        "node reshape_1 (Reshape) makes [1, 2, 4, 4], one image, into [2, 16], which mixes images, "
        "which is not read; export the model with the images first",
    ),
    "axes": (
        lambda g: g.node("ReduceMean", binary(g), g.held(np.array([2, 3, 7]))),
        "node reducemean_1 (ReduceMean) averages the axes [2, 3, 7] of [1, 2, 4, 4], which is not "
        "read; average height and width",
    ),
    "mode": (
        lambda g: binary(g, g.node("Pad", "x", g.held(np.zeros(8, np.int64)), mode="reflect")),
        "node pad_0 (Pad) pads with values of the map, which is not read; pad with a constant",
    ),
    "zero point": (
        lambda g: g.node(
            "Quant", binary(g), *[g.held(np.float32(v)) for v in (1, 1, 4)], domain=QONNX
        ),  # fmt: skip
        "node quant_1 (Quant) quantizes values with several scales or a zero point, which is not "
        "read; train it with one positive scale and no zero point",
    ),
    "many thresholds": (
        lambda g: g.node("MultiThreshold", binary(g), g.held(np.zeros((2, 16))), domain=QONNX),
        "node multithreshold_1 (MultiThreshold) has thresholds of [2, 16], where [channels, 1 to "
        "15] are read; train it with fewer bits",
    ),
    "condition": (
        lambda g: g.node("Where", binary(g), g.held(1.0), g.held(-1.0)),
        "node where_1 (Where) decides by something else than one comparison with a constant, which "
        "is not read; write torch.where(x >= 0, 1.0, -1.0)",
    ),
    "training": (
        lambda g: g.node(
            "BatchNormalization", binary(g), *[g.latent(2) for _ in range(4)], training_mode=1
        ),  # fmt: skip
        "node batchnormalization_1 (BatchNormalization) is in training mode; export the model "
        "after model.eval()",
    ),
    "order": (
        lambda g: g.node("Flatten", binary(g)),
        "the graph gives out 't1' in another order than height, width, channels, which is not "
        "read; end the model with a flat list of scores",
    ),
    "constant output": (
        lambda g: g.node("Neg", g.held(np.ones(3))),
        "the graph gives out 't0', which is not computed from its input; export the model again",
    ),
    "missing": (
        lambda g: g.node("Relu", "nowhere"),
        "node relu_0 (Relu) reads 'nowhere', which nothing above it gives; the file is damaged, or "
        "of a kind that crshare does not know",
    ),
    "huge constant": (
        lambda g: g.node(
            "Mul", binary(g), g.node("Expand", g.held(1.0), g.held(np.array([2**40])))
        ),
        "node expand_1 (Expand) makes a constant of 1099511627776, which is too large; export the "
        "model smaller",
    ),
    "no binary layer": (
        lambda g: g.node("Flatten", g.node("GlobalAveragePool", "x")),
        "the model has no layer of +1/-1 weights, and crshare shares the results of such layers "
        "only; train it with Larq's QuantConv2D or QuantDense",
    ),
}


@pytest.mark.parametrize("case", NODES)
def test_what_is_not_read_is_said(tmp_path: Path, case: str) -> None:
    make, sentence = NODES[case]
    g = Graph()
    assert refusal(tmp_path, g.model(SHAPE, make(g))) == sentence


def test_a_graph_within_a_node_is_refused(tmp_path: Path) -> None:
    g = Graph()
    inner = helper.make_graph([], "inner", [], [])
    x = g.node("If", binary(g), then_branch=inner, else_branch=inner)
    assert refusal(tmp_path, g.model(SHAPE, x)) == (
        "node if_1 (If) holds a graph of its own in else_branch, which is not read; export the "
        "model without it"
    )


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    g = Graph()
    model = g.model(SHAPE, binary(g))
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    assert refusal(tmp_path, model) == (
        "its graph has 2 inputs (x, more), where crshare reads models of one; export the model "
        "again with one input of images"
    )


@pytest.mark.parametrize("shape", [[1, 2, "height", 6], [6], [1, 2, 3, 4, 5], [1, 0, 6, 6]])
def test_images_of_open_size_are_refused(tmp_path: Path, shape: list[Any]) -> None:
    g = Graph()
    assert refusal(tmp_path, g.model(shape, binary(g))) == (
        f"its input 'x' has the shape {shape!r}, where [batch, channels, height, width], [batch, "
        "channels, length] or [batch, inputs] of fixed size is read; export it for one size of "
        "images"
    )


def test_an_old_opset_is_refused(tmp_path: Path) -> None:
    g = Graph(opset=6)
    assert refusal(tmp_path, g.model(SHAPE, binary(g))) == (
        "is written for opset 6 of ONNX, where 7 or later is read; export the model again"
    )


def test_what_is_no_protobuf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    for content in (b"", b"\x08", bytes(100), b"PK\x03\x04 no archive", b'{"a": 1}'):
        path.write_bytes(content)
        with pytest.raises(ModelFormatError) as error:
            read_model(path)
        text = str(error.value)
        assert text.startswith(f"{path}: ")
        assert text.endswith("export the model again")


def test_graphs_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MAX_WORK", 100)
    assert refusal(tmp_path, brevitas()) == (
        "node mul_0 (Mul) brings the tensors of the graph beyond 100 elements; export a smaller "
        "model"
    )


def apart(path: Path, location: str, **more: str) -> Path:
    """A model whose first weights lie in the file `location`."""
    model = brevitas()
    tensor = next(each for each in model.graph.initializer if len(each.dims) == 4)
    content = numpy_helper.to_array(tensor).tobytes()
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (path / "weights.bin").write_bytes(bytes(16) + content)
    return write_onnx(path / "m.onnx", model)


def test_initializers_beside_the_file_are_read(tmp_path: Path) -> None:
    whole = read_model(write_onnx(tmp_path / "whole.onnx", brevitas()))
    found = read_model(apart(tmp_path, "weights.bin", offset="16"))
    assert found.weights_hash == whole.weights_hash


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "a/../../x", "", "a\\b"])
def test_initializers_outside_of_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    path = apart(tmp_path, location)
    with pytest.raises(ModelFormatError) as error:
        read_model(path)
    assert str(error.value) == (
        f"{path}: keeps its initializers in {location!r}, and crshare reads them from the folder "
        "of the model only; export it as one file"
    )


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret").write_bytes(bytes(10_000))
    (inner / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelFormatError, match="from the folder of the model only"):
        read_model(apart(inner, "link"))


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (
            {},
            "missing: no such file; put it beside the model, or export the model again as one file",
        ),
        ({"offset": "17"}, "weights.bin; put the whole file beside the model"),
        ({"offset": "-8"}, "weights.bin; put the whole file beside the model"),
        ({"offset": "99999999999999999999"}, "weights.bin; put the whole file beside the model"),
        ({"offset": "many"}, "export the model again"),
    ],
)
def test_initializers_that_are_not_there_are_refused(
    tmp_path: Path, place: dict[str, str], sentence: str
) -> None:
    path = apart(tmp_path, "weights.bin" if place else "missing", **place)
    with pytest.raises(ModelFormatError) as error:
        read_model(path)
    assert str(error.value).endswith(sentence)


def test_a_straight_through_circle_ends(tmp_path: Path) -> None:
    """(c - b) + b that gives c itself."""
    g = Graph()
    x = binary(g)
    g.nodes.append(helper.make_node("Sub", ["circle", x], ["less"], name="less"))
    g.nodes.append(helper.make_node("Add", ["less", x], ["circle"], name="more"))
    assert refusal(tmp_path, g.model(SHAPE, "circle")) == (
        "node less (Sub) reads 'circle', which nothing above it gives; the file is damaged, or of "
        "a kind that crshare does not know"
    )


def test_long_chains_before_signs_are_refused(tmp_path: Path) -> None:
    g = Graph()
    x = binary(g)
    for _ in range(300):
        x = g.node("Relu", x)
    for _ in range(2000):
        g.node("Sign", x)
    signs = [node.output[0] for node in g.nodes if node.op_type == "Sign"]
    total = signs[0]
    for each in signs[1:]:
        total = g.node("Add", total, each)
    assert refusal(tmp_path, g.model(SHAPE, total)).endswith(
        "brings the exact numbers of the graph beyond 1,048,576 steps, channel by channel; export "
        "the model simplified"
    )


def test_values_for_too_many_places_are_refused(tmp_path: Path) -> None:
    g = Graph()
    x = g.node("Conv", "x", g.held(g.rng.choice([-1.0, 1.0], (80, 2, 1, 1))))
    x = g.node("Mul", x, g.held(g.rng.uniform(1, 2, (1, 30, 30))))
    assert refusal(tmp_path, g.model([1, 2, 30, 30], x)) == (
        "node mul_1 (Mul) has values that differ within the 72,000 places of a map, where 65,536 "
        "are read; use one value for each channel"
    )


def test_a_map_too_large_is_refused(tmp_path: Path) -> None:
    g = Graph()
    x = g.node("Conv", "x", g.held(g.rng.choice([-1.0, 1.0], (200, 1, 1, 1))))
    assert refusal(tmp_path, g.model([1, 1, 1024, 1024], x)) == (
        "a map of 1024x1024x200 is too large; export a smaller model"
    )


def test_weights_read_too_often_are_refused(tmp_path: Path) -> None:
    g = Graph()
    x, shared = "x", g.held(np.ones((512, 512, 1, 1)))
    for _ in range(40):
        x = g.node("Conv", x, shared)
    assert refusal(tmp_path, g.model([1, 512, 1, 1], g.node("Flatten", x))).endswith(
        "brings the tensors of the graph beyond 8,388,608 elements; export a smaller model"
    )


def test_numbers_of_too_many_digits_are_refused(tmp_path: Path) -> None:
    g = Graph()
    x = binary(g)
    for _ in range(400):
        x = g.node("Mul", x, g.held(np.float32(1.2345)))
    assert refusal(tmp_path, g.model(SHAPE, x)).endswith(
        "brings the exact numbers of the graph beyond 1,048,576 steps, channel by channel; export "
        "the model simplified"
    )
