"""What each layer of a Keras file becomes in the network."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.model.read import fingerprint, read_model, read_network
from crshare.network import reference
from crshare.network.graph import (
    BitPool,
    Clamp,
    Conv,
    Flatten,
    Input,
    Kind,
    MaxPool,
    RealConv,
    Scale,
    Sign,
    Threshold,
)
from crshare.thresholds.layer_ops import Storage
from tests.keras_files import (
    Dialect,
    Spec,
    activation,
    batch_norm,
    conv,
    dense,
    flatten,
    pool,
    quantizer,
    rescaling,
    signs,
    write_h5,
)
from tests.small_model import (
    K1,
    K2,
    REAL,
    RNG,
    SHAPE,
    change_config,
    kinds,
    refusal,
    small,
)


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("dialect", Dialect)
def test_the_three_dialects_give_the_same_network(
    tmp_path: Path, dialect: Dialect, functional: bool
) -> None:
    layers = small()[:4] + [pool("p2", padding="same", strides=None), *small()[4:5]]
    path = write_h5(tmp_path / "m.h5", layers, (12, 12, 2), dialect, functional=functional)
    network = read_network(path)
    assert kinds(network) == [
        ("c1", "Conv"),
        ("c1/sign", "Threshold"),
        ("p1", "BitPool"),
        ("c2", "Conv"),
        ("p2", "MaxPool"),
        ("b2", "Scale"),
    ]
    assert network.input == Input((12, 12, 2))
    assert network.output.shape == (3, 3, 5)
    plain = write_h5(tmp_path / "plain.h5", layers, (12, 12, 2))
    assert fingerprint(read_network(plain)) == fingerprint(network)


def test_a_network_is_read_as_the_layers_say(tmp_path: Path) -> None:
    model = read_model(write_h5(tmp_path / "m.h5", small(), SHAPE))
    network = model.network
    assert model.library == "Keras 2.21.0 with Larq layers"
    assert set(model.storage.values()) == {Storage.BINARY}
    assert len(model.weights_hash) == 64
    c1, sign, p1, c2, sign2, flat, d = (la.op for la in network.layers)
    assert isinstance(c1, Conv) and c1.pad_value is None
    assert isinstance(sign, Threshold) and sign.at.tolist() == [0, 1, 3, 3]
    assert sign.merged == ("b1",)
    assert isinstance(p1, BitPool) and not p1.all_of.any()
    assert isinstance(c2, Conv) and c2.pad_value == 0
    assert isinstance(sign2, Threshold)
    assert sign2.rising.tolist() == [True, False, True, True, False]
    assert isinstance(flat, Flatten)
    assert isinstance(d, Conv) and d.kernel.shape == (1, 1, 20, 3)


def test_latent_weights_are_binarised_with_zero_as_plus_one(tmp_path: Path) -> None:
    latent = REAL.copy()
    latent[0, 0, 0] = 0.0, -0.0, -1e-40, -1.2e-38
    model = read_model(
        write_h5(tmp_path / "m.h5", [conv("c", latent, input_quantizer=None)], SHAPE)
    )
    conv_op = model.network.layers[0].op
    assert isinstance(conv_op, Conv)
    assert conv_op.kernel[0, 0, 0].tolist() == [1, 1, 1, -1]  # the third is no normal float32
    np.testing.assert_array_equal(conv_op.kernel[1:], np.where(latent[1:] >= 0, 1, -1))
    assert model.storage == {"c": Storage.LATENT}


@pytest.mark.parametrize(("part", "sign"), [("gamma", 1), ("beta", -1), ("mean", 1), ("bias", -1)])
def test_what_is_no_normal_float32_is_zero_in_every_layer(
    tmp_path: Path, part: str, sign: int
) -> None:
    def network(value: float, name: str) -> str:
        given = {"mean": 0.0, "gamma": 1.0, "beta": 0.0, "bias": 0.0} | {part: value}
        rows = {key: np.full(4, entry) for key, entry in given.items()}
        layers = [
            conv("c1", K1, input_quantizer=None, bias=rows["bias"]),
            batch_norm("b1", rows["mean"], gamma=rows["gamma"], beta=rows["beta"]),
            conv("c2", K2),
        ]
        return fingerprint(read_network(write_h5(tmp_path / name, layers, SHAPE)))

    assert network(sign * 1e-40, "tiny.h5") == network(0.0, "zero.h5")
    assert network(sign * 1.2e-38, "normal.h5") != network(0.0, "zero.h5")


@pytest.mark.parametrize(
    "spelling",
    [
        "ste_sign",
        "approx_sign",
        "SwishSign",
        quantizer("SteSign", Dialect.KERAS_2),
        quantizer("ApproxSign"),
        {"class_name": "Larq>SwishSign", "config": {}},
        {"module": "builtins", "class_name": "function", "config": "ste_sign"},
    ],
)
def test_a_sign_is_known_in_all_spellings(tmp_path: Path, spelling: Any) -> None:
    plain = fingerprint(read_network(write_h5(tmp_path / "a.h5", small(), SHAPE)))
    spelled = small(input_quantizer=spelling, kernel_quantizer=spelling)
    assert fingerprint(read_network(write_h5(tmp_path / "b.h5", spelled, SHAPE))) == plain
    moved = small(input_quantizer=None)
    moved.insert(3, activation("s", spelling))
    assert fingerprint(read_network(write_h5(tmp_path / "c.h5", moved, SHAPE))) == plain


def test_a_sign_before_the_pool_is_the_sign_behind_it(tmp_path: Path) -> None:
    layers = small(input_quantizer=None)
    layers = [layers[0], layers[2], activation("s", "ste_sign"), layers[1], *layers[3:]]
    path = write_h5(tmp_path / "m.h5", layers, SHAPE)
    assert kinds(read_network(path))[:4] == [
        ("c1", "Conv"),
        ("c1/sign", "Threshold"),
        ("p1", "BitPool"),
        ("c2", "Conv"),
    ]


def test_magnitudes_scale_the_sums_exactly(tmp_path: Path) -> None:
    """alpha is the mean of |w|: the threshold of S * alpha >= 1 is the first S above 1/alpha."""
    latent = REAL.copy()
    latent[..., 3] = 0.0
    layers = [
        conv("c1", latent, input_quantizer=None, kernel_quantizer="magnitude_aware_sign"),
        batch_norm("b1", np.ones(4), beta=np.zeros(4)),
        conv("c2", K2),
    ]
    threshold = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE)).layers[1].op
    assert isinstance(threshold, Threshold)
    for filter_ in range(3):
        taps = latent[..., filter_].ravel().tolist()
        alpha = sum(abs(Fraction(w)) for w in taps) / len(taps)
        assert threshold.at[filter_] == -(-1 // alpha)
    assert threshold.at[3] == 2**31 - 1  # alpha is 0, and 0 - 1 is never +1
    assert threshold.merged == ("c1", "b1")
    assert not threshold.adjustable


def test_a_plain_layer_with_one_magnitude_per_filter_is_binary(tmp_path: Path) -> None:
    scaled = K1 * np.array([1, 0.5, 0.25, 3], np.float32)
    layers = [
        conv("c1", scaled, kind="Conv2D"),
        batch_norm("b1", np.ones(4)),
        conv("c2", K2),
    ]
    network = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE))
    threshold = network.layers[1].op
    assert isinstance(threshold, Threshold)
    assert threshold.at.tolist() == [1, 2, 4, 1]


def test_rescaling_goes_into_the_input_and_the_first_threshold(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", [rescaling(), *small()], SHAPE)
    network = read_network(path)
    assert network.input == Input(SHAPE, multiplier=2, offset=-255)
    threshold = network.layers[1].op
    assert isinstance(threshold, Threshold)
    assert threshold.at.tolist()[:3] == [0, 128, 638]  # 255 * (0, 0.5-, 2.5+)
    assert threshold.merged == ("rescaling", "b1")
    outside = write_h5(tmp_path / "o.h5", small(), SHAPE)
    told = read_network(outside, rescale=(Fraction(2, 255), Fraction(-1)))
    assert fingerprint(told) == fingerprint(network)
    assert told.input == network.input


def test_a_difference_of_layers_is_a_sum_with_the_second_negated(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    layers = [
        conv("c1", K1, input_quantizer=None, padding="same"),
        batch_norm("b1", rng.integers(-9, 10, 4)),
        replace(conv("c2", signs(rng, 3, 3, 4, 4), padding="same"), reads=("b1",)),
        Spec("Subtract", "less", reads=("c2", "c1")),
        flatten(),
        dense("d", signs(rng, 144, 3)),
    ]
    network = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE, functional=True))
    images = rng.integers(0, 256, (6, *SHAPE))
    values = reference.run(network, images)
    sign = next(name for name in values if name.startswith("less/sign"))
    expected = np.where(values["c2"] - values["c1"] >= 0, 1, -1)
    assert np.array_equal(values[sign].reshape(expected.shape), expected)
    assert (expected > 0).any() and (expected < 0).any()


def test_pixels_may_be_binarised_directly(tmp_path: Path) -> None:
    layers = [rescaling(), flatten(), dense("d", signs(RNG, 72, 3))]
    network = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE))
    assert kinds(network) == [
        ("input/sign", "Threshold"),
        ("flatten", "Flatten"),
        ("d", "Conv"),
    ]
    threshold = network.layers[0].op
    assert isinstance(threshold, Threshold)
    assert threshold.at.tolist() == [0, 0]


@pytest.mark.parametrize(("pad", "whole"), [(0.0, 0), (1.0, 255), (-1.0, -255)])
def test_padding_behind_a_rescaling_is_counted_in_its_units(
    tmp_path: Path, pad: float, whole: int
) -> None:
    first = conv("c1", K1, input_quantizer=None, padding="same", pad_values=pad)
    network = read_network(write_h5(tmp_path / "m.h5", [rescaling(), first], SHAPE))
    first_op = network.layers[0].op
    assert isinstance(first_op, Conv) and first_op.pad_value == whole


def test_real_layers_may_stand_at_both_ends(tmp_path: Path) -> None:
    layers = [
        rescaling(1 / 255, 0.0),
        conv("c1", REAL, kind="Conv2D", padding="same", activation="relu", bias=np.ones(4)),
        batch_norm("b1", np.ones(4)),
        conv("c2", K2),
        batch_norm("b2", np.ones(5)),
        flatten(),
        dense("d", RNG.normal(size=(80, 3)).astype(np.float32), kind="Dense", bias=np.ones(3)),
    ]
    network = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE))
    types = [Scale, RealConv, Scale, Clamp, Scale, Sign, Conv, Scale, Flatten, RealConv, Scale]
    assert [type(la.op) for la in network.layers] == types
    images = RNG.integers(0, 256, (4, *SHAPE))
    x = reference.pad(images / 255, REAL.shape, (1, 1), 0)
    first = np.maximum(reference.convolve(x, REAL.astype(np.float64), (1, 1)) + 1, 0) - 1
    second = reference.convolve(np.where(first >= 0, 1, -1).astype(float), K2, (1, 1)) - 1
    second = second / np.sqrt(np.float64(np.float32(0.999)) + 0.001)
    kernel = layers[-1].weights["kernel"]
    expected = second.reshape(4, -1) @ kernel.astype(np.float64) + 1
    found = reference.run(network, images)["d/bias"].reshape(4, 3)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_layers_without_effect_are_left_out(tmp_path: Path) -> None:
    layers = small()
    layers.insert(1, Spec("Dropout", "drop", {"rate": 0.5}))
    layers.insert(3, Spec("GaussianNoise", "noise", {"stddev": 1.0}))
    layers.insert(5, activation("same", "linear"))
    network = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE))
    plain = read_network(write_h5(tmp_path / "p.h5", small(), SHAPE))
    assert fingerprint(network) == fingerprint(plain)


def test_a_custom_sign_layer_is_read_when_it_is_declared(tmp_path: Path) -> None:
    layers = small(input_quantizer=None)
    layers.insert(3, Spec("bnn>Sign", "s"))
    path = write_h5(tmp_path / "m.h5", layers, SHAPE, Dialect.KERAS_3, functional=True)
    plain = read_network(write_h5(tmp_path / "p.h5", small(), SHAPE))
    for name in ("Sign", "bnn>Sign", "s"):
        assert fingerprint(read_network(path, sign_layers={name})) == fingerprint(plain)
    with pytest.raises(ModelFormatError) as error:
        read_network(path)
    assert str(error.value) == (
        f"{path}: layer s is of the custom class bnn>Sign; if it gives +1 for values >= 0 and else "
        "-1, say so with --sign-layer Sign"
    )
    with pytest.raises(ModelFormatError) as error:
        read_network(path, sign_layers={"Sign", "Sing"})
    assert str(error.value) == (
        f"{path}: no layer, class or activation is named 'Sing', which --sign-layer names; the "
        "classes of the model are QuantConv2D, MaxPooling2D, BatchNormalization, bnn>Sign, "
        "Flatten, QuantDense, Activation"
    )


def test_a_declared_sign_with_weights_of_its_own_is_refused(tmp_path: Path) -> None:
    layers = small(input_quantizer=None)
    layers.insert(3, Spec("bnn>Sign", "s", weights={"slope": np.ones(4), "offset": np.ones(4)}))
    path = write_h5(tmp_path / "m.h5", layers, SHAPE, Dialect.KERAS_3, functional=True)
    with pytest.raises(ModelFormatError) as error:
        read_network(path, sign_layers={"Sign"})
    assert str(error.value) == (
        f"{path}: layer s is declared as a sign, but has weights (offset, slope) and no kernel, so "
        "it computes more; build the model of layers that crshare reads"
    )


def test_a_custom_activation_is_read_when_it_is_declared(tmp_path: Path) -> None:
    layers = small(input_quantizer=None)
    layers.insert(3, activation("s", "my_sign"))
    path = write_h5(tmp_path / "m.h5", layers, SHAPE)
    plain = read_network(write_h5(tmp_path / "p.h5", small(), SHAPE))
    assert fingerprint(read_network(path, sign_layers={"my_sign"})) == fingerprint(plain)
    assert refusal(tmp_path, layers) == (
        "layer s has activation 'my_sign', which is not read yet; if it gives +1 for values >= 0 "
        "and else -1, say so with --sign-layer my_sign"
    )


def test_pooling_at_the_end_stays_a_pooling(tmp_path: Path) -> None:
    layers = [conv("c1", K1, input_quantizer=None), pool("p", padding="same")]
    network = read_network(write_h5(tmp_path / "m.h5", layers, SHAPE))
    assert isinstance(network.layers[1].op, MaxPool)
    assert network.output.kind is Kind.INTEGERS


@pytest.mark.parametrize("shape", [(6, 6, 2), (72,), (36, 2)])
def test_the_input_shape_may_stand_in_the_first_layer(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    """Old Sequential files have no InputLayer; vectors and rows are maps of height 1."""
    layers = [flatten(), dense("d", signs(RNG, 72, 3))]
    path = write_h5(tmp_path / "m.h5", layers, shape)

    def without_input_layer(config: dict[str, Any]) -> None:
        del config["layers"][0]
        config["layers"][0]["config"]["batch_input_shape"] = [None, *shape]

    change_config(path, without_input_layer)
    network = read_network(path)
    assert network.input.shape == (1,) * (3 - len(shape)) + shape
    assert network.output.shape == (1, 1, 3)
