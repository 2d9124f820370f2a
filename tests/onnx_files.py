"""Small .onnx files in the forms that Brevitas, torch.onnx and tf2onnx really write, and their
meaning by onnx's own reference implementation."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from crshare.arrays import Array

QONNX = "qonnx.custom_op.general"


class Graph:
    """Collects nodes and initializers; each call of `node` gives the name of its output."""

    def __init__(self, seed: int = 0, opset: int = 20) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, inputs, [output], name=name, domain=domain, **attributes)
        )
        return output

    def held(self, values: Any, name: str = "") -> str:
        """The name of an initializer of float32, or of whole numbers as they are."""
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def constant(self, values: Any) -> str:
        """As `held`, of a Constant node, as the TorchScript exporter writes it."""
        array = np.asarray(values)
        array = array.astype(np.float32) if array.dtype.kind == "f" else array
        return self.node("Constant", value=numpy_helper.from_array(array))

    def latent(self, *shape: int) -> str:
        return self.held(self.rng.uniform(-1, 1, shape))

    def batch_norm(self, x: str, n: int, spread: float = 8) -> str:
        rng = self.rng
        gamma, beta = rng.uniform(0.3, 2, n) * rng.choice([-1, 1], n), rng.uniform(-1, 1, n)
        mean, variance = rng.uniform(-spread, spread, n), rng.uniform(0.5, 60, n)
        parameters = [self.held(values) for values in (gamma, beta, mean, variance)]
        return self.node("BatchNormalization", x, *parameters, epsilon=1e-5)

    def bipolar(self, x: str, scale: str) -> str:
        return self.node("BipolarQuant", x, scale, domain=QONNX)

    def model(self, shape: list[Any], output: str, *, listed: bool = False) -> onnx.ModelProto:
        """listed: the initializers stand among the inputs, as Brevitas writes them."""
        images = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)
        scores = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
        inputs = [images]
        for each in self.initializers * listed:
            inputs.append(helper.make_tensor_value_info(each.name, each.data_type, each.dims))
        graph = helper.make_graph(self.nodes, "g", inputs, [scores], self.initializers)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(QONNX, 2)]
        return helper.make_model(graph, opset_imports=opsets, producer_name="test", ir_version=10)


def brevitas(seed: int = 0) -> onnx.ModelProto:
    """A small CNV as brevitas.export.export_qonnx writes it: one shared initializer for every 1."""
    g = Graph(seed)
    one = g.held(np.ones(1), "last.weight")
    x = g.node("Sub", g.node("Mul", "x", g.held(np.float32(2))), one)
    x = g.node("Quant", x, g.held(np.float32(2**-7)), g.held(np.float32(0)), g.held(np.float32(8)),
               domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND")  # fmt: skip
    x = g.node("Conv", x, g.bipolar(g.latent(8, 3, 3, 3), one), kernel_shape=[3, 3], group=1,
               pads=[0] * 4, strides=[1, 1], dilations=[1, 1], auto_pad="NOTSET")  # fmt: skip
    x = g.bipolar(g.batch_norm(x, 8, 2), one)
    x = g.node("Conv", x, g.bipolar(g.latent(8, 8, 3, 3), one), kernel_shape=[3, 3])
    x = g.bipolar(g.batch_norm(x, 8), one)
    x = g.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=0)
    x = g.node("Conv", x, g.bipolar(g.latent(6, 8, 3, 3), one), kernel_shape=[3, 3])
    x = g.bipolar(g.batch_norm(x, 6), one)
    x = g.node("Reshape", x, g.held(np.array([1, 24])), allowzero=1)
    x = g.node("Gemm", x, g.bipolar(g.latent(12, 24), one), transB=1)
    x = g.bipolar(g.batch_norm(x, 12), one)
    x = g.node("Gemm", x, g.bipolar(g.latent(10, 12), one), transB=1)
    zero = g.held(np.zeros(1), "last.bias")
    x = g.node("Mul", g.node("Div", g.node("Sub", x, zero), g.held(np.array([1.00005]))), one)
    return g.model([1, 3, 12, 12], g.node("Add", x, zero), listed=True)


def few_bits(
    seed: int = 0, n_bits: int = 2, *, signed: int = 1, narrow: int = 1, batch: int = 1
) -> onnx.ModelProto:
    """Binary weights and activations of a few bits, as Brevitas writes QuantIdentity and QuantReLU;
    a padded convolution and a padded pool of them; perhaps of a fixed batch."""
    g = Graph(seed)
    scale, zero, width = (g.held(np.float32(v)) for v in (0.30103, 0, n_bits))

    def quantized(x: str) -> str:
        x = x if signed else g.node("Relu", x)
        return g.node("Quant", x, scale, zero, width, domain=QONNX, signed=signed, narrow=narrow,
                      rounding_mode="ROUND")  # fmt: skip

    def ones(*shape: int) -> str:
        return g.held(g.rng.choice([-1.0, 1.0], shape))

    x = g.node("Conv", "x", ones(8, 1, 3, 3), kernel_shape=[3, 3])
    x = quantized(g.batch_norm(x, 8, 2))
    x = g.node("Conv", x, ones(8, 8, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = quantized(g.batch_norm(x, 8, 2))
    x = g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    x = g.node("Reshape", x, g.held(np.array([batch, 128])))
    x = quantized(g.batch_norm(g.node("Gemm", x, ones(12, 128), transB=1), 12, 2))
    return g.model([batch, 1, 10, 10], g.node("Gemm", x, ones(10, 12), transB=1))


def by_hand(seed: int = 0, activation: str = "where", weights: str = "where") -> onnx.ModelProto:
    """A hand-made PyTorch network as torch.onnx's TorchScript exporter writes it."""
    g = Graph(seed, opset=17)
    x = _convolution(g, "x", weights, 1, 8, pads=[1, 1, 1, 1])
    x = _activated(g, g.batch_norm(x, 8, 2), activation)
    x = _convolution(g, x, weights, 8, 8, pads=[1, 1, 1, 1], bias=True)
    x = g.batch_norm(g.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 8)
    x = g.node("Clip", x, g.constant(np.float32(-1)), g.constant(np.float32(1)))
    x = _activated(g, x, activation)
    x = _convolution(g, x, weights, 8, 6)
    x = _activated(g, g.batch_norm(x, 6), activation)
    x = g.node("Flatten", x, axis=1)
    x = g.node("Gemm", x, g.node("Sign", g.latent(12, 6 * 9)), g.latent(12), transB=1)
    x = _activated(g, g.batch_norm(x, 12), activation)
    return g.model(
        ["batch", 1, 10, 10], g.node("Gemm", x, g.latent(10, 12), g.latent(10), transB=1)
    )


def _convolution(
    g: Graph, x: str, how: str, ci: int, co: int, *, bias: bool = False, **attributes: Any
) -> str:
    latent = g.latent(co, ci, 3, 3)
    if how == "where":
        found = g.node("Where", g.node("GreaterOrEqual", latent, g.constant(np.float32(0))),
                       g.constant(np.float32(1)), g.constant(np.float32(-1)))  # fmt: skip
    else:  # XNOR-Net: the mean magnitude of each filter
        mean = g.node("ReduceMean", g.node("Abs", latent), axes=[1, 2, 3], keepdims=1)
        found = g.node("Mul", mean, g.node("Sign", latent))
    more = (g.latent(co),) if bias else ()
    return g.node("Conv", x, found, *more, kernel_shape=[3, 3], strides=[1, 1], **attributes)


def _activated(g: Graph, x: str, how: str) -> str:
    if how == "sign":
        return g.node("Sign", x)
    if how == "where":
        asked = g.node("GreaterOrEqual", x, g.constant(np.float32(0)))
        return g.node("Where", asked, g.constant(np.float32(1)), g.constant(np.float32(-1)))
    if how == "less":  # 1 - 2 * (x < 0)
        asked = g.node("Cast", g.node("Less", x, g.constant(np.float32(0))), to=1)
        doubled = g.node("Mul", asked, g.constant(np.float32(2)))
        return g.node("Sub", g.constant(np.float32(1)), doubled)
    if how == "not":
        asked = g.node("Not", g.node("Greater", g.constant(np.float32(0)), x))
        doubled = g.node("Mul", g.node("Cast", asked, to=1), g.constant(np.float32(2)))
        return g.node("Add", doubled, g.constant(np.float32(-1)))
    if how == "mended":  # torch.where(s == 0, 1, s) of s = sign(x)
        s = g.node("Sign", x)
        zero = g.node("Equal", s, g.constant(np.float32(0)))
        return g.node("Where", zero, g.constant(np.float32(1)), s)
    hard = g.node("Sign", x)  # a straight-through estimator: hard - soft + soft
    soft = g.node("Clip", x, g.constant(np.float32(-1)), g.constant(np.float32(1)))
    return g.node("Add", g.node("Sub", hard, soft), soft)


def tf2onnx(seed: int = 0) -> onnx.ModelProto:
    """A Larq network as tf2onnx writes it: channels last, the sign by two signs and a tenth."""
    g = Graph(seed, opset=17)
    tenth = g.held(np.float32(0.1))

    def sign(x: str) -> str:
        return g.node("Sign", g.node("Add", g.node("Sign", x), tenth))

    def ones(*shape: int) -> str:
        return g.held(g.rng.choice([-1.0, 1.0], shape))

    x = g.node("Reshape", "x", g.held(np.array([-1, 1, 10, 10])))
    scales = g.rng.uniform(0.1, 1, (8, 1, 1, 1))  # a batch normalisation folded into the weights
    fused = g.rng.choice([-1, 1], (8, 1, 3, 3)) * scales
    x = g.node("Conv", x, g.held(fused), g.latent(8), kernel_shape=[3, 3])
    x = sign(g.node("Transpose", x, perm=[0, 2, 3, 1]))
    x = g.node("Pad", x, g.held(np.array([0, 1, 1, 0, 0, 1, 1, 0])), g.held(np.float32(1)))
    x = g.node("Transpose", x, perm=[0, 3, 1, 2])
    x = g.node("Conv", x, ones(8, 8, 3, 3), kernel_shape=[3, 3])
    x = g.batch_norm(g.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 8)
    x = sign(g.node("Transpose", x, perm=[0, 2, 3, 1]))
    x = sign(g.node("Reshape", x, g.held(np.array([-1, 128]))))
    x = g.node("MatMul", x, ones(128, 12))
    x = g.node("Add", g.node("Mul", x, g.held(g.rng.uniform(0.1, 1, 12))), g.latent(12))
    x = g.node("MatMul", sign(x), ones(12, 10))
    x = g.node("Add", g.node("Mul", x, g.held(g.rng.uniform(0.1, 1, 10))), g.latent(10))
    return g.model(["unk__1", 10, 10, 1], g.node("Softmax", x, axis=-1))


def finn(seed: int = 0, n_thresholds: int = 1) -> onnx.ModelProto:
    """A streamlined network of FINN's: thresholds alone between products, TopK at the end."""
    g = Graph(seed, opset=13)

    def decided(x: str, channels: int, spread: float) -> str:
        table = np.sort(g.rng.uniform(-spread, spread, (channels, n_thresholds)).round(), axis=1)
        scale, bias = (2.0, -1.0) if n_thresholds == 1 else (1.0, -float(n_thresholds // 2))
        return g.node("MultiThreshold", x, g.held(table), domain=QONNX, out_scale=scale,
                      out_bias=bias, out_dtype="BIPOLAR", data_layout="NCHW")  # fmt: skip

    def ones(*shape: int) -> str:
        return g.held(g.rng.choice([-1.0, 1.0], shape))

    x = g.node("Conv", "x", ones(6, 2, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = decided(x, 6, 300)
    x = g.node("Conv", x, ones(6, 6, 3, 3), kernel_shape=[3, 3])
    x = g.node("MaxPool", decided(x, 6, 9), kernel_shape=[2, 2], strides=[2, 2])
    x = g.node("Flatten", x)
    x = g.node("Mul", g.node("MatMul", x, ones(54, 10)), g.held(np.float32(0.5)))
    model = g.model([1, 2, 8, 8], x)
    top = helper.make_node("TopK", [x, "k"], ["best", "which"], name="topk", largest=1)
    model.graph.node.append(top)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "k"))
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("which", onnx.TensorProto.INT64, None)
    )
    return model


def write_onnx(path: Path, model: onnx.ModelProto) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


class BipolarQuant(OpRun):
    op_domain = QONNX

    def _run(self, x: Array, scale: Array) -> tuple[Array]:
        return (np.where(x >= 0, scale, -scale).astype(np.float32),)


class Quant(OpRun):
    op_domain = QONNX

    def _run(
        self, x: Array, scale: Array, zero: Array, bits: Array, **attributes: Any
    ) -> tuple[Array]:
        signed, narrow = attributes["signed"], attributes["narrow"]
        low = -(2 ** (bits - 1)) + narrow if signed else 0
        high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
        return (((np.clip(np.rint(x / scale + zero), low, high) - zero) * scale).astype("f4"),)


class MultiThreshold(OpRun):
    op_domain = QONNX

    def _run(self, x: Array, table: Array, **attributes: Any) -> tuple[Array]:
        count = np.zeros_like(x)
        for column in table.T:
            count += x >= column.reshape(1, -1, *[1] * (x.ndim - 2))
        return ((count * attributes["out_scale"] + attributes["out_bias"]).astype(np.float32),)


def meaning(model: onnx.ModelProto, x: Array, output: str | None = None) -> Array:
    """What onnx's reference implementation makes of float32 images, each for itself."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if output is not None:
        copy.graph.output[0].CopyFrom(
            helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
        )
    evaluator = ReferenceEvaluator(copy, new_ops=[BipolarQuant, Quant, MultiThreshold])
    given = ({"x": image[None].astype(np.float32)} for image in x)
    return np.concatenate([list(evaluator.run(None, each))[0] for each in given])
