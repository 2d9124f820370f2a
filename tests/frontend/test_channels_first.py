"""Models that keep channels first are the networks of the same models with channels last."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.executor.execute import outputs
from crshare.images.image_set import image_set, load_images
from crshare.model.read import Model, read_model, read_network
from crshare.model.write import apply_network
from crshare.network.graph import Conv, alike
from tests.keras_files import (
    Array,
    Spec,
    activation,
    average,
    batch_norm,
    conv,
    dense,
    flatten,
    pool,
    signs,
    write_h5,
)
from tests.small_model import refusal

SHAPE = (9, 8, 3)
CASE = Path(__file__).parents[3] / "shared" / "cases" / "dingke_mlp" / "cnn.h5"


def layers(seed: int) -> list[Spec]:
    """Convolutions, poolings, slopes, a shortcut and lines, ended in one of several ways."""
    rng = np.random.default_rng(seed)

    def norm(name: str, n: int) -> Spec:
        return batch_norm(
            name, rng.integers(-4, 5, n), gamma=rng.choice([-1, 0.5, 2], n), beta=rng.random(n)
        )

    found = [
        conv("c1", signs(rng, 3, 3, 3, 4), input_quantizer=None),
        Spec("PReLU", "p1", {"shared_axes": [1, 2]}, {"alpha": rng.random((1, 1, 4), np.float32)}),
        norm("b1", 4),
        conv("c2", signs(rng, 3, 2, 4, 4), padding="same"),
        norm("b2", 4),
        Spec("Add", "add", reads=("b1", "b2")),
        Spec("ZeroPadding2D", "z", {"padding": [[1, 0], [0, 2]], "data_format": "channels_last"}),
        conv("c3", signs(rng, 3, 3, 4, 5), strides=[2, 1]),
        pool("m"),
        norm("b3", 5),
        Spec("Concatenate", "join", {"axis": 3}, reads=("b3", "b3b")),
    ]
    found.insert(10, replace(norm("b3b", 5), reads=("m",)))
    height, width = 1, 3
    match seed % 4:
        case 0:
            return [*found, flatten(), dense("d", signs(rng, height * width * 10, 6))]
        case 1:
            features = height * width * 10
            row = [flatten(), norm("b4", features), activation("a", "relu"), norm("b5", features)]
            return [*found, *row, dense("d", signs(rng, features, 6)), norm("b6", 6)]
        case 2:
            mean = Spec("GlobalAveragePooling2D", "g", {"data_format": "channels_last"})
            return [*found, mean, dense("d", signs(rng, 10, 6))]
        case _:
            means = [average("v", 1), Spec("Reshape", "r", {"target_shape": [height * width * 10]})]
            return [*found, *means, dense("d", signs(rng, height * width * 10, 6))]


def channels_first(specs: list[Spec], *, told: bool) -> list[Spec]:
    """The same model as it is written with channels first; told: Flatten is told so, too."""
    found, order, channels = [], None, 3
    for spec in specs:
        config, weights = dict(spec.config), dict(spec.weights)
        if spec.class_name == "Flatten":
            config["data_format"] = "channels_first" if told else "channels_last"
        elif "data_format" in config:
            config["data_format"] = "channels_first"
        if spec.class_name in ("Flatten", "Reshape") and not (
            told and spec.class_name == "Flatten"
        ):
            order = channels
        if spec.class_name == "BatchNormalization" and order is None:
            config["axis"] = 1
        if spec.class_name == "Concatenate":
            config["axis"] = 1
        if spec.class_name == "PReLU":
            config["shared_axes"], weights["alpha"] = [2, 3], weights["alpha"].transpose(2, 0, 1)
        if order is not None:
            once = spec.class_name == "QuantDense"
            names = ["kernel"] if once else list(weights)
            weights |= {name: in_front(weights[name], order) for name in names}
            order = None if once else order
        channels = config.get("filters", 10 if spec.name == "join" else channels)
        found.append(replace(spec, config=config, weights=weights))
    return found


def in_front(weights: Array, channels: int) -> Array:
    """Rows by position and channel, put in the order of channel and position."""
    by_place = weights.reshape(-1, channels, *weights.shape[1:])
    return np.concatenate([by_place[:, channel] for channel in range(channels)])


def both(folder: Path, seed: int, *, told: bool) -> tuple[Model, Model]:
    specs = layers(seed)
    last = write_h5(folder / "last.h5", specs, SHAPE, functional=True)
    moved = channels_first(specs, told=told)
    first = write_h5(folder / "first.h5", moved, (SHAPE[2], *SHAPE[:2]), functional=True)
    return read_model(last), read_model(first)


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_both_orders_are_one_network(tmp_path: Path, seed: int, told: bool) -> None:
    last, first = both(tmp_path, seed, told=told)
    assert len(last.network.layers) > 10
    assert [la.name for la in last.network.layers] == [la.name for la in first.network.layers]
    for one, other in zip(last.network.layers, first.network.layers, strict=True):
        assert alike(one.op, other.op), one.name
    assert first.network.input.shape == SHAPE
    assert last.weights_hash == first.weights_hash


@pytest.mark.parametrize("seed", range(4))
def test_images_come_in_either_order(tmp_path: Path, seed: int) -> None:
    _, first = both(tmp_path, seed, told=False)
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    labels = rng.integers(0, 6, 5)
    for given in (images, images.transpose(0, 3, 1, 2)):
        found = image_set(given, labels, first.network, "mine")
        np.testing.assert_array_equal(found.images, images)
        assert found.images.flags.c_contiguous


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_is_written_in_the_order_of_the_file(tmp_path: Path, seed: int) -> None:
    _, model = both(tmp_path, seed, told=False)
    rng = np.random.default_rng(seed)
    ops: dict[str, Any] = {
        layer.name: replace(conv, kernel=rng.choice(np.array([-1, 1], np.int8), conv.kernel.shape))
        for layer, conv in model.network.convs()
    }
    wanted = model.network.replace(ops)
    apply_network(tmp_path / "first.h5", wanted, tmp_path / "new.h5")
    written = read_network(tmp_path / "new.h5")
    assert [alike(a.op, b.op) for a, b in zip(written.layers, wanted.layers, strict=True)] == [
        True
    ] * len(wanted.layers)
    assert any(isinstance(layer.op, Conv) for layer in written.layers)


def test_the_library_gives_the_same_classes() -> None:
    """Ding Ke's example, whose labels are the classes that its own code gives."""
    if not CASE.exists():
        pytest.skip("needs ../shared/cases/dingke_mlp/cnn.h5")
    model = read_model(CASE, rescale=(Fraction(1, 255), Fraction(0)))
    images = load_images(CASE.with_suffix(".npz"), model.network)
    last = model.network.layers[-1].name
    scores = outputs(model.network, images.images, [last])[last].reshape(len(images), -1)
    np.testing.assert_array_equal(scores.argmax(axis=1), images.labels)


def first_of(*specs: Spec) -> list[Spec]:
    """A convolution with channels first, of images 6x6x2 that stand as [6, 6, 2], and these."""
    kernel = signs(np.random.default_rng(0), 3, 2, 6, 4)
    return [
        conv("c1", kernel, input_quantizer=None, padding="same", data_format="channels_first"),
        *specs,
    ]


BUILD = "; build the model with channels last"
REFUSED: list[tuple[list[Spec], str]] = [
    (
        first_of(pool("p")),
        "layer p has data_format 'channels_last' and reads maps with channels first" + BUILD,
    ),
    (
        first_of(batch_norm("b", np.zeros(4))),
        "layer b normalises axis -1 of maps with channels first; crshare reads axis 1, the "
        "channels",
    ),
    (
        first_of(dense("d", signs(np.random.default_rng(0), 2, 3))),
        "layer d multiplies the last axis of maps with channels first" + BUILD,
    ),
    (
        first_of(Spec("Reshape", "r", {"target_shape": [4, 12]})),
        "layer r reshapes maps with channels first to [4, 12], where only flattening is read"
        + BUILD,
    ),
    (
        first_of(activation("a", "relu")),
        "layer a gives out maps with channels first, or their values in a row" + BUILD
        + ", or end it with a dense layer or a global pooling",
    ),
    (
        first_of(flatten(), dense("d", signs(np.random.default_rng(0), 49, 3))),
        "layer d has a weight 'kernel' of shape [49, 3] behind a map of 4 channels, which stand "
        "first; the file is damaged, or of a kind that crshare does not know",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("specs", "sentence"), REFUSED, ids=lambda v: str(v)[:30])
def test_what_mixes_orders_is_refused(tmp_path: Path, specs: list[Spec], sentence: str) -> None:
    assert refusal(tmp_path, specs) == sentence
