"""LUT networks trained on small pictures: what they learn, export, keep and refuse."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from crshare.arrays import Array
from crshare.cli import main
from crshare.errors import DataError
from crshare.executor.execute import compile_network
from crshare.images.image_set import load_images
from crshare.lut_recipes import LUT_RECIPES, Choice, Form, LutRecipe, LutStage
from crshare.model.read import read_model
from crshare.network.graph import Network
from crshare.network.lut_ops import Lut
from crshare.network.reference import run as run_plainly
from crshare.report.training_schema import TrainReport
from crshare.train.augment import Augmentation
from crshare.train.course import Course, Trained, parted, share_right
from crshare.train.lutnet import training
from crshare.train.lutnet.exported import network_of
from crshare.train.lutnet.net import FORMS, build, by_class
from crshare.train.lutnet.training import Kind
from crshare.typed_json import read_json

DENSE = LutRecipe("dense", (8, 8, 1), (LutStage(120), LutStage(60)), 1.0, batch=40)
MAP = LutRecipe(
    "map",
    (9, 8, 2),
    (LutStage(6, size=3), LutStage(5, size=1, pooled=True), LutStage(8, size=2), LutStage(20)),
    1.0,
    depth=2,
)
NARROW = LutRecipe("narrow", (4, 4, 1), (LutStage(3, size=2, stride=2), LutStage(10)), 1.0)
COURSE = Course(2, 10, 1, 3e-2, 3e-3, Augmentation(), 0.2)


@pytest.mark.parametrize("recipe", [DENSE, MAP, NARROW], ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("n_frames", [1, 3])
@pytest.mark.parametrize("choice", list(Choice))
def test_what_is_trained_is_what_is_exported(
    recipe: LutRecipe, n_frames: int, choice: Choice
) -> None:
    """Batch and means are of the same images: then the float network and its tables are one."""
    images = np.random.default_rng(0).integers(0, 256, (23, *recipe.shape), dtype=np.uint8)
    net = build(recipe, Form.DIFFERENTIABLE, choice, n_frames, seed=3)
    bits, _ = net.forward(images)
    network = network_of(net, images)
    sums = by_class(bits, recipe.n_classes, n_frames)
    assert_array_equal(compile_network(network).scores(images).reshape(sums.shape), sums)
    assert_array_equal(run_plainly(network, images)["sums"].reshape(sums.shape), sums)
    assert_array_equal(net.class_sums(net.hardened(images), images, chunk=7), sums)
    assert len(np.unique(sums)) > 1


@pytest.mark.parametrize("recipe", [DENSE, MAP], ids=lambda recipe: recipe.name)
def test_a_frame_is_what_the_layers_give_of_its_bits(recipe: LutRecipe) -> None:
    images = np.random.default_rng(0).integers(0, 256, (23, *recipe.shape), dtype=np.uint8)
    net = build(recipe, Form.DIFFERENTIABLE, Choice.RANDOM, 3, seed=3)
    words = net.hardened(images)
    alone = [net.at_frame(frame) for frame in range(3)]
    assert [one.layers for one in alone] == [net.layers] * 3
    sums = [one.class_sums(words, images) for one in alone]
    assert_array_equal(sum(sums), net.class_sums(words, images))
    assert any((one != sums[0]).any() for one in sums)


@pytest.mark.parametrize("recipe", [DENSE, MAP], ids=lambda recipe: recipe.name)
def test_binarised_stochastic_tables_are_what_is_exported(recipe: LutRecipe) -> None:
    images = np.random.default_rng(0).integers(0, 256, (23, *recipe.shape), dtype=np.uint8)
    net = build(recipe, Form.STOCHASTIC_BINARY, Choice.RANDOM, 2, seed=3)
    sums = by_class(net.forward(images)[0], recipe.n_classes, 2)
    network = network_of(net, images)
    assert_array_equal(compile_network(network).scores(images).reshape(sums.shape), sums)


def pictures(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Ten patterns of 8x8 pixels under noise, and which each is."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(9).integers(40, 216, (10, 8, 8, 1))
    labels = rng.integers(0, 10, n)
    noisy = patterns[labels] + rng.normal(0, 40, (n, 8, 8, 1))
    return np.clip(noisy, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "pictures.npz"
    images, labels = pictures(600)
    np.savez(path, images=images, labels=labels)
    return path


def silently(what: str, done: float) -> None:
    """Progress that nobody watches."""


def train(
    data: Path, folder: Path, kind: Kind, record: Callable[[Trained], object] = lambda _: None
) -> Trained:
    folder.mkdir(exist_ok=True)
    return training.train(DENSE, data, COURSE, kind, folder, silently, record=record)


@pytest.mark.slow
@pytest.mark.parametrize("form", list(Form))
def test_a_little_training_learns(form: Form, data: Path, tmp_path: Path) -> None:
    trained = train(data, tmp_path, Kind(form=form, connections=Choice.RANDOM))
    assert [entry["epoch"] for entry in trained.curve] == [0, 1, 2]
    assert trained.curve[0]["held_out"] < 0.4
    assert trained.best["held_out"] > 0.8
    losses = [entry["loss"] for entry in trained.curve[1:]]
    assert losses == sorted(losses, reverse=True)
    network = read_model(trained.path).network
    images, labels = pictures(500, seed=1)
    found = compile_network(network).classify(images)
    assert (found == labels).mean() > 0.8
    assert not (tmp_path / training.CHECKPOINT).exists()


@pytest.mark.slow
def test_learned_connections_find_the_pixels_that_tell(tmp_path: Path) -> None:
    """Of 256 pixels, 64 in a corner tell the class; the others are noise."""
    images, labels = pictures(600)
    rng = np.random.default_rng(2)
    wide = rng.integers(0, 256, (600, 16, 16, 1), dtype=np.uint8)
    wide[:, :8, :8] = images
    np.savez(tmp_path / "wide.npz", images=wide, labels=labels)
    recipe = replace(DENSE, shape=(16, 16, 1), stages=(LutStage(60),), score_every=1)
    course = replace(COURSE, epochs=4)

    def share_that_tells(choice: Choice) -> float:
        kind = Kind(connections=choice)
        found = training.train(recipe, tmp_path / "wide.npz", course, kind, tmp_path, silently)
        (lut,) = (layer.op for layer in read_model(found.path).network.layers if is_lut(layer.op))
        rows, columns = np.divmod(lut.connections, 16)
        return float(((rows < 8) & (columns < 8)).mean())

    assert share_that_tells(Choice.RANDOM) < 0.3
    assert share_that_tells(Choice.LEARNED) > 0.7


def is_lut(op: object) -> bool:
    return isinstance(op, Lut)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Kind(3, connections=Choice.RANDOM), Kind()])
def test_a_resumed_training_equals_an_uninterrupted_one(
    kind: Kind, data: Path, tmp_path: Path
) -> None:
    whole = train(data, tmp_path / "whole", kind)

    class KilledError(Exception):
        pass

    def kill(trained: Trained) -> None:
        if len(trained.curve) == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train(data, tmp_path / "parts", kind, kill)
    assert (tmp_path / "parts" / training.CHECKPOINT).exists()
    resumed = train(data, tmp_path / "parts", kind)
    assert resumed.curve == whole.curve
    assert resumed.path.read_bytes() == whole.path.read_bytes()


def test_the_best_epoch_by_held_out_images_is_kept(data: Path, tmp_path: Path) -> None:
    trained = train(data, tmp_path, Kind())
    images = load_images(data, read_model(trained.path).network)
    _, held_out = parted(images, COURSE.held_out, COURSE.seed)
    found = share_right(read_model(trained.path).network, held_out)
    assert found == max(entry["held_out"] for entry in trained.curve)


def test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.npz"
    np.savez(path, images=np.zeros((20, 4, 4, 1), np.uint8), labels=np.zeros(20, np.int64))
    with pytest.raises(DataError) as error:
        train(path, tmp_path, Kind())
    assert str(error.value) == (
        f"{path}: images are [20, 4, 4, 1]; this model expects [n, 8, 8, 1]"
    )


def command(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["train", *map(str, arguments)])


def test_the_command_writes_network_and_curve(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LUT_RECIPES, "lutnet-mnist", replace(DENSE, name="lutnet-mnist", epochs=1))
    out = tmp_path / "out"
    done = command(
        "lutnet-mnist", "--data", data, "-o", out, "--frames", 2, "--connections", "serial"
    )
    assert done.exit_code == 0, done.output
    assert "Wrote lutnet-mnist.npz of epoch 1 and curve.json" in " ".join(done.output.split())
    curve = json.loads((out / "curve.json").read_text())
    read_json((out / "curve.json").read_bytes(), TrainReport)
    facts = {key: curve[key] for key in ("frames", "connections", "table")}
    assert facts == {"frames": 2, "connections": "serial", "table": "differentiable"}
    network = read_model(out / "lutnet-mnist.npz").network
    assert modulated(network) == 2
    assert sorted(path.name for path in out.iterdir()) == ["curve.json", "lutnet-mnist.npz"]


def modulated(network: Network) -> int:
    return network.layers[0].op.frames


@pytest.mark.parametrize(
    ("recipe", "option", "said"),
    [
        ("lutnet-mnist", "--stochastic", "--stochastic is for networks of +1/-1 weights alone"),
        (
            "lutnet-mnist",
            "--precision=float32",
            "--precision is for networks with +1/-1 weights",
        ),
        ("blend-mnist", "--stochastic", "--stochastic is for networks of +1/-1 weights alone"),
        ("blend-mnist", "--frames=1", "--frames is for LUT networks"),
        ("digits", "--frames=1", "--frames is for LUT networks"),
        ("digits", "--table=stochastic", "--table is for LUT networks"),
        ("digits", "--connections=random", "--connections is for LUT networks"),
    ],
)
def test_options_that_say_nothing_for_a_recipe_are_refused(
    recipe: str, option: str, said: str, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = command(recipe, "--data", data, "-o", out, option)
    assert done.exit_code == 2
    assert done.output.splitlines()[-1] == f"Error: {said}, and {recipe} is none; leave it out"
    assert not out.exists()


@pytest.mark.parametrize("name", LUT_RECIPES)
def test_recipes_fit_their_data_and_their_classes(name: str) -> None:
    recipe = LUT_RECIPES[name]
    net = build(recipe, Form.DIFFERENTIABLE, Choice.SERIAL, 1, 0)
    assert net.layers[-1].shape[:2] == (1, 1)
    assert recipe.stages[-1].n_nodes % recipe.n_classes == 0
    assert set(FORMS) == set(Form)
