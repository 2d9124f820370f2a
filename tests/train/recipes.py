"""Networks of recipes trained for a few steps: read back, resumed, refused.

Run by test_training.py in a process of its own.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import crshare
from crshare.cli import main
from crshare.cli.train import RECIPES as NAMES
from crshare.execute import compile_network
from crshare.model import read_model
from crshare.network import Conv
from crshare.train import recipes, training
from crshare.train.augment import Augmentation
from crshare.train.loop import Course
from crshare.train.recipes import Recipe

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


def test_the_command_knows_every_recipe() -> None:
    assert tuple(recipes.RECIPES) == NAMES


def test_shapes_of_the_paper() -> None:
    for name, width, dense in (
        ("binarynet-cifar10", 128, 1024),
        ("binarynet-half-cifar10", 64, 512),
        ("binarynet-svhn", 64, 1024),
    ):
        recipe = recipes.recipe_of(name)
        assert recipe.blocks == tuple((width * k, width * k) for k in (1, 2, 4))
        assert recipe.dense == (dense, dense)
    assert recipes.recipe_of("mnist-mlp").dense == (4096, 4096, 4096)
    with pytest.raises(recipes.RecipeError) as error:
        recipes.recipe_of("none")
    assert str(error.value) == f"no recipe is named 'none'; choose one of {', '.join(NAMES)}"


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> training.Trained:
    """A run that nothing cut."""
    return training.train(TINY, data, COURSE, tmp_path_factory.mktemp("whole"), silent)


def test_a_trained_recipe_is_read_and_classifies_as_keras_does(whole: training.Trained) -> None:
    trained = whole
    model = read_model(trained.path)
    assert [path.name for path in trained.path.parent.iterdir()] == ["tiny.h5"]
    filters = [la.op.kernel.shape[3] for la in model.network.layers if isinstance(la.op, Conv)]
    assert filters == [4, 4, 8, 16, 3]
    found = compile_network(model.network).classify(trained.held_out.images)
    share = float((found == trained.held_out.labels).mean())
    assert share == pytest.approx(trained.best["held_out"])
    assert trained.best["held_out"] > 0.6
    assert set(trained.curve[1]) == {"epoch", "rate", "loss", "training", "held_out"}


class KilledError(Exception):
    """A run is killed."""


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    data: Path, whole: training.Trained, tmp_path: Path
) -> None:
    def cutting(what: str, done: float) -> None:
        if what.startswith("epoch 2"):
            raise KilledError

    with pytest.raises(KilledError):
        training.train(TINY, data, COURSE, tmp_path / "cut", cutting)
    seen: list[str] = []
    resumed = training.train(
        TINY, data, COURSE, tmp_path / "cut", lambda what, _: seen.append(what)
    )
    assert not any(what.startswith("epoch 1") for what in seen)
    assert resumed.curve == whole.curve
    hashes = [crshare.load(trained.path).weights_hash for trained in (whole, resumed)]
    assert hashes[0] == hashes[1]


def test_the_command_writes_model_and_curve(data: Path, tmp_path: Path) -> None:
    line = ["train", "digits", "--data", data, "-o", tmp_path, "--epochs", 1, "--mirror"]
    done = CliRunner().invoke(main, [str(word) for word in [*line, "--json", "-"]])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "curve.json").read_text())
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
