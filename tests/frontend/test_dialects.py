"""What each dialect makes of weights and signs, against its own formulas; networks read from it."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.frontend.config import KerasLayer
from crshare.frontend.dialects.qkeras_values import (
    Quantizer,
    bounds_of,
    quantised,
    quantizer,
    scale_of,
)
from crshare.model.read import read_model, read_network
from crshare.model.write import apply_network
from crshare.network import reference
from crshare.network.graph import Conv, Kind, Leak, Quantise, RealConv, SumPool, Threshold
from tests.keras_files import Spec, activation, average, batch_norm, conv, flatten, signs, write_h5
from tests.small_model import K1, K2, RNG, SHAPE, refusal, small

IMAGES = np.random.default_rng(2).integers(0, 256, (4, *SHAPE))


def network_of(tmp_path: Path, layers: list[Spec], **how: Any) -> Any:
    return read_network(write_h5(tmp_path / "m.h5", layers, SHAPE, **how))


def dorefa(mode: str) -> dict[str, Any]:
    return {"class_name": "DoReFa", "config": {"k_bit": 1, "mode": mode}}


def test_dorefa_of_one_bit_is_a_sign_with_zero_below(tmp_path: Path) -> None:
    """Weights round(tanh(w) / (2 max|tanh|) + 1/2), where halves go to 0; inputs round(x)."""
    stored = np.array([-2.0, -1e-9, 0.0, 1e-9, 1e-3, 2.0], np.float32).reshape(1, 1, 2, 3)
    layers = [
        conv("c1", stored, input_quantizer=None, kernel_quantizer=dorefa("weights")),
        batch_norm("b1", [0.0] * 3, 0.999, beta=[0.5] * 3),
        conv("c2", signs(RNG, 1, 1, 3, 2), input_quantizer=dorefa("activations")),
    ]
    network = network_of(tmp_path, layers)
    assert network.conv("c1").kernel.reshape(-1).tolist() == [-1, -1, -1, -1, 1, 1]
    threshold = network.layer("c1/sign").op
    assert threshold.at.tolist() == [1, 1, 1]  # 0 + 0.5 rounds to 0, so only sums above 0 fire
    values = reference.run(network, IMAGES)
    ones = (values["c1/sign"] + 1) // 2  # the sums of zeros and ones, as (w's + sum of w) / 2
    kernel = network.conv("c2").kernel.astype(int)
    expected = reference.convolve(ones.astype(int), kernel, (1, 1))
    np.testing.assert_array_equal(values["c2/scale"], expected)


def test_heaviside_inputs_pad_as_minus_one(tmp_path: Path) -> None:
    """Around a map of zeros and ones Keras pads with 0, which is -1 among signs."""
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", np.zeros(4)),
        conv("c2", K2, padding="same", input_quantizer="ste_heaviside"),
    ]
    network = network_of(tmp_path, layers)
    assert network.conv("c2").pad_value == -1
    values = reference.run(network, IMAGES)
    ones = (values["c1"] > 0).astype(int)
    padded = reference.pad(ones, K2.shape, (1, 1), 0)
    expected = reference.convolve(padded, K2.astype(int), (1, 1))
    np.testing.assert_array_equal(values["c2/scale"], expected)


def test_depthwise_separable_and_one_dimensional_layers(tmp_path: Path) -> None:
    depthwise, pointwise = signs(RNG, 3, 3, 4, 2), signs(RNG, 1, 1, 8, 5)
    config = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "use_bias": False}
    config |= {"filters": 5, "depth_multiplier": 2, "input_quantizer": "ste_sign"}
    config |= {"depthwise_quantizer": "ste_sign", "pointwise_quantizer": "ste_sign"}
    weights = {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise}
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", np.zeros(4)),
        Spec("QuantSeparableConv2D", "s", config, weights),
    ]
    network = network_of(tmp_path, layers)
    values = reference.run(network, IMAGES)
    bits = reference.pad(values["c1/sign"].astype(int), (3, 3), (1, 1), 0)
    for channel in range(4):
        for place in range(2):
            one = depthwise[:, :, channel, place].astype(int).reshape(3, 3, 1, 1)
            sums = reference.convolve(bits[..., channel : channel + 1], one, (1, 1))
            found = values["s/depthwise"][..., channel * 2 + place]
            np.testing.assert_array_equal(found, sums[..., 0])
    expected = values["s/depthwise"] @ pointwise[0, 0].astype(int)
    np.testing.assert_array_equal(values["s"], expected)
    assert network.signals["s"].kind is Kind.INTEGERS

    kernel = signs(RNG, 3, 2, 4)
    line = conv("c", kernel[np.newaxis], kind="QuantConv1D", input_quantizer=None)
    line = Spec("QuantConv1D", "c", {**line.config} | {"kernel_size": [3], "strides": [2]}
                | {"dilation_rate": [1]}, {"kernel": kernel})  # fmt: skip
    path = write_h5(tmp_path / "line.h5", [line], (9, 2))
    network = read_network(path)
    assert network.input.shape == (1, 9, 2) and network.signals["c"].shape == (1, 4, 4)


def test_depthwise_and_pointwise_signs_are_written_back(tmp_path: Path) -> None:
    config = {"kernel_size": [3, 3], "padding": "same", "use_bias": False, "filters": 5}
    config |= {"depth_multiplier": 2, "input_quantizer": "ste_sign"}
    config |= {"depthwise_quantizer": "ste_sign", "pointwise_quantizer": "magnitude_aware_sign"}
    weights = {"depthwise_kernel": RNG.normal(size=(3, 3, 4, 2)).astype(np.float32)}
    weights |= {"pointwise_kernel": RNG.normal(size=(1, 1, 8, 5)).astype(np.float32)}
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", np.zeros(4)),
        Spec("QuantSeparableConv2D", "s", config, weights),
    ]
    source = write_h5(tmp_path / "m.h5", layers, SHAPE)
    network = read_network(source)
    flipped: dict[str, Any] = {}
    for layer, old in network.convs():
        flips = RNG.choice(np.array([1, 1, -1], np.int8), old.kernel.shape)
        flipped[layer.name] = replace(old, kernel=old.kernel * flips)
    wanted = network.replace(flipped)
    apply_network(source, wanted, tmp_path / "new.h5")
    written = read_model(tmp_path / "new.h5")
    for name in ("c1", "s/depthwise", "s"):
        np.testing.assert_array_equal(written.network.conv(name).kernel, wanted.conv(name).kernel)
    assert written.linears["s"].magnitudes == read_model(source).linears["s"].magnitudes


def test_binarynet_weights_have_a_limit_and_zero_is_minus_one(tmp_path: Path) -> None:
    stored = np.array([-0.5, 0.0, 1e-9, 0.5], np.float32).reshape(1, 1, 2, 2)
    config = {"filters": 2, "kernel_size": [1, 1], "use_bias": False, "H": 0.5}
    layers = [
        Spec("BinaryConv2D", "c1", config, {"kernel": stored}),
        batch_norm("b1", [0.0, 0.0]),
        activation("s1", "binary_tanh"),
        Spec("BinaryConv2D", "c2", config, {"kernel": stored}),
    ]
    model = read_model(write_h5(tmp_path / "m.h5", layers, SHAPE))
    assert model.network.conv("c1").kernel.reshape(-1).tolist() == [-1, -1, -1, 1]
    assert model.linears["c1"].magnitudes == (Fraction(1, 2),) * 2
    assert model.network.layer("c1/sign").op.at.tolist() == [1, 1]  # a sum of 0 gives -1
    layers[3] = Spec("BinaryConv2D", "c2", config | {"H": -1}, {"kernel": stored})
    assert refusal(tmp_path, layers) == (
        "layer c2 has H -1, which is no limit of weights; train it with 1"
    )


def test_shortcuts_are_exact_up_to_what_is_added(tmp_path: Path) -> None:
    """Bi-Real: the sign of the first block is a threshold, its batch norm is what is added."""
    kernel = signs(RNG, 3, 3, 4, 4)
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", [3.0, 2, 1, 0]),
        conv("c2", kernel, padding="same"),
        batch_norm("b2", np.ones(4)),
        Spec("Add", "add", reads=("b1", "b2")),
        conv("c3", kernel, padding="same"),
    ]
    network = network_of(tmp_path, layers, functional=True)
    threshold = network.layer("c1/sign").op
    assert isinstance(threshold, Threshold) and not threshold.adjustable
    assert network.layer("add").sources == ("b1", "b2")
    assert network.signals["add"].kind is Kind.REALS
    values = reference.run(network, IMAGES)
    np.testing.assert_array_equal(values["c1/sign"], reference.sign(values["b1"]))
    np.testing.assert_array_equal(values["add"], values["b1"] + values["b2"])
    assert network.threshold_of("c3") is None


def test_averages_of_sums_stay_integers(tmp_path: Path) -> None:
    layers = [*small()[:1], batch_norm("b", [0.5] * 4), average("p"), *small()[3:4]]
    network = network_of(tmp_path, layers)
    assert [la.name for la in network.layers[:3]] == ["c1", "p", "p/sign"]
    values = reference.run(network, IMAGES)
    means = reference.pool(values["c1"], (2, 2), (2, 2), False, np.mean, 0)
    np.testing.assert_array_equal(values["p/sign"], reference.sign(means - 0.5))
    whole = [*small()[:1], Spec("GlobalAveragePooling2D", "g", {}), activation("s", "ste_sign")]
    network = network_of(tmp_path, whole)
    assert network.layer("g").op == SumPool((4, 4), (1, 1))
    assert network.output.shape == (1, 1, 4)


def test_a_slope_that_falls_is_computed_and_one_that_rises_is_folded(tmp_path: Path) -> None:
    for slope, kind in ((0.25, Threshold), (-0.25, Leak)):
        alpha = np.full((1, 1, 4), slope)
        layers = [
            *small()[:1],
            Spec("PReLU", "p", {"shared_axes": [1, 2]}, {"alpha": alpha}),
            batch_norm("b", [-20.0] * 4),
            activation("s", "ste_sign"),
        ]
        network = network_of(tmp_path, layers)
        assert any(isinstance(la.op, kind) for la in network.layers)
        values = reference.run(network, IMAGES)
        sums = values["c1"].astype(float)
        expected = reference.sign(np.where(sums < 0, slope * sums, sums) + 20)
        np.testing.assert_array_equal(values[network.layers[-1].name], expected)


def layer_with(key: str, value: object) -> KerasLayer:
    return KerasLayer("QConv2D", "q", {key: value}, {})


@pytest.mark.parametrize(
    ("text", "name", "fields"),
    [
        ("binary(alpha=1.0)", "binary", {"alpha": 1.0, "use_01": False}),
        ("binary(1)", "binary", {"use_01": 1, "alpha": None}),
        ("quantized_bits(4,0,1,alpha='auto_po2')", "quantized_bits", {"bits": 4, "symmetric": 1}),
        ("quantized_relu_po2(6, 2048)", "quantized_relu_po2", {"bits": 6, "max_value": 2048}),
        ("relu", "relu", {}),
        ({"class_name": "ternary", "config": {"threshold": 0.5}}, "ternary", {"threshold": 0.5}),
    ],
)
def test_quantizers_are_parsed_in_all_spellings(
    text: object, name: str, fields: dict[str, Any]
) -> None:
    found = quantizer(layer_with("kernel_quantizer", text), "kernel_quantizer")
    assert found is not None and found.name == name
    assert {key: found.fields[key] for key in fields} == fields


@pytest.mark.parametrize(
    "text",
    ["", "binary(", "os.remove('x')", "binary(alpha=open('x'))", "(" * 400, "x" * 501, 7, {}]
    + ["binary(alpha=-1)", "quantized_bits(0)", "quantized_bits(99)", "quantized_bits(bits='x')"],
)
def test_what_is_no_quantizer_is_refused_and_never_run(text: object) -> None:
    with pytest.raises(ModelFormatError, match="^layer q has kernel_quantizer .* damaged, or of a"):
        quantizer(layer_with("kernel_quantizer", text), "kernel_quantizer")


def made(text: str) -> Quantizer:
    found = quantizer(layer_with("k", text), "k")
    assert found is not None
    return found


def test_qkeras_values_are_those_of_its_formulas() -> None:
    x = np.array([-3.0, -0.3, -0.0, 0.3, 0.34, 0.6, 1.1, 5.0]).reshape(1, 8)
    for text, expected in (
        ("quantized_bits(4,0,1,alpha=1.0)", [-0.875, -0.25, 0, 0.25, 0.375, 0.625, 0.875, 0.875]),
        ("quantized_bits(4,2,0)", [-3, -0.5, 0, 0.5, 0.5, 0.5, 1, 3.5]),
        ("ternary(alpha=0.5)", [-0.5, 0, 0, 0, 0.5, 0.5, 0.5, 0.5]),
        ("binary(use_01=1)", [0, 0, 1, 1, 1, 1, 1, 1]),
        ("quantized_po2(4)", [-4, -0.25, 2.0**-4, 0.25, 0.25, 0.5, 1, 4]),
        ("quantized_relu_po2(3, 4)", [2.0**-4] * 3 + [0.25, 0.25, 0.5, 1, 4]),
    ):
        found = quantised(made(text), x)
        assert found is not None, text
        np.testing.assert_allclose(found[0], expected, err_msg=text)
    assert quantised(made("quantized_bits(4,0,1,alpha='auto')"), x) is None
    assert bounds_of(made("quantized_relu(4,1)")) == (0.125, 0.0, 1.875)


def test_qkeras_scales_of_binary_weights() -> None:
    weights = np.array([[0.3, -3.0], [-0.5, 1.0]])
    plus = np.where(weights >= 0, 1.0, -1.0)
    np.testing.assert_allclose(scale_of(made("binary(alpha='auto')"), weights, plus), [0.4, 2])
    assert scale_of(made("binary(alpha='auto_po2')"), weights, plus).tolist() == [0.5, 2]
    assert scale_of(made("binary(alpha=0.5)"), weights, plus).tolist() == [0.5, 0.5]


def test_fixed_point_layers_of_qkeras_are_read_beside_binary_ones(tmp_path: Path) -> None:
    four_bits = {"kernel_quantizer": "quantized_bits(4,0,1,alpha=1.0)", "use_bias": False}
    size = {"filters": 4, "kernel_size": [3, 3]}
    layers = [
        Spec("QConv2D", "q1", size | four_bits, {"kernel": RNG.random((3, 3, 2, 4))}),
        Spec("QActivation", "a1", {"activation": "quantized_relu(4,2)"}),
        Spec("QActivation", "a2", {"activation": "binary(alpha=0.5)"}),
        Spec("QConv2D", "q2", size | {"use_bias": False, "kernel_quantizer": "binary()"},
             {"kernel": RNG.normal(size=(3, 3, 4, 4))}),
    ]  # fmt: skip
    network = network_of(tmp_path, layers)
    kinds = [type(la.op) for la in network.layers]
    assert kinds[:2] == [RealConv, Quantise] and Conv in kinds
    values = reference.run(network, IMAGES)
    steps = network.layer("q1").op.kernel * 8
    np.testing.assert_array_equal(steps, np.rint(steps))
    assert set(np.unique(values["a1/activation"] * 4) % 1) == {0.0}
    np.testing.assert_array_equal(values["a2/scale"], values["q2"] / 2)


def test_flattened_scores_of_a_join(tmp_path: Path) -> None:
    layers = [
        *small()[:1],
        Spec("Concatenate", "join", {"axis": -1}, reads=("c1", "c1")),
        flatten(),
    ]
    network = network_of(tmp_path, layers, functional=True)
    assert network.output.shape == (1, 1, 128) and network.output.kind is Kind.INTEGERS


def test_an_unknown_quantizer_is_refused_by_name(tmp_path: Path) -> None:
    config = {"filters": 4, "kernel_size": [3, 3], "use_bias": False}
    config |= {"kernel_quantizer": "__import__('os')"}
    layers = [*small()[:1], Spec("QConv2D", "q", config, {"kernel": RNG.random((3, 3, 4, 4))})]
    assert refusal(tmp_path, layers) == (
        "layer q has kernel_quantizer __import__(), whose weights are not +1/-1; crshare reads "
        "binary, and with a number as alpha ternary, quantized_bits, quantized_po2 and "
        "quantized_relu_po2"
    )
