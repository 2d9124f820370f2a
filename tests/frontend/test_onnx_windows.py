"""What of windows, products and shapes of an .onnx file is refused, in full."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.frontend.test_onnx_refusals import SHAPE, Make, binary, refusal
from tests.onnx_files import Graph


def dense(g: Graph, op: str, *shape: int, **attributes: Any) -> str:
    x = g.node("Flatten", binary(g))
    return g.node(op, x, g.held(np.ones(shape)), **attributes)


def moved(g: Graph, op: str, axes: list[int]) -> str:
    return g.node(op, binary(g), g.held(np.array(axes)))


def truth(g: Graph) -> str:
    return g.node("Equal", g.node("Sign", binary(g)), g.held(0.0))


def around(g: Graph, right: int, value: float) -> str:
    """The images with two lines of a value above them, and others on the right."""
    pads = np.array([0, 0, 2, 0, 0, 0, 0, right])
    return g.node("Pad", "x", g.held(pads), g.held(np.float32(value)))


NODES: dict[str, tuple[Make, str]] = {
    "scales a product": (
        lambda g: dense(g, "Gemm", 32, 4, alpha=0.5),
        "node gemm_2 (Gemm) scales its product, which is not read; export it with alpha and beta 1",
    ),
    "transposes its input": (
        lambda g: dense(g, "Gemm", 32, 4, transA=1),
        "node gemm_2 (Gemm) transposes its input, which is not read; export the model again",
    ),
    "inputs of a product": (
        lambda g: dense(g, "MatMul", 31, 4),
        "node matmul_2 (MatMul) has weights of [31, 4] for a tensor of [1, 32]; export the "
        "model again",
    ),
    "a bias": (
        lambda g: g.node("Conv", "x", g.held(np.ones((2, 2, 3, 3))), g.held(np.ones(3))),
        "node conv_0 (Conv) has a bias of [3] for 2 filters; export the model again",
    ),
    "an axis that holds no channels": (
        lambda g: g.node("MatMul", binary(g), g.held(np.ones((4, 4)))),
        "node matmul_1 (MatMul) multiplies an axis of [1, 2, 4, 4] that holds no channels, "
        "which is not read; train it with channels first, as PyTorch has them",
    ),
    "three dimensions": (
        lambda g: g.node("Conv", "x", g.held(np.ones((2, 2, 3, 3, 3)))),
        "node conv_0 (Conv) has weights of [2, 2, 3, 3, 3] for a tensor of [1, 2, 6, 6]; "
        "crshare reads convolutions of one and two dimensions",
    ),
    "a kernel of another shape": (
        lambda g: g.node("Conv", "x", g.latent(2, 2, 3, 3), kernel_shape=[5, 5]),
        "node conv_0 (Conv) has a kernel_shape that its weights have not; export the model again",
    ),
    "a fraction around": (
        lambda g: g.node("Conv", around(g, 0, 0.5), g.held(np.ones((2, 2, 3, 3)))),
        "node conv_1 (Conv) pads with 0.5, which is not read; pad with a whole number",
    ),
    "padded twice": (
        lambda g: g.node("Conv", around(g, 1, 1), g.held(np.ones((2, 2, 3, 3))), pads=[1] * 4),
        "node conv_1 (Conv) pads with 0 what is padded with 1, which is not read; pad once",
    ),
    "a padded tensor elsewhere": (
        lambda g: g.node("Relu", around(g, 1, 0)),
        "node relu_1 reads a padded tensor and is no convolution, which is not read; pad "
        "right before a convolution",
    ),
    "rounds up": (
        lambda g: g.node("MaxPool", binary(g), kernel_shape=[2, 2], ceil_mode=1),
        "node maxpool_1 (MaxPool) rounds its size up, which is not read; train it with "
        "ceil_mode False",
    ),
    "negative pads": (
        lambda g: binary(g, pads=[-1, 0, 0, 0]),
        "node conv_0 (Conv) has the pads [-1, 0, 0, 0], which is not read; export the model again",
    ),
    "strides": (
        lambda g: binary(g, strides=[0, 1]),
        "node conv_0 (Conv) has strides [0, 1], where 2 positive numbers are read; export the"
        " model again",
    ),
    "pads on the other side": (
        lambda g: binary(g, auto_pad="SAME_LOWER"),
        "node conv_0 (Conv) pads by SAME_LOWER, which is not read; give its pads",
    ),
    "a convolution of features": (
        lambda g: g.node("GlobalAveragePool", g.node("Flatten", binary(g))),
        "node globalaveragepool_2 (GlobalAveragePool) reads a tensor of [1, 32]; crshare "
        "reads [batch, channels, height, width] and [batch, channels, length] there",
    ),
    "channels last": (
        lambda g: g.node("GlobalAveragePool", g.node("Transpose", binary(g), perm=[0, 2, 3, 1])),
        "node globalaveragepool_2 (GlobalAveragePool) reads a tensor of [1, 4, 4, 2] whose "
        "axis 1 does not hold the channels, which is not read; train it with channels first, "
        "as PyTorch has them",
    ),
    "a padded average": (
        lambda g: g.node("AveragePool", binary(g), kernel_shape=[2, 2], pads=[1] * 4),
        "node averagepool_1 (AveragePool) averages a padded map, which is not read; train it "
        "without padding",
    ),
    "a pool of one dimension": (
        lambda g: g.node("MaxPool", binary(g), kernel_shape=[2]),
        "node maxpool_1 (MaxPool) pools a tensor of [1, 2, 4, 4] by [2]; crshare reads pools "
        "of one and two dimensions",
    ),
    "a mean of channels": (
        lambda g: g.node(
            "ReduceMean",
            g.node("Reshape", binary(g), g.held(np.array([1, 4, 4, 2]))),
            g.held(np.array([1, 2])),
        ),
        "node reducemean_2 (ReduceMean) averages over other axes than height and width; train"
        " it with channels first, as PyTorch has them",
    ),
    "pads of another number": (
        lambda g: g.node("Pad", "x", g.held(np.array([1, 1]))),
        "node pad_0 (Pad) pads by [1, 1], which is not read; export the model again",
    ),
    "pads too large": (
        lambda g: g.node("Pad", "x", g.held(np.array([0, 0, 2**25, 0, 0, 0, 2**25, 0]))),
        "node pad_0 (Pad) pads by [0, 0, 33554432, 0, 0, 0, 33554432, 0], which is too much; "
        "pad less",
    ),
    "a join of rows": (
        lambda g: g.node("Concat", binary(g), binary(g, strides=[2, 2]), axis=2),
        "node concat_2 (Concat) joins tensors of [1, 2, 4, 4], [1, 2, 2, 2] along axis 2, "
        "which is not read; join channels or features",
    ),
    "the shape of truth": (
        lambda g: g.node("Reshape", binary(g), g.node("Shape", truth(g))),
        "node shape_4 (Shape) reads no tensor of known shape; export the model again",
    ),
    "a shape that is computed": (
        lambda g: g.node("Reshape", binary(g), binary(g)),
        "node reshape_2 (Reshape) takes its shape from what it computes; export it with fixed"
        " sizes",
    ),
    "axes moved": (
        lambda g: g.node("Transpose", binary(g), perm=[1, 0, 2, 3]),
        "node transpose_1 (Transpose) moves the axes of a tensor of 4 to [1, 0, 2, 3], which "
        "is not read; export the model with the images first",
    ),
    "another size": (
        lambda g: g.node("Reshape", binary(g), g.held(np.array([1, 33]))),
        "node reshape_1 (Reshape) makes a tensor of [1, 2, 4, 4] one of [1, 33], which is not"
        " read; export the model with the images first",
    ),
    "flattened from": (
        lambda g: g.node("Flatten", binary(g), axis=7),
        "node flatten_1 (Flatten) flattens from axis 7 of 4, which is not read; export the "
        "model with the images first",
    ),
    "axes dropped": (
        lambda g: moved(g, "Squeeze", [1]),
        "node squeeze_1 (Squeeze) drops the axes [1] of [1, 2, 4, 4], which is not read; "
        "export the model with the images first",
    ),
    "the images dropped": (
        lambda g: moved(g, "Squeeze", [0]),
        "node squeeze_1 (Squeeze) drops the axis of the images, which is not read; export the"
        " model with the images first",
    ),
    "axes added": (
        lambda g: moved(g, "Unsqueeze", [9]),
        "node unsqueeze_1 (Unsqueeze) adds the axes [9] to 4, which is not read; export the "
        "model with the images first",
    ),
    "an axis before the images": (
        lambda g: moved(g, "Unsqueeze", [0]),
        "node unsqueeze_1 (Unsqueeze) adds an axis before that of the images, which is not "
        "read; export the model with the images first",
    ),
    "truth moved": (
        lambda g: g.node("Flatten", truth(g)),
        "node flatten_3 (Flatten) reads nothing that can be moved; export the model again",
    ),
}


@pytest.mark.parametrize("case", NODES)
def test_what_is_not_read_is_said(tmp_path: Path, case: str) -> None:
    make, sentence = NODES[case]
    g = Graph()
    assert refusal(tmp_path, g.model(SHAPE, make(g))) == sentence
