"""ONNX and QONNX files: their networks against onnx's own reference implementation."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from crshare.arrays import Array
from crshare.errors import ModelFormatError
from crshare.model.read import Model, read_model
from crshare.network.graph import Conv, Kind, Threshold
from crshare.network.reference import run
from tests.onnx_files import Graph, brevitas, by_hand, few_bits, finn, meaning, tf2onnx, write_onnx

EXACT = (Fraction(1, 256), Fraction(0))
N_IMAGES = 5


def read(path: Path, model: onnx.ModelProto) -> Model:
    return read_model(write_onnx(path / "m.onnx", model), rescale=EXACT)


def agrees(path: Path, model: onnx.ModelProto, output: str | None = None, seed: int = 1) -> Model:
    """Read a model, and compare its scores with the reference's up to rounding in float32."""
    found = read(path, model)
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (N_IMAGES, *found.network.input.shape))
    extents = model.graph.input[0].type.tensor_type.shape.dim
    is_last = len(extents) == 4 and extents[3].dim_value < extents[1].dim_value
    ordered = images if is_last else images.transpose(0, 3, 1, 2)
    theirs = meaning(model, ordered.reshape(N_IMAGES, *ordered.shape[1:]) / 256, output)
    ours = run(found.network, images)[found.network.layers[-1].name].reshape(N_IMAGES, -1)
    if np.allclose(theirs.sum(axis=1), 1):  # a softmax at the end changes no order
        theirs, ours = (_logs(np.log(theirs)), _logs(ours))
    np.testing.assert_allclose(ours, theirs.reshape(N_IMAGES, -1), rtol=1e-4, atol=1e-3)
    return found


def _logs(values: Array) -> Array:
    return np.asarray(values - values.max(axis=1, keepdims=True))


@pytest.mark.parametrize("seed", range(4))
def test_a_brevitas_file_is_read_exactly(tmp_path: Path, seed: int) -> None:
    model = agrees(tmp_path, brevitas(seed))
    convs = [layer for layer, _ in model.network.convs()]
    kinds = [model.network.input_of(layer).kind for layer in convs]
    assert kinds == [Kind.INTEGERS, *[Kind.BITS] * 4], "the input's Quant is folded"
    assert all(storage.value == "latent" for storage in model.storage.values())


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["where", "less", "not", "mended", "ste", "sign"])
@pytest.mark.parametrize("weights", ["where", "xnor"])
def test_hand_made_networks_are_read_exactly(tmp_path: Path, activation: str, weights: str) -> None:
    model = agrees(tmp_path, by_hand(3, activation, weights))
    assert sum(isinstance(layer.op, Threshold) for layer in model.network.layers) == 4
    assert sum(isinstance(layer.op, Conv) for layer in model.network.layers) == 4


@pytest.mark.parametrize("seed", range(4))
def test_a_larq_network_through_tf2onnx_is_read_exactly(tmp_path: Path, seed: int) -> None:
    model = agrees(tmp_path, tf2onnx(seed))
    assert model.network.input.shape == (10, 10, 1)


@pytest.mark.parametrize("n_thresholds", [1, 2, 3])
def test_thresholds_of_finn_are_read_exactly(tmp_path: Path, n_thresholds: int) -> None:
    graph = finn(5, n_thresholds)
    scores = graph.graph.node[-1].input[0]
    model = agrees(tmp_path, graph, scores)
    assert all(
        model.network.signals[la.name].kind is Kind.INTEGERS for la, _ in model.network.convs()
    )


@pytest.mark.parametrize(("n_bits", "signed", "narrow"), [(2, 1, 1), (2, 0, 0), (3, 1, 0)])
def test_activations_of_a_few_bits_are_sums_of_bits(
    tmp_path: Path, n_bits: int, signed: int, narrow: int
) -> None:
    model = agrees(tmp_path, few_bits(3, n_bits, signed=signed, narrow=narrow))
    readers = [model.network.input_of(layer) for layer, _ in model.network.convs()]
    n_steps = 2**n_bits - 1 - narrow
    assert [(each.kind, each.bound) for each in readers] == [
        (Kind.INTEGERS, 255),
        *[(Kind.INTEGERS, n_steps)] * 3,
    ]


def test_a_fixed_batch_is_read_as_one_image(tmp_path: Path) -> None:
    one, four = (read(tmp_path, few_bits(3, batch=batch)) for batch in (1, 4))
    assert four.weights_hash == one.weights_hash
    assert four.library == f"{one.library}, for 4 images at once, each read by itself"


def test_a_quantizer_of_several_bits_stays_where_it_is_not_even(tmp_path: Path) -> None:
    """Pixels times 1/255 meet the levels of 8 bits unevenly: the first layer is real then."""
    path = write_onnx(tmp_path / "m.onnx", brevitas())
    network = read_model(path, rescale=(Fraction(1, 255), Fraction(0))).network
    images = np.random.default_rng(3).integers(0, 256, (N_IMAGES, 12, 12, 3))
    ours = run(network, images)[network.layers[-1].name].reshape(N_IMAGES, -1)
    theirs = meaning(brevitas(), images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


def test_a_sign_that_may_meet_zero_is_refused_unless_it_is_declared(tmp_path: Path) -> None:
    g = Graph()
    x = g.node("Conv", "x", g.held(g.rng.choice([-1.0, 1.0], (4, 1, 3, 3))), kernel_shape=[3, 3])
    x = g.node("Conv", g.node("Sign", x), g.held(g.rng.choice([-1.0, 1.0], (2, 4, 2, 2))),
               kernel_shape=[2, 2])  # fmt: skip
    path = write_onnx(tmp_path / "m.onnx", g.model([1, 1, 4, 4], g.node("Flatten", x)))
    with pytest.raises(ModelFormatError) as error:
        read_model(path)
    assert str(error.value) == (
        f"{path}: conv_0/sign is a Sign, which gives 0 for 0, and the sums of channel 0 before it "
        "can be exactly 0; write torch.where(x >= 0, 1.0, -1.0), or say --sign-layer Sign where 0 "
        "may count as +1"
    )
    network = read_model(path, sign_layers={"Sign"}).network
    assert [type(layer.op).__name__ for layer in network.layers][:3] == [
        "Conv",
        "Threshold",
        "Conv",
    ]


@pytest.mark.parametrize("pads", [[1, 1, 1, 1], [2, 0, 1, 3], [0, 0, 1, 1]])
def test_paddings_of_pytorch_are_read_exactly(tmp_path: Path, pads: list[int]) -> None:
    """At stride 2 an even map is padded on both sides, which no padding of TensorFlow is."""
    g = Graph(1)
    x = g.node("Conv", "x", g.held(g.rng.choice([-1.0, 1.0], (4, 2, 3, 3))), kernel_shape=[3, 3],
               pads=pads, strides=[2, 2])  # fmt: skip
    x = g.node("Sign", g.batch_norm(x, 4))
    x = g.node("Conv", x, g.held(g.rng.choice([-1.0, 1.0], (4, 4, 3, 3))), kernel_shape=[3, 3],
               pads=pads, strides=[2, 2])  # fmt: skip
    x = g.node("GlobalMaxPool", g.batch_norm(x, 4))
    agrees(tmp_path, g.model([1, 2, 12, 12], g.node("Flatten", x)))


@pytest.mark.parametrize(
    ("window", "pads", "stride"), [(3, [1, 1, 1, 1], 2), (5, [2, 2, 2, 2], 3), (3, [2, 0, 1, 2], 2)]
)
@pytest.mark.parametrize("sign_first", [True, False])
def test_padded_pools_are_read_exactly(
    tmp_path: Path, window: int, pads: list[int], stride: int, sign_first: bool
) -> None:
    """What is padded is never the greatest, whichever way the signs around it turn."""
    g = Graph(2)
    x = g.node("Conv", "x", g.held(g.rng.choice([-1.0, 1.0], (6, 1, 3, 3))), kernel_shape=[3, 3])
    if sign_first:
        x = g.bipolar(g.batch_norm(x, 6, 2), g.held(np.float32(0.75)))
    pool: dict[str, Any] = {"kernel_shape": [window] * 2, "strides": [stride] * 2, "pads": pads}
    x = g.node("MaxPool", x, **pool)
    if not sign_first:
        x = g.bipolar(g.batch_norm(x, 6, 2), g.held(np.float32(0.75)))
    x = g.node("Conv", x, g.held(g.rng.choice([-1.0, 1.0], (4, 6, 2, 2))), kernel_shape=[2, 2])
    model = g.model([1, 1, 10, 10], g.node("GlobalMaxPool", x))
    if not sign_first and window == 3 and pads[0] == 2:
        with pytest.raises(ModelFormatError, match="any padding right behind a sign"):
            read(tmp_path, model)
        return
    agrees(tmp_path, model)


def test_gates_of_channels_are_read_exactly(tmp_path: Path) -> None:
    """Squeeze and excitation: a map times a value for each of its channels."""
    g = Graph(2)
    x = g.node("Conv", "x", g.held(g.rng.choice([-1.0, 1.0], (4, 1, 3, 3))), kernel_shape=[3, 3])
    x = g.batch_norm(x, 4, 2)
    gate = g.node("Sigmoid", g.node("Conv", g.node("GlobalAveragePool", x), g.latent(4, 4, 1, 1)))
    x = g.node("Where", g.node("GreaterOrEqual", g.node("Mul", x, gate), g.held(np.float32(0.3))),
               g.held(np.float32(1)), g.held(np.float32(-1)))  # fmt: skip
    x = g.node("Conv", x, g.held(g.rng.choice([-1.0, 1.0], (3, 4, 4, 4))), kernel_shape=[4, 4])
    agrees(tmp_path, g.model([1, 1, 6, 6], g.node("Flatten", x)))
