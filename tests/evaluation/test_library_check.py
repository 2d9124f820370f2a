"""Comparing a network with a library: where they first differ, and whether rounding explains it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.arrays import Array
from crshare.cli import main
from crshare.evaluation.library_check import Comparison, bit_readers, compare
from crshare.evaluation.rounding import margin
from crshare.model.read import Model, read_model
from crshare.network import reference
from crshare.network.graph import Layer, Scale
from tests.keras_files import Spec, activation, batch_norm, conv, dense, flatten, pool, write_h5
from tests.small_model import K1, K2, KD, SHAPE, small

IMAGES = np.random.default_rng(1).integers(0, 256, (6, *SHAPE))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return read_model(write_h5(tmp_path / "m.h5", small(), SHAPE))


def own(model: Model) -> tuple[dict[str, Array], Array]:
    """What a library would give that never rounds."""
    values = reference.run(model.network, IMAGES)
    bits = {layer.name: values[layer.source] > 0 for layer in bit_readers(model)}
    last = model.network.layers[-1].name
    return bits, values[last].reshape(len(IMAGES), -1)


def test_a_library_that_agrees_has_no_difference(model: Model) -> None:
    bits, scores = own(model)
    found = compare(model, IMAGES, bits, scores)
    assert found.holds and found.firsts == [] and found.score_error == 0
    assert [(check.layer, check.n_bits) for check in found.layers] == [
        ("c2", 6 * 2 * 2 * 4),
        ("d", 6 * 20),
    ]
    assert (found.n_same_class, found.n_other_class) == (len(IMAGES), 0)


@pytest.mark.parametrize("factor", [1, 2.0**-60])
def test_another_class_is_not_explained_by_scores_that_are_small(
    model: Model, factor: float
) -> None:
    bits, scores = own(model)
    last = model.network.layers[-1]
    scaled = Layer("scores", Scale(np.full(3, factor), np.zeros(3)), last.name)
    small = replace(model, network=replace(model.network, layers=(*model.network.layers, scaled)))
    assert compare(small, IMAGES, bits, scores * factor).holds
    found = compare(small, IMAGES, bits, np.zeros_like(scores))
    assert found.n_same_class + found.n_other_class == len(IMAGES) and found.n_other_class > 0
    assert not found.holds


def test_the_first_difference_of_an_image_is_told_once(model: Model) -> None:
    bits, scores = own(model)
    bits["c2"][3, 1, 0, 2] ^= True
    bits["d"][3] ^= True
    bits["d"][5].reshape(-1)[7] ^= True
    found = compare(model, IMAGES, bits, scores)
    firsts = [(check.layer, [first.image for first in check.first]) for check in found.layers]
    assert firsts == [("c2", [3]), ("d", [5])]
    assert found.layers[0].first[0].place == (1, 0, 2)
    assert found.n_unexplained == 2 and not found.holds


@pytest.mark.parametrize(("image", "explained"), [(0, True), (1, False)])
def test_other_scores_are_explained_where_a_step_is_at_its_threshold(
    tmp_path: Path, image: int, explained: bool
) -> None:
    """An activation of two bits reads s + 1/6 in float32: of the sum 0 it may give 0 or 1/3."""
    quantizer = {"class_name": "DoReFa", "config": {"k_bit": 2, "mode": "activations"}}
    kernel = np.array([1.0, -1.0], np.float32).reshape(1, 1, 2, 1)
    layers = [
        conv("c1", kernel, input_quantizer=None),
        batch_norm("b1", [0.0], beta=[1 / 6]),
        conv("c2", np.ones((1, 1, 1, 2), np.float32), input_quantizer=quantizer),
    ]
    model = read_model(write_h5(tmp_path / "m.h5", layers, (2, 2, 2)))
    images = np.full((2, 2, 2, 2), 7)
    images[1, ..., 0] += np.array([[1, 2], [3, 40]])
    scores = reference.run(model.network, images)[model.network.layers[-1].name].reshape(2, -1)
    scores[image] += 1
    found = compare(model, images, {}, scores)
    assert found.holds == explained and found.n_rounded == int(explained)
    assert found.n_same_class == 2 - int(explained)


def test_scores_behind_a_softmax_are_compared_up_to_a_number_for_each_image(model: Model) -> None:
    bits, scores = own(model)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    assert compare(model, IMAGES, bits, shares).score_error < 1e-6
    assert compare(model, IMAGES, bits, shares[::-1]).score_error > 1e-3


def test_rounding_explains_a_bit_at_a_tie_and_no_other(tmp_path: Path) -> None:
    """A batch normalisation centred on a sum that occurs: that sum is a tie."""
    values = reference.convolve(IMAGES.astype(np.int64), K1.astype(np.int64), (1, 1))
    centre = [int(values[0, 0, 0, channel]) for channel in range(4)]
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", centre),
        conv("c2", K2, padding="same"),
    ]
    model = read_model(write_h5(tmp_path / "m.h5", layers, SHAPE))
    outputs = reference.run(model.network, IMAGES)
    assert margin(model, outputs, "c1/sign", 0, (0, 0, 1)) == 0
    far = np.abs(outputs["c1"] - np.array(centre)) > 20
    image, row, column, channel = (int(part) for part in np.argwhere(far)[0])
    assert margin(model, outputs, "c1/sign", image, (row, column, channel)) > 1


def test_a_bit_behind_pools_and_joins_is_followed_to_its_sums(tmp_path: Path) -> None:
    layers = [
        conv("c1", K1, input_quantizer=None),
        batch_norm("b1", np.zeros(4)),
        activation("s1", "ste_sign"),
        pool("p1"),
        Spec("Concatenate", "join", {"axis": -1}, reads=("p1", "p1")),
        flatten(),
        dense("d", np.tile(KD[:16], (2, 1))),
    ]
    path = write_h5(tmp_path / "m.h5", layers, SHAPE, functional=True)
    model = read_model(path)
    outputs = reference.run(model.network, IMAGES)
    index = int(np.ravel_multi_index((1, 1, 6), (2, 2, 8)))
    found = margin(model, outputs, "flatten", 2, (0, 0, index))
    window = np.abs(outputs["c1"][2, 2:4, 2:4, 2]).min() / np.sqrt(1.0)
    size = model.network.signals["c1"].bound
    assert found == pytest.approx(window / (size * 2.0**-24 * (8 + 18)), rel=1e-2)


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
@pytest.mark.usefixtures("beside")
def test_verify_runs_a_model_in_its_own_library(tmp_path: Path) -> None:
    path = ROOT / "data" / "digits_bnn.h5"
    images = np.random.default_rng(0).integers(0, 17, (30, 8, 8, 1)).astype(np.uint8)
    np.savez(tmp_path / "i.npz", images=images, labels=np.zeros(30, np.int64))
    words = ["verify", str(path), "--images", "20", "--data", str(tmp_path / "i.npz")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "20 images in the model's library" in done.stdout
    assert "20 classes equal" in done.stdout and "No bit differs from Keras" in done.stdout
    assert not done.stderr


def test_a_comparison_of_no_images_holds() -> None:
    assert Comparison(0, (), 0.0, 0, 0).holds
