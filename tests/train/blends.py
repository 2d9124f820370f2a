"""Layers in fixed point and networks of Blend modules: trained, read back, brought to fixed point.

Run by test_training.py in a process of its own.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crshare.blend_recipes import BLEND_RECIPES, BlendRecipe, Schedule
from crshare.errors import DataError
from crshare.evaluation.fixed_point import Asked, in_fixed_point
from crshare.executor.execute import compile_network, outputs
from crshare.model.read import read_model, read_network
from crshare.network import reference
from crshare.network.fixing import Format
from crshare.network.graph import Conv, Quantise, RealConv
from crshare.recipes import BFLOAT16
from crshare.train import training
from crshare.train.augment import Augmentation
from crshare.train.blend import blend
from crshare.train.blend_net import build_blend, build_narrow
from crshare.train.compact import write_compact
from crshare.train.course import Course
from crshare.train.fixed_point import FixedPoint, grid_of
from crshare.train.library_model import Library
from crshare.train.narrow_blend import Handing, NarrowBlend
from crshare.train.plain_layers import give_weights, take_weights
from crshare.train.signs import sign

import tensorflow as tf  # isort: skip  # crshare.train says which Keras it is to use
import tf_keras as keras  # isort: skip

TINY = BlendRecipe("tiny", (6, 6, 1), (4, 8), 1, n_classes=3, half=8.0, epochs=2, batch=20)
HALVES = np.arange(-200, 200, dtype=np.float32) / 32  # of sixteenths, and beyond both limits


def test_a_layer_in_fixed_point_computes_what_the_executor_does() -> None:
    expected = reference.apply(Format(7, 4).quantise, HALVES.astype(np.float64))
    layer = FixedPoint(3, 4)
    assert np.array_equal(layer(HALVES).numpy(), expected)
    again = FixedPoint.from_config(layer.get_config())
    assert (again.integer_bits, again.fraction_bits) == (3, 4)
    made = {"class": "own.FixedPoint", "arguments": {"integer_bits": 3, "fraction_bits": 4}}
    for library in ("tf_keras", "keras"):
        ours = Library(library).make(made)
        assert np.array_equal(np.asarray(ours(HALVES)), expected)


def test_its_gradient_passes_within_the_limits() -> None:
    x = tf.constant([-4.1, -4.0, 0.3, 3.9, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = FixedPoint(3, 4)(x) * [1.0, 2.0, 3.0, 4.0, 5.0]
    assert tape.gradient(y, x).numpy().tolist() == [0, 2, 3, 4, 0]


def test_blendnet20_has_the_shape_of_resnet20() -> None:
    model = build_blend(BLEND_RECIPES["blendnet20"], 0, trained=True)
    mains = [layer for layer in model.layers if layer.name.endswith("_main")]
    skips = [layer for layer in model.layers if layer.name.endswith("_skip")]
    assert [layer.filters for layer in mains] == [16] * 6 + [32] * 6 + [64] * 6
    assert [layer.output_shape[1:] for layer in mains] == [
        layer.output_shape[1:] for layer in skips
    ]
    assert [layer.strides[0] for layer in mains] == [1] * 6 + [2, *[1] * 5] * 2
    norms = [la for la in model.layers if isinstance(la, keras.layers.BatchNormalization)]
    assert len(norms) == 1 + 3 * 18


def squares(folder: Path) -> Path:
    """Three kinds of bright squares in noise, 6x6."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 150)
    images = rng.integers(0, 6, (150, 6, 6, 1))
    for image, label in zip(images, labels, strict=True):
        image[1:5, 2 * label : 2 * label + 2] += 10
    np.savez(folder / "squares.npz", images=images.astype(np.uint8), labels=labels)
    return folder / "squares.npz"


def randomised(seed: int) -> Any:
    """A model of TINY's form to be saved, with moments and factors drawn."""
    rng = np.random.default_rng(seed)
    learned, plain = (build_blend(TINY, seed, trained=trained) for trained in (True, False))
    for layer in learned.layers:
        drawn = [rng.uniform(0.5, 2, w.shape) * rng.choice([1, -1]) for w in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            drawn[3] = np.abs(drawn[3])
            layer.set_weights(drawn)
    give_weights(learned, plain)
    return plain


def test_a_saved_model_is_read_and_computes_what_keras_does(tmp_path: Path) -> None:
    model = randomised(1)
    write_compact(model, tmp_path / "m.h5")
    assert keras.models.load_model(tmp_path / "m.h5", compile=False).count_params()
    network = read_network(tmp_path / "m.h5")
    kinds = [type(layer.op) for layer in network.layers]
    assert (kinds.count(Conv), kinds.count(Quantise), kinds.count(RealConv)) == (2, 3, 4)
    images = np.random.default_rng(2).integers(0, 16, (40, 6, 6, 1)).astype(np.uint8)
    names = [la.name for la in network.layers if isinstance(la.op, Quantise)]
    found = outputs(network, images, names)
    theirs = keras.Model(model.inputs, [la.output for la in model.layers if type(la) is FixedPoint])
    for name, other in zip(names, theirs(images.astype(np.float32)), strict=True):
        differing = (found[name] != other.numpy()).mean()
        assert differing < 0.01, name  # rounded to the other side of a half by float32


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("blend")
    course = Course(4, 20, 1, 1e-2, 1e-3, Augmentation(), 0.2)
    data = squares(folder)
    ended = training.train(TINY, data, course, folder, lambda what, done: None)
    assert ended.best["held_out"] > 0.6
    return ended.path, data


def test_a_trained_network_keeps_its_accuracy_in_fixed_point(trained: tuple[Path, Path]) -> None:
    network = read_network(trained[0])
    with np.load(trained[1]) as file:
        images, labels = file["images"], file["labels"]
    fixed = in_fixed_point(network, Asked(8, 4), None).network
    right = [
        float((compile_network(one).classify(images) == labels).mean()) for one in (network, fixed)
    ]
    assert right[0] > 0.6 and abs(right[0] - right[1]) < 0.1
    own = [(la.name, la.op) for la in network.layers if isinstance(la.op, Quantise)]
    assert all(fixed.layer(name).op == op for name, op in own)


NARROW = replace(TINY, name="narrow", schedule=Schedule.COSINE, smooth=True, crop=4, crop_share=0.5)


@pytest.mark.parametrize("strides", [1, 2])
def test_a_module_in_bfloat16_learns_as_keras_layers_do(strides: int) -> None:
    rng = np.random.default_rng(strides)
    shape = 16, 8, 8, 4
    x = (rng.integers(-40, 40, shape) / 16).astype(np.float32)
    upstream = rng.normal(size=(16, 8 // strides, 8 // strides, 6)).astype(np.float32)
    inputs = keras.Input(shape[1:])
    y = blend(inputs, 6, "b", strides=strides)
    y = FixedPoint(name="b_fixed")(keras.layers.BatchNormalization(name="b_norm")(y))
    plain = keras.Model(inputs, y)
    layer = NarrowBlend(6, strides, Handing(grid_of(4, 4), 1, False, 0.99), "b")
    before = 0 if strides == 2 else 1
    border = [[0, 0], [before, 1], [before, 1], [0, 0]]
    signs = np.pad(np.where(x >= 0, 1, -1), border, constant_values=1)
    given = [tf.constant(each, tf.bfloat16) for each in (x, signs)]
    layer(given)
    for name in ("kernel", "skip"):
        weights = getattr(layer, name)
        weights.assign(rng.uniform(-1, 1, weights.shape))
        plain.get_layer(f"b_{name.replace('kernel', 'main')}").set_weights([weights.numpy()])
    with tf.GradientTape() as tape:
        found, found_signs = (tf.cast(each, tf.float32) for each in layer(given))
        both = tf.reduce_sum(found * upstream)
        both += tf.reduce_sum(found_signs[:, 1:-1, 1:-1] * upstream)
    ours = tape.gradient(both, [layer.kernel, layer.skip, *layer.gammas, layer.beta])
    with tf.GradientTape() as tape:
        expected = plain(x, training=True)
        both = tf.reduce_sum((expected + sign(expected)) * upstream)
    norms = [plain.get_layer(f"b_{path}norm") for path in ("main_", "skip_", "")]
    kernels = [plain.get_layer(f"b_{path}").kernel for path in ("main", "skip")]
    theirs = tape.gradient(both, [*kernels, *(norm.gamma for norm in norms), norms[2].beta])
    assert (found != expected).numpy().mean() < 0.03  # beside a half, by rounded sums of the skip
    for one, other in zip(ours, theirs, strict=True):
        assert np.linalg.norm(one - other) < 0.05 * np.linalg.norm(other)


def test_a_network_trained_in_bfloat16_is_read_and_does_as_well(tmp_path: Path) -> None:
    course = Course(6, 20, 1, 1e-2, 1e-4, Augmentation(), 0.2)
    ended = training.train(
        NARROW, squares(tmp_path), course, tmp_path, lambda what, done: None, precision=BFLOAT16
    )
    assert ended.best["held_out"] > 0.6
    (folder := tmp_path / "more").mkdir()
    more = training.train(
        NARROW, tmp_path / "squares.npz", replace(course, epochs=1), folder,
        lambda what, done: None, precision=BFLOAT16, start=ended.path,
    )  # fmt: skip
    assert more.curve[0]["held_out"] == ended.best["held_out"]


@pytest.mark.parametrize("narrow", [True, False])
def test_a_training_begins_with_the_weights_of_a_file(narrow: bool, tmp_path: Path) -> None:
    write_compact(randomised(4), tmp_path / "m.h5")
    model = build_narrow(TINY, 5) if narrow else build_blend(TINY, 5, trained=True)
    stored = read_model(tmp_path / "m.h5").weights
    take_weights(model, stored)
    given = build_blend(TINY, 6, trained=False)
    give_weights(model, given)
    for layer in given.layers:
        for weight in layer.weights:
            name = weight.name.split(":")[0].split("/")[1]
            if not (narrow and cancels(layer.name, name)):
                kept = stored[layer.name][name]
                assert weight.numpy() == pytest.approx(kept, rel=1e-5), weight.name


def cancels(layer: str, weight: str) -> bool:
    """Whether it is a beta of one path, or the mean of both, which takes these off again."""
    of_path = layer.endswith(("_main_norm", "_skip_norm"))
    of_sum = layer.startswith("blend") and layer.endswith("_norm") and not of_path
    return (of_path and weight == "beta") or (of_sum and weight == "moving_mean")


def test_what_begins_with_a_model_of_another_recipe_is_refused(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    other = build_blend(replace(TINY, widths=(4, 6)), 0, trained=False)
    write_compact(other, tmp_path / "m.h5")
    course = Course(1, 20, 1, 1e-2, 1e-3, Augmentation(), 0.2)
    with pytest.raises(DataError, match="holds no weights of the recipe tiny; begin with a model"):
        training.train(
            TINY, squares(tmp_path), course, tmp_path, lambda what, done: None,
            start=tmp_path / "m.h5",
        )  # fmt: skip


def test_what_is_saved_of_a_model_in_bfloat16_computes_what_it_does() -> None:
    model, plain = build_narrow(NARROW, 3), build_blend(NARROW, 3, trained=False)
    images = np.random.default_rng(3).integers(0, 16, (40, 6, 6, 1)).astype(np.float32)
    for _ in range(600):  # the averages arrive at the moments of these images
        scores = model(images, training=True).numpy()
    give_weights(model, plain)
    assert plain(images).numpy() == pytest.approx(scores, abs=0.1)
