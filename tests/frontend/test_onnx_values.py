"""What of values, signs, attributes and constants of an .onnx file is refused, in full."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontend.test_onnx_refusals import SHAPE, Make, binary, refusal, scaled
from tests.onnx_files import QONNX, Graph

ONE = np.float32(1)


def quant(g: Graph, *values: float, **attributes: Any) -> str:
    held = [g.held(np.float32(value)) for value in values]
    return g.node("Quant", binary(g), *held, domain=QONNX, **attributes)


def made(g: Graph, op: str, *values: Any, **attributes: Any) -> str:
    """A product with a constant that a node makes."""
    return g.node("Mul", binary(g), g.node(op, *[g.held(v) for v in values], **attributes))


def truth(g: Graph) -> str:
    return g.node("Equal", g.node("Sign", binary(g)), g.held(0.0))


def second(g: Graph, op: str, *inputs: str, **attributes: Any) -> str:
    """The second output of a node that gives two."""
    two = helper.make_node(op, inputs, ["first", "second"], name=op.lower(), **attributes)
    g.nodes.append(two)
    return "second"


NODES: dict[str, tuple[Make, str]] = {
    "the least first": (
        lambda g: second(g, "TopK", g.node("Flatten", binary(g)), g.held(np.array([1])), largest=0),
        "node topk (TopK) ranks the least scores first, which is not read; rank the greatest",
    ),
    "a second output": (
        lambda g: g.node("Mul", second(g, "Dropout", binary(g)), "first"),
        "node dropout (Dropout) gives more than one tensor that is used, which is not read; "
        "export the model again",
    ),
    "only a second output": (
        lambda g: second(g, "Dropout", binary(g)),
        "node dropout (Dropout) gives more than one tensor that is used, which is not read; "
        "export the model again",
    ),
    "adds truth values": (
        lambda g: g.node("Add", truth(g), g.held(1.0)),
        "node add_3 (Add) adds truth values, which is not read; export the model without it",
    ),
    "multiplies truth values": (
        lambda g: g.node("Mul", truth(g), g.held(1.0)),
        "node mul_3 (Mul) multiplies truth values, which is not read; export the model without it",
    ),
    "no values": (
        lambda g: g.node("Relu", truth(g)),
        "node relu_3 (Relu) has no values of the network at input 1, which is not read; "
        "export the model again",
    ),
    "weights that are computed": (
        lambda g: g.node("Conv", "x", binary(g)),
        "node conv_1 (Conv) takes its weights from what the network computes or from nowhere,"
        " which is not read; export it with constants",
    ),
    "nothing to read": (
        lambda g: g.node("Relu", g.node("Identity", "")),
        "node identity_0 (Identity) has no input 1; export the model again",
    ),
    "whole numbers": (
        lambda g: g.node("Cast", binary(g), to=TensorProto.INT32),
        "node cast_1 (Cast) makes whole numbers of values, which is not read; leave them as "
        "they are",
    ),
    "one input": (
        lambda g: g.node("Add", binary(g)),
        "node add_1 (Add) has 1 inputs, where it takes two; export the model again",
    ),
    "a division by 0": (
        lambda g: g.node("Div", binary(g), g.held(np.float32(0))),
        "node div_1 (Div) divides by 0; train the model again",
    ),
    "more axes": (
        lambda g: g.node("Mul", binary(g), g.held(np.ones((1,) * 5))),
        "node mul_1 (Mul) meets a tensor of 4 axes with a constant of 5, which is not read; "
        "export it with a single number",
    ),
    "a negative variance": (
        lambda g: g.node(
            "BatchNormalization", binary(g), *[g.held(np.full(2, v)) for v in (1.0, 0.0, 0.0, -1.0)]
        ),
        "node batchnormalization_1 (BatchNormalization) has a variance that is not positive; "
        "train the model again",
    ),
    "parameters": (
        lambda g: g.node("BatchNormalization", binary(g), *[g.held(np.ones(3))] * 4),
        "node batchnormalization_1 (BatchNormalization) has parameters of [3] for 2 channels;"
        " export the model again",
    ),
    "alpha of Elu": (
        lambda g: g.node("Elu", binary(g), alpha=0.5),
        "node elu_1 (Elu) has alpha 0.5, which is not read; train it with 1",
    ),
    "another comparison": (
        lambda g: g.node("Equal", binary(g), g.held(np.float32(2))),
        "node equal_1 (Equal) compares for another value than 0, which is not read; compare with 0",
    ),
    "another order": (
        lambda g: g.node("Add", binary(g), g.node("Transpose", binary(g), perm=[0, 1, 3, 2])),
        "node add_3 (Add) adds tensors of [1, 2, 4, 4] and [1, 2, 4, 4] of another order, "
        "which is not read; add tensors of one shape",
    ),
    "limits by channel": (
        lambda g: g.node("Clip", binary(g), g.held(np.zeros(2)), g.held(np.ones(2))),
        "node clip_1 (Clip) has several values for min; export it with a single number",
    ),
    "one sign only": (
        lambda g: g.node("Sign", g.node("Add", g.node("Sign", binary(g)), g.held(np.float32(2)))),
        "node sign_3 (Sign) takes the sign of what has one sign only; export the model again",
    ),
    "another value at 0": (
        lambda g: g.node("Where", truth(g), g.held(ONE), binary(g)),
        "node where_4 (Where) puts a value where another is 0, which is read of a sign alone;"
        " write torch.where(x >= 0, 1.0, -1.0)",
    ),
    "a rounding of its own": (
        lambda g: quant(g, 1, 0, 4, rounding_mode="CEIL"),
        "node quant_1 (Quant) rounds values by another mode than ROUND, which is not read; "
        "train it with ROUND",
    ),
    "thresholds of other channels": (
        lambda g: g.node("MultiThreshold", binary(g), g.held(np.zeros((3, 1))), domain=QONNX),
        "node multithreshold_1 (MultiThreshold) has thresholds for 3 channels, and gets 2; "
        "export the model again",
    ),
    "a text for a number": (
        lambda g: binary(g, group="two"),
        "node conv_0 (Conv) has group 'two', where a whole number should stand; the file is "
        "damaged, or of a kind that crshare does not know",
    ),
    "a number for numbers": (
        lambda g: binary(g, strides=2),
        "node conv_0 (Conv) has strides 2, where whole numbers should stand; the file is "
        "damaged, or of a kind that crshare does not know",
    ),
    "a text for a fraction": (
        lambda g: g.node("LeakyRelu", binary(g), alpha="half"),
        "node leakyrelu_1 (LeakyRelu) has alpha 'half', where a number should stand; the file"
        " is damaged, or of a kind that crshare does not know",
    ),
    "a number for a text": (
        lambda g: binary(g, auto_pad=3),
        "node conv_0 (Conv) has auto_pad 3, where a text should stand; the file is damaged, "
        "or of a kind that crshare does not know",
    ),
    "an empty constant": (
        lambda g: scaled(g, np.zeros((0,), np.float32)),
        "node mul_1 (Mul) meets a tensor of [1, 2, 4, 4] with constants of [0], which do not "
        "fit; the file is damaged, or of a kind that crshare does not know",
    ),
    "a constant of texts": (
        lambda g: g.node("Mul", binary(g), g.node("Constant", value_string="one")),
        "node constant_1 (Constant) holds no numbers; export the model again",
    ),
    "pools of constants": (
        lambda g: made(g, "GlobalMaxPool", np.ones((1, 1, 2, 2))),
        "node globalmaxpool_1 (GlobalMaxPool) is not read where its inputs are constants; "
        "export the model simplified",
    ),
    "no input": (
        lambda g: made(g, "Add", ONE),
        "node add_1 (Add) has no input 2; export the model again",
    ),
    "casts to texts": (
        lambda g: made(g, "Cast", ONE, to=TensorProto.STRING),
        "node cast_1 (Cast) casts to type 8 of ONNX, which is not read; export it in float32",
    ),
    "a huge sum": (
        lambda g: made(g, "Add", np.ones((1, 5000)), np.ones((5000, 1))),
        "node add_1 (Add) makes a constant of 5000x5000, which is too large; export the model"
        " smaller",
    ),
    "expands to less": (
        lambda g: made(g, "Expand", ONE, np.array([-1])),
        "node expand_1 (Expand) expands to [-1]; export the model again",
    ),
    "too many bits": (
        lambda g: quant(g, 1, 0, 33),
        "node quant_1 (Quant) quantizes to 33 bits, where 1 to 32 are read; train it with those",
    ),
    "rounds by dice": (
        lambda g: made(g, "Quant", ONE, ONE, ONE, 4 * ONE, domain=QONNX, rounding_mode="DICE"),
        "node quant_1 (Quant) rounds by 'DICE', which is not read; train it with ROUND",
    ),
    "no value": (
        lambda g: made(g, "Concat", np.ones((2, 2)), np.ones(3)),
        "node concat_1 (Concat) computes a constant that has no value (all the input arrays "
        "must have same number of dimensions, but the array at index); export the model again",
    ),
}


@pytest.mark.parametrize("case", NODES)
def test_what_is_not_read_is_said(tmp_path: Path, case: str) -> None:
    make, sentence = NODES[case]
    g = Graph()
    assert refusal(tmp_path, g.model(SHAPE, make(g))) == sentence
