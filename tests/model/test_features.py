"""Models whose input is real numbers as their library gets them, and not pixels."""

from pathlib import Path

import numpy as np
import pytest

from crshare.errors import DataError, ModelFormatError
from crshare.executor.execute import outputs
from crshare.images.image_set import ImageSet, image_set, load_images
from crshare.model.inspect import inspect_model
from crshare.model.read import Model, read_model, read_network
from crshare.model.write import apply_network
from crshare.network import reference
from crshare.network.graph import INPUT, Conv, Kind, RealConv, Sign
from tests.keras_files import Spec, batch_norm, conv, dense, flatten, rescaling, signs, write_h5

RNG = np.random.default_rng(5)
FEATURES = RNG.normal(size=(30, 12)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 30)


def layers() -> list[Spec]:
    """A dense layer of +1/-1 on features, as in hls4ml's examples, and two more."""
    return [
        dense("d1", signs(RNG, 12, 20), input_quantizer=None),
        batch_norm("b1", RNG.normal(size=20), gamma=RNG.normal(size=20), beta=RNG.normal(size=20)),
        dense("d2", signs(RNG, 20, 16)),
        batch_norm("b2", RNG.integers(-3, 4, 16)),
        dense("d3", signs(RNG, 16, 3)),
    ]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return read_model(write_h5(tmp_path / "m.h5", layers(), (12,)), features=True)


def test_the_first_layer_is_real_and_the_others_are_shared(model: Model) -> None:
    ops = [type(layer.op) for layer in model.network.layers]
    assert ops[0] is RealConv and ops.count(Conv) == 2 and Sign in ops
    assert model.network.signals[INPUT].kind is Kind.REALS
    assert inspect_model(model).input == "1x1x12 real numbers, as they are"


def test_features_are_computed_as_the_layers_say(model: Model) -> None:
    images = image_set(FEATURES, CLASSES, model.network, "mine").images
    weights = {layer.name: layer.weights for layer in model.graph.layers}
    norm = weights["b1"]
    sums = FEATURES.astype(np.float64) @ weights["d1"]["kernel"]
    spread = np.sqrt(norm["moving_variance"] + 0.001)
    values = (sums - norm["moving_mean"]) / spread * norm["gamma"] + norm["beta"]
    last = model.network.layers[-1].name
    found = reference.run(model.network, images)
    bits = next(la.name for la in model.network.layers if isinstance(la.op, Sign))
    assert np.array_equal(found[bits][:, 0, 0], np.where(values >= 0, 1, -1))
    assert np.array_equal(outputs(model.network, images, [last])[last], found[last])


def test_a_map_of_reals_may_be_rescaled_reshaped_and_convolved(tmp_path: Path) -> None:
    model = [
        Spec("Reshape", "r", {"target_shape": [3, 2, 2]}),
        rescaling(0.5, 0.25),
        conv("c", signs(RNG, 2, 2, 2, 4), input_quantizer=None),
        batch_norm("b", RNG.normal(size=4)),
        flatten(),
        dense("d", signs(RNG, 8, 3)),
    ]
    network = read_network(write_h5(tmp_path / "m.h5", model, (12,)), features=True)
    images = image_set(FEATURES, CLASSES, network, "mine").images
    assert images.shape == (30, 3, 2, 2)
    found = reference.run(network, images)
    kernel = next(layer.op for layer in network.layers if isinstance(layer.op, RealConv)).kernel
    rescaled = FEATURES.reshape(30, 3, 2, 2) * 0.5 + 0.25
    expected = reference.convolve(rescaled.astype(np.float64), kernel.astype(np.float64), (1, 1))
    np.testing.assert_allclose(found["c"], expected, atol=1e-6)


def test_features_are_read_from_files_and_hashed_as_they_are(model: Model, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", FEATURES)
    np.save(tmp_path / "y.npy", CLASSES)
    found = load_images(tmp_path / "x.npy", model.network)
    assert np.array_equal(found.images[:, 0, 0], FEATURES)
    other = found.images.copy()
    other[0, 0, 0, 0] += 0.25
    assert ImageSet("b", other, found.labels).digest != found.digest


def test_a_plan_of_a_model_of_features_is_written(model: Model, tmp_path: Path) -> None:
    last = model.network.layers[-1]
    assert isinstance(last.op, Conv)
    wanted = model.network.replace({last.name: Conv(-last.op.kernel)})
    apply_network(model.path, wanted, tmp_path / "new.h5", features=True)
    written = read_network(tmp_path / "new.h5", features=True).conv(last.name)
    assert np.array_equal(written.kernel, -last.op.kernel)


def test_a_model_whose_signs_all_meet_reals_is_told_so(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "r.h5", [layers()[0]], (12,))
    with pytest.raises(ModelFormatError) as error:
        read_model(path, features=True)
    assert str(error.value) == (
        f"{path}: the model's layers of +1/-1 weights read real numbers only, and crshare shares "
        "the results of those that read bits or integers; put a sign before them"
    )


def test_what_does_not_go_with_features_is_told(model: Model) -> None:
    with pytest.raises(ModelFormatError, match=r": --features are what the model takes, and --res"):
        read_model(model.path, features=True, rescale=(1, 0))  # type: ignore[arg-type]
    for wrong in (np.nan, 1e300):
        with pytest.raises(DataError, match=r"^mine: images hold NaN, infinity or more than float"):
            image_set(FEATURES.astype(np.float64) * wrong, CLASSES, model.network, "mine")
    with pytest.raises(DataError, match=r"^mine: images are complex64; crshare expects numbers"):
        image_set(FEATURES.astype(np.complex64), CLASSES, model.network, "mine")
