"""What the user says of layers whose code crshare does not run."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.errors import ArgumentError, ModelFormatError
from crshare.frontend.declared import MEANINGS, Meaning, declared, parsed_declarations
from crshare.frontend.linear_layers import mean_magnitudes
from crshare.model.read import Model, read_model
from crshare.network import reference
from crshare.thresholds.layer_ops import ONE, Fractions
from crshare.train.blueprint import is_substituted, layers_of
from tests.keras_files import Spec, activation, conv, rescaling, write_h5
from tests.small_model import K1, K2, RNG, SHAPE, small

LATENT = RNG.normal(size=K2.shape).astype(np.float32)


def read(path: Path, layers: list[Spec], **meanings: str) -> Model:
    return read_model(write_h5(path / "m.h5", layers, SHAPE), layers=declared((), meanings))


def scores(model: Model) -> Any:
    images = np.random.default_rng(3).integers(0, 256, (5, *SHAPE))
    return reference.run(model.network, images)[model.network.layers[-1].name]


def test_a_layer_that_is_the_identity_changes_nothing(tmp_path: Path) -> None:
    dropped = [*small()[:3], Spec("DropoutNoScale", "drop", {"rate": 0.5}), *small()[3:]]
    found = read(tmp_path, dropped, DropoutNoScale="identity")
    np.testing.assert_array_equal(scores(found), scores(read(tmp_path, small())))


def test_a_lambda_may_be_declared_by_its_name(tmp_path: Path) -> None:
    coded = [*small()[:3], Spec("Lambda", "code", {"function": ["4wEAAAA="]}), *small()[3:]]
    found = read(tmp_path, coded, code="identity")
    np.testing.assert_array_equal(scores(found), scores(read(tmp_path, small())))


def test_a_layer_that_signs_its_input_has_a_sign_before_it(tmp_path: Path) -> None:
    own = conv("c2", K2, kind="mine>Conv", padding="same")
    found = read(tmp_path, [*small()[:3], own, *small()[4:]], Conv="signs-input")
    np.testing.assert_array_equal(scores(found), scores(read(tmp_path, small())))
    made = layers_of(found.graph, found.declared)
    (entry,) = [entry for entry in made if entry["made"]["class"] == "own.Quantized"]
    assert entry["made"]["arguments"]["layer"]["class"] == "layers.Conv2D"


def magnitudes(path: Path, quantizer: Any, **meanings: str) -> Fractions:
    layers = [*small()[:3], conv("c2", LATENT, padding="same", kernel_quantizer=quantizer)]
    return read(path, [*layers, *small()[4:]], **meanings).linears["c2"].magnitudes


def test_a_scaled_sign_is_that_of_larq_or_of_the_whole_layer(tmp_path: Path) -> None:
    own = {"class_name": "function", "config": "own_scale"}
    by_filter = np.abs(LATENT.astype(np.float64)).reshape(-1, LATENT.shape[-1]).mean(axis=0)
    found = magnitudes(tmp_path, own, own_scale="scaled-sign")
    np.testing.assert_allclose([float(m) for m in found], by_filter, rtol=1e-12)
    found = magnitudes(tmp_path, own, own_scale="layer-scaled-sign")
    np.testing.assert_allclose([float(m) for m in found], by_filter.mean(), rtol=1e-12)
    assert magnitudes(tmp_path, own, own_scale="sign") == ONE


@pytest.mark.parametrize("spread", [1, 1e-6, 1e-20])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_means_of_magnitudes_are_exact(spread: float, kind: str) -> None:
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(3, 3, 4, 5)) * spread ** rng.random((3, 3, 4, 5))
    weights = np.where(rng.random(weights.shape) < 0.1, 0, weights).astype(kind).astype(np.float64)
    columns = np.abs(weights).reshape(-1, 5).T.tolist()
    exact = tuple(sum(map(Fraction, column)) / len(column) for column in columns)
    assert mean_magnitudes(weights) == exact


def test_an_activation_may_be_declared_as_a_clip(tmp_path: Path) -> None:
    clipped = [*small()[:3], activation("a", "own_clip"), *small()[3:]]
    found = read(tmp_path, clipped, own_clip="clip-0-1")
    # bits of what is at least 0: all are +1 behind the sign
    bits = reference.run(found.network, np.zeros((1, *SHAPE), np.int64))
    assert any(value.dtype == np.int8 and (value == 1).all() for value in bits.values())


@pytest.mark.parametrize(
    ("meanings", "sentence"),
    [
        (
            {"nobody": "identity"},
            "no layer, class or activation is named 'nobody', which --layer names; the classes of "
            "the model are QuantConv2D, MaxPooling2D, BatchNormalization, Flatten, QuantDense, "
            "Activation",
        ),
        (
            {"p1": "signs-input"},
            "layer p1 is declared as signs-input, and has no weights; declare it as sign or "
            "identity",
        ),
        (
            {"c2": "identity"},
            "layer c2 is declared as identity, but has a kernel, so it computes more; build the "
            "model of layers that crshare reads",
        ),
    ],
)
def test_what_the_numbers_do_not_allow_is_refused(
    tmp_path: Path, meanings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ModelFormatError) as error:
        read(tmp_path, small(), **meanings)
    assert str(error.value) == f"{tmp_path / 'm.h5'}: {sentence}"


def test_declarations_are_parsed_or_refused() -> None:
    assert parsed_declarations(["a=b=sign", "C=identity"]) == {"a=b": "sign", "C": "identity"}
    assert declared(["x"], {"y": "identity"}) == {"x": Meaning.SIGN, "y": Meaning.IDENTITY}
    for text in ("a", "a=", "=sign", "a=round"):
        with pytest.raises(ArgumentError) as error:
            parsed_declarations([text])
        assert str(error.value) == (
            f"--layer {text}: expected NAME=MEANING, of which the meaning is one of "
            f"{', '.join(MEANINGS)}"
        )
    with pytest.raises(ArgumentError, match=r"^layer a=round: expected one of identity|sign"):
        declared((), {"a": "round"})


def test_a_declared_sign_that_makes_the_same_of_every_pixel_is_refused(tmp_path: Path) -> None:
    """As Ding Ke's DropoutNoScale, which changes nothing when it is run."""
    dropped = [Spec("Dropout", "out", {"rate": 0.1}), Spec("DropoutNoScale", "drop", {"rate": 0.5})]
    model = [*dropped, *small()]
    sentence = (
        "layer drop is declared as a sign, and would make the same of every pixel; if it changes "
        "nothing when the model is run, say so with --layer DropoutNoScale=identity"
    )
    with pytest.raises(ModelFormatError, match=f": {sentence}$"):
        read(tmp_path, model, DropoutNoScale="sign")
    read(tmp_path, [rescaling(), *model], DropoutNoScale="sign")  # of -1 to 1, which it may be
    read(tmp_path, model, DropoutNoScale="identity")


def test_layers_without_a_library_are_substituted_by_what_they_multiply_with(
    tmp_path: Path,
) -> None:
    layers = [conv("c1", 0.3 * K1, kind="BinaryConv2D", H=0.5), *small()[1:]]
    model = read_model(write_h5(tmp_path / "m.h5", layers, SHAPE))
    assert [la.name for la in model.graph.layers if is_substituted(la, {})] == ["c1"]
    values = {"c1": model.linears["c1"].weights}
    first = layers_of(model.graph, {}, values)[0]
    assert first["made"]["class"] == "layers.Conv2D"
    np.testing.assert_array_equal(first["weights"]["kernel"], np.float32(0.5) * K1)


@pytest.mark.parametrize("n_bits", [2, 3])
def test_activations_of_a_few_bits_are_sums_of_bits(tmp_path: Path, n_bits: int) -> None:
    """Each step is a threshold; halves go to the even step, as numpy and TensorFlow round."""
    n = 2**n_bits - 1
    fields = {"k_bit": n_bits, "mode": "activations"}
    quantizer = {"class_name": "DoReFa", "config": fields}
    layers = [
        conv("c1", K1, input_quantizer=None),
        rescaling(1 / (2 * n), 0.0),
        conv("c2", K2, padding="valid", input_quantizer=quantizer),
    ]
    model = read_model(write_h5(tmp_path / "m.h5", layers, SHAPE))
    images = np.random.default_rng(4).integers(0, 2, (20, *SHAPE))
    values = reference.run(model.network, images)
    quantised = np.rint(np.clip(values["c1"] / 2, 0, n)) / n
    expected = reference.convolve(quantised, K2.astype(np.float64), (1, 1))
    last = values[model.network.layers[-1].name]
    np.testing.assert_allclose(last, expected, atol=1e-9)
    assert sum(name.startswith("c1/sign") for name in values) == n
