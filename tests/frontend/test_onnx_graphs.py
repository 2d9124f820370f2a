"""What of an .onnx file's graph as a whole is refused, or of what is said beside it, in full."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from crshare.errors import ModelFormatError
from crshare.frontend.onnx import files
from crshare.model.read import read_model
from tests.frontend.test_onnx_refusals import SHAPE, binary, refusal
from tests.onnx_files import Graph, brevitas, write_onnx

Change = Callable[[onnx.ModelProto], object]


def plain() -> onnx.ModelProto:
    g = Graph()
    return g.model(SHAPE, g.node("Flatten", g.node("GlobalMaxPool", binary(g))))


def more(model: onnx.ModelProto, op: str, given: str, gives: str, n: int = 1) -> None:
    nodes = [helper.make_node(op, [given], [f"{gives}{i or ''}"]) for i in range(n)]
    model.graph.node.extend(nodes)


def another_output(model: onnx.ModelProto) -> None:
    more(model, "Relu", "t0", "other")
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, None))


def of_whole_numbers(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64


CHANGES: dict[str, tuple[Change, str]] = {
    "two outputs": (
        another_output,
        "the graph gives out 't2', 'other'; crshare reads models of one input and one output",
    ),
    "no output": (
        lambda m: m.graph.output.pop(),
        "its graph gives out nothing; export the model again",
    ),
    "whole numbers": (
        of_whole_numbers,
        "its input 'x' holds no real numbers; export the model with an input of float32",
    ),
    "twins": (
        lambda m: more(m, "Relu", "x", "t1"),
        "node t1 (Relu) gives 't1', which the graph has already; the file is damaged, or of a "
        "kind that crshare does not know",
    ),
    "too many nodes": (
        lambda m: more(m, "Relu", "x", "other", 2**14),
        "holds 16387 nodes, where 16384 are read; export a smaller model",
    ),
    "no opset": (
        lambda m: m.opset_import.pop(0),
        "is written for no opset of ONNX, where 7 or later is read; export the model again",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_graphs_that_are_not_read_are_said(tmp_path: Path, case: str) -> None:
    change, sentence = CHANGES[case]
    model = plain()
    change(model)
    assert refusal(tmp_path, model) == sentence


def test_images_too_large_are_refused(tmp_path: Path) -> None:
    g = Graph()
    assert refusal(tmp_path, g.model([1, 2, 4096, 4096], binary(g))) == (
        "its input 'x' holds images of [2, 4096, 4096], too large; export a model of at most "
        "4,194,304 values an image"
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "Magic",
            "no node or operator is named 'Magic', which --sign-layer names; the operators of the "
            "model are Conv, Flatten, GlobalMaxPool",
        ),
        ("Conv", "node conv_0 (Conv) is declared as a sign, and reads more than one tensor"),
    ],
)
def test_signs_that_are_none_are_refused(tmp_path: Path, name: str, sentence: str) -> None:
    path = write_onnx(tmp_path / "m.onnx", plain())
    with pytest.raises(ModelFormatError) as error:
        read_model(path, sign_layers={name})
    assert str(error.value) == f"{path}: {sentence}"


def test_many_files_of_initializers_are_refused(tmp_path: Path) -> None:
    model = brevitas()
    for number in range(files.MAX_BESIDE + 1):
        tensor = model.graph.initializer.add(name=f"more{number}", data_type=TensorProto.FLOAT)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=f"file{number}")
    assert refusal(tmp_path, model) == (
        "keeps its initializers in 65 files, where 64 are read; export it as one file"
    )


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    assert refusal(tmp_path, plain()) == (
        "reading .onnx files needs the package onnx, which is not installed; try pip install "
        '"crshare[onnx]"'
    )


def test_constants_of_truth_values_are_refused(tmp_path: Path) -> None:
    g = Graph()
    assert refusal(tmp_path, g.model(SHAPE, g.node("Mul", binary(g), g.held(np.array(True))))) == (
        "node mul_1 (Mul) reads a constant that holds no numbers; export the model again"
    )
