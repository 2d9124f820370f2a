"""Networks of recipes trained for a few steps: read back, resumed, refused.

Run by test_training.py in a process of its own.
"""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import crshare
from crshare.cli import main
from crshare.images.image_set import ImageSet, load_images
from crshare.model.read import read_model
from crshare.network.graph import Conv, Threshold
from crshare.recipes import RECIPES, Recipe, RecipeError, recipe_of
from crshare.report.training_schema import TrainReport
from crshare.train import training
from crshare.train.augment import Augmentation
from crshare.train.compact import write_compact
from crshare.train.course import Course, Trained, parted
from crshare.train.recipes import build
from crshare.typed_json import read_json, write_json

import tf_keras as keras  # isort: skip  # crshare.train says which Keras it is to use

TINY = Recipe("tiny", (8, 8, 1), ((4, 4), (8,)), (16,), n_classes=3, first_rate=1e-2)
COURSE = Course(2, 10, 1, 1e-2, 1e-3, Augmentation(shift=1), 0.25)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kinds of bright squares in noise, 8x8."""
    labels = RNG.integers(0, 3, 120)
    images = RNG.integers(0, 100, (120, 8, 8, 1))
    for image, label in zip(images, labels, strict=True):
        image[1:7, 2 * label : 2 * label + 3] += 150
    path = tmp_path_factory.mktemp("data") / "squares.npz"
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


def silent(what: str, done: float) -> None:
    pass


def test_shapes_of_the_paper() -> None:
    for name, width, dense in (
        ("binarynet-cifar10", 128, 1024),
        ("binarynet-half-cifar10", 64, 512),
        ("binarynet-svhn", 64, 1024),
    ):
        recipe = recipe_of(name)
        assert recipe.blocks == tuple((width * k, width * k) for k in (1, 2, 4))
        assert recipe.dense == (dense, dense)
    assert recipe_of("mnist-mlp").dense == (4096, 4096, 4096)
    with pytest.raises(RecipeError) as error:
        recipe_of("none")
    assert str(error.value) == f"no recipe is named 'none'; choose one of {', '.join(RECIPES)}"


@dataclass(frozen=True)
class Run:
    """A whole run: how it ended, how it stood after each epoch, and what it would have left in its
    folder if it had been killed in its second epoch."""

    ended: Trained
    seen: list[Trained]
    killed: Path


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Run]:
    """TINY trained with plain and with drawn signs."""
    return {
        stochastic: whole_run(data, tmp_path_factory.mktemp("run"), stochastic=stochastic)
        for stochastic in (False, True)
    }


def whole_run(data: Path, folder: Path, *, stochastic: bool) -> Run:
    seen, killed = list[Trained](), folder.with_name(f"{folder.name}-killed")

    def record(now: Trained) -> None:
        seen.append(now)
        if len(now.curve) == 2:
            shutil.copytree(folder, killed)

    ended = training.train(TINY, data, COURSE, folder, silent, stochastic=stochastic, record=record)
    return Run(ended, seen, killed)


def keras_right(path: Path, images: ImageSet) -> float:
    """The share of images that the library that wrote the file classifies as labelled."""
    model = keras.models.load_model(path, compile=False)
    scores = model.predict(images.images.astype(np.float32), verbose=0)
    return float((scores.argmax(axis=1) == images.labels).mean())


def test_a_trained_recipe_is_read_and_classifies_as_keras_does(
    data: Path, runs: dict[bool, Run]
) -> None:
    run = runs[False]
    assert [len(each.curve) for each in run.seen] == [1, 2, 3]
    assert_as_keras_says(data, run.ended)


def test_a_recipe_in_bfloat16_is_read_and_classifies_as_keras_does(
    data: Path, tmp_path: Path
) -> None:
    assert_as_keras_says(
        data, training.train(TINY, data, COURSE, tmp_path, silent, precision="bfloat16")
    )


def assert_as_keras_says(data: Path, trained: Trained) -> None:
    assert [path.name for path in trained.path.parent.iterdir()] == ["tiny.h5"]
    network = read_model(trained.path).network
    filters = [la.op.kernel.shape[3] for la in network.layers if isinstance(la.op, Conv)]
    assert filters == [4, 4, 8, 16, 3]
    _, held_out = parted(load_images(data, network), COURSE.held_out, COURSE.seed)
    assert (trained.n_training, trained.validation_name) == (90, held_out.name)
    assert keras_right(trained.path, held_out) == pytest.approx(trained.best["held_out"])
    assert trained.best["held_out"] > 0.6
    assert set(trained.curve[1]) == {"epoch", "rate", "loss", "training", "held_out"}


def test_in_bfloat16_all_but_the_first_layer_and_the_scores_is_narrow() -> None:
    narrow = build(TINY, 0, "bfloat16")
    wide = build(TINY, 0)
    assert [w.shape for w in narrow.get_weights()] == [w.shape for w in wide.get_weights()]
    assert {w.dtype.name for w in narrow.get_weights()} == {"float32"}
    found = {layer.name: layer.output.dtype.name for layer in narrow.layers}
    kept = {"pixels", "rescaling", "conv1", "norm5"}
    assert all((dtype == "float32") == (name in kept) for name, dtype in found.items())
    pixels = RNG.integers(0, 256, (20, 8, 8, 1)).astype(np.float32)
    signs = [
        keras.Model(model.input, model.get_layer("conv2").output)(pixels, training=False).numpy()
        for model in (narrow, wide)
    ]
    assert np.array_equal(signs[0].astype(np.float32), signs[1])  # sums up to 36, exact in bfloat16


def test_pixels_become_bits_where_the_recipe_says_so(tmp_path: Path) -> None:
    recipe = replace(recipe_of("sfc-mnist"), dense=(4,))
    write_compact(build(recipe, 0), tmp_path / "model.h5")
    network = read_model(tmp_path / "model.h5").network
    first, pixels = network.layers[0].op, network.input
    assert isinstance(first, Threshold) and pixels.shape == (28, 28, 1)
    values = [pixels.multiplier * pixel + pixels.offset for pixel in (127, 128)]
    assert [value >= first.at[0] for value in values] == [False, True] and first.rising[0]


@pytest.mark.parametrize("stochastic", [False, True])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    data: Path, runs: dict[bool, Run], stochastic: bool
) -> None:
    """That one leaves its checkpoint when it is killed is tested of fine-tuning."""
    run, seen = runs[stochastic], list[str]()
    resumed = training.train(
        TINY,
        data,
        COURSE,
        run.killed,
        lambda what, _: seen.append(what),
        stochastic=stochastic,
    )
    assert not any(what.startswith("epoch 1") for what in seen)
    assert any(what.startswith("epoch 2") for what in seen)
    assert resumed.curve == run.ended.curve
    hashes = [crshare.load(trained.path).weights_hash for trained in (run.ended, resumed)]
    assert hashes[0] == hashes[1]


def test_a_recipe_with_drawn_signs_is_left_with_plain_ones(
    data: Path, runs: dict[bool, Run]
) -> None:
    plain, drawn = runs[False].ended, runs[True].ended
    assert drawn.curve[0] == plain.curve[0]
    assert drawn.curve[1]["loss"] != plain.curve[1]["loss"]
    images = load_images(data, read_model(drawn.path).network)
    _, held_out = parted(images, COURSE.held_out, COURSE.seed)
    assert keras_right(drawn.path, held_out) == pytest.approx(drawn.best["held_out"])


def test_the_command_writes_model_and_curve(data: Path, tmp_path: Path) -> None:
    line = ["train", "digits", "--data", data, "-o", tmp_path, "--epochs", 1, "--mirror"]
    done = CliRunner().invoke(main, [str(word) for word in [*line, "--json", "-"]])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "curve.json").read_text())
    assert write_json(read_json(done.stdout.encode(), TrainReport)) == done.stdout
    assert (document["recipe"], document["augmentation"]) == ("digits", "mirror")
    assert crshare.load(tmp_path / "digits.h5").network.input.shape == (8, 8, 1)


def test_images_of_another_size_are_refused(data: Path, tmp_path: Path) -> None:
    line = ["train", "mnist-mlp", "--data", data, "-o", tmp_path]
    done = CliRunner().invoke(main, [str(word) for word in line])
    assert done.exit_code == 2
    assert done.stderr == (
        f"crshare: {data}: images are [120, 8, 8, 1]; this model expects [n, 28, 28, 1]\n"
    )
    assert not list(tmp_path.iterdir())


def test_augmentation_keeps_and_moves_whole_images() -> None:
    images = RNG.integers(0, 256, (40, 6, 5, 2))
    changed = Augmentation(mirror=True, shift=1)(images, np.random.default_rng(1))
    kinds = set()
    for image, new in zip(images, changed, strict=True):
        wide = [np.pad(v, ((1, 1), (1, 1), (0, 0)), mode="edge") for v in (image, image[:, ::-1])]
        cuts = {(k, i, j): w[i : i + 6, j : j + 5] for k, w in enumerate(wide)
                for i in range(3) for j in range(3)}  # fmt: skip
        found = [key for key, cut in cuts.items() if np.array_equal(cut, new)]
        assert found
        kinds.add(found[0])
    assert len(kinds) > 10
    assert Augmentation(mirror=True, shift=2).name == "mirror-shift-2"
    assert np.array_equal(Augmentation()(images, np.random.default_rng(1)), images)
