"""Fine-tuning of a plan: sharing held fixed, Keras equal to the executor, resumed as if never cut.

Run by test_training.py in a process of its own.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import crshare
from crshare.cli import main
from crshare.errors import CrshareError
from crshare.evaluation.plan_run import knows_mirrored
from crshare.executor.execute import compile_network
from crshare.images.digits import digits
from crshare.images.image_set import ImageSet, stand_ins
from crshare.model.read import Model
from crshare.network.slices import decompose
from crshare.plan.file import dumps
from crshare.plan.plan import (
    LayerPlan,
    SharingPlan,
    layer_from_weights,
    planned_network,
    scale_of,
)
from crshare.planning.layerwise import exact_plan
from crshare.report.training_schema import FinetuneReport
from crshare.train import finetune as tuning
from crshare.train import sharing
from crshare.train.augment import Augmentation
from crshare.train.course import Course, Trained, parted, share_right
from crshare.train.keras_model import trainable
from crshare.typed_json import read_json, write_json
from tests.keras_files import Spec, batch_norm, conv, dense, flatten, signs, write_h5
from tests.plans import random_pattern_plan

import tensorflow as tf  # isort: skip  # crshare.train says which Keras it is to use

RNG = np.random.default_rng(5)
COURSE = Course(2, 25, 0, 2e-2, 1e-3, Augmentation(shift=1), 0.25)


def silent(what: str, done: float) -> None:
    pass


def small_plan(model: Model) -> SharingPlan:
    """Half of the filters' slices represent all, each the nearest to itself or its inverse; every
    eighth use is corrected."""
    layers = []
    for table in decompose(model.network):
        n = (table.n_filters + 1) // 2
        uses, patterns = [], []
        for group in range(table.n_groups):
            own = table.matrix[table.rows(group)].T.astype(np.int32)
            alike = own @ own[:n].T
            alike[np.arange(n), np.arange(n)] = 99
            nearest = np.abs(alike).argmax(axis=1)
            uses.append((nearest + 1) * np.sign(own * own[nearest]).sum(axis=1).clip(-1, 1))
            uses[-1][uses[-1] == 0] = 1
            patterns.append(own[:n].astype(np.int8))
        use = np.stack(uses).astype(np.int32)
        corrected = np.zeros(use.shape, np.bool_)
        corrected[:, ::8] = True
        layers.append(LayerPlan(table.layer, tuple(patterns), use, corrected))
    return SharingPlan(model.weights_hash, tuple(layers), {})


@pytest.fixture(scope="module")
def model() -> Model:
    return crshare.load()


@pytest.fixture(scope="module")
def little(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A network for the same digits of random weights, that takes no time to train."""
    layers = [
        conv("conv1", signs(RNG, 3, 3, 1, 4), input_quantizer=None),
        batch_norm("norm1", RNG.integers(-20, 20, 4)),
        conv("conv2", signs(RNG, 3, 3, 4, 6)),
        batch_norm("norm2", RNG.integers(-5, 5, 6)),
        flatten(),
        dense("dense", signs(RNG, 4 * 4 * 6, 10)),
    ]
    return crshare.load(write_h5(tmp_path_factory.mktemp("model") / "little.h5", layers, (8, 8, 1)))


@pytest.fixture(scope="module")
def plan(model: Model) -> SharingPlan:
    return small_plan(model)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return digits().training.take(slice(400), "some digits")


@pytest.mark.needs_package("sklearn")
def test_gradients_of_all_users_are_added_with_their_signs(model: Model, plan: SharingPlan) -> None:
    table = next(table for table in decompose(model.network) if table.layer == "conv2")
    (conv,) = (conv for layer, conv in model.network.convs() if layer.name == "conv2")
    planned = plan.layer("conv2")
    layer = sharing.SharedConv(conv, table, planned)
    layer.build((None, 8, 8, 32))
    upstream = RNG.normal(size=conv.kernel.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        kernel = layer.kernel()
    found = tf.convert_to_tensor(tape.gradient(kernel, layer.latents, tf.constant(upstream)))
    taps, parts = 9, []
    for group, patterns in enumerate(planned.representatives):
        wanted = np.zeros((len(patterns), taps))
        for filter_, use in enumerate(planned.use[group]):
            if not planned.corrected[group, filter_]:
                slice_ = upstream[:, :, group, filter_].reshape(taps)
                wanted[abs(use) - 1] += np.sign(use) * slice_
        parts.append(wanted.reshape(-1))
    assert found.numpy() == pytest.approx(np.concatenate(parts), abs=1e-4)
    effective = planned.effective(table)
    assert np.array_equal(layer._kernel(effective), kernel.numpy())


@pytest.mark.needs_package("sklearn")
def test_patterns_keep_their_users_and_their_zeros(model: Model) -> None:
    table = next(table for table in decompose(model.network) if table.layer == "conv2")
    planned = random_pattern_plan(np.random.default_rng(5), table)
    layer = sharing.SharedConv(model.network.conv("conv2"), table, planned)
    layer.build((None, 8, 8, 32))
    effective = planned.effective(table)
    assert np.array_equal(layer.kernel().numpy(), layer._kernel(effective))
    assert np.array_equal(layer.trained_plan().effective(table), effective)
    turned = np.where(np.random.default_rng(6).random(layer.latents.shape[0]) < 0.3, -1, 1)
    layer.latents.assign(layer.latents.numpy() * turned)
    trained = layer.trained_plan()
    found = trained.effective(table)
    assert np.array_equal(found == 0, effective == 0)
    assert (found != effective).any()
    assert np.array_equal(trained.use, planned.use)
    assert np.array_equal(layer.kernel().numpy(), layer._kernel(found))


def as_keras_says(model: Model, plan: SharingPlan, images: ImageSet) -> None:
    """The network as Keras trains it scores as the executor does with the plan of now."""
    built = trainable(model.network, plan)
    built.begin(images.images)
    rate_free = built.trained_plan()
    assert dumps(rate_free, "") == dumps(plan, "")
    scores = built.model(images.images.astype(np.float32), training=False).numpy()
    wanted = compile_network(planned_network(model.network, plan)).classify(images.images)
    best_two = np.sort(scores, axis=1)[:, -2:]
    clear = best_two[:, 1] - best_two[:, 0] > 1e-4 * np.abs(scores).max()
    assert clear.mean() > 0.9
    assert np.array_equal(scores.argmax(axis=1)[clear], wanted[clear])


@pytest.mark.needs_package("sklearn")
def test_before_the_first_step_keras_and_the_executor_agree(
    model: Model, plan: SharingPlan, images: ImageSet
) -> None:
    as_keras_says(model, plan, images)


@pytest.fixture(scope="module")
def whole(
    model: Model, plan: SharingPlan, images: ImageSet, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """A run that nothing cut."""
    return tuning.finetune(model, plan, images, COURSE, tmp_path_factory.mktemp("whole"), silent)


@pytest.mark.needs_package("sklearn")
def test_a_trained_plan_is_what_keras_computes_and_shares_as_before(
    model: Model, plan: SharingPlan, images: ImageSet, whole: Trained
) -> None:
    assert [entry["epoch"] for entry in whole.curve] == [0, 1, 2]
    assert whole.best["epoch"] > 0
    assert whole.best["held_out"] > whole.curve[0]["held_out"]
    assert sorted(path.name for path in whole.path.parent.iterdir()) == ["plan.json"]
    found = crshare.load_plan(model, whole.path)
    assert found.thresholds
    changed = 0
    for old, new in zip(plan.layers, found.layers, strict=True):
        assert np.array_equal(old.use, new.use)
        assert np.array_equal(old.corrected, new.corrected)
        assert [p.shape for p in old.representatives] == [p.shape for p in new.representatives]
        changed += not np.array_equal(old.taken, new.taken)
    assert changed
    as_keras_says(model, found, images)


@pytest.mark.needs_package("sklearn")
def test_layers_that_the_plan_left_alone_are_free_and_share_what_is_equal_afterwards(
    little: Model, images: ImageSet, tmp_path: Path
) -> None:
    free = exact_plan(little.network, little.weights_hash)
    given = replace(free, layers=(free.layers[0], small_plan(little).layers[1], free.layers[2]))
    course = replace(COURSE, first_rate=0.3, last_rate=0.1, batch=10)
    tuned = tuning.finetune(little, given, images, course, tmp_path, silent)
    assert tuned.best["epoch"] > 0
    found = crshare.load_plan(little, tuned.path)
    assert np.array_equal(found.layers[1].use, given.layers[1].use)
    changed = 0
    for place in (0, 2):
        table = decompose(little.network)[place]
        weights = found.layers[place].effective(table)
        assert found.layers[place].n_computed == layer_from_weights(table, weights).n_computed
        changed += int((weights != table.matrix).sum())
    assert changed
    _, held_out = parted(images, course.held_out, course.seed)
    validation = stand_ins(held_out) if knows_mirrored(little.network, held_out) else held_out
    assert tuned.validation_name == validation.name
    assert share_right(planned_network(little.network, found), validation) == tuned.best["held_out"]


@pytest.fixture(scope="module")
def shortcut(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A block of sign, convolution and batch normalisation, added to its input."""
    layers = [
        conv("conv1", signs(RNG, 3, 3, 1, 6), input_quantizer=None, padding="same"),
        batch_norm("norm1", RNG.integers(-20, 20, 6), 900.0),
        conv("conv2", signs(RNG, 3, 3, 6, 6), padding="same", pad_values=1.0),
        batch_norm("norm2", RNG.integers(-5, 5, 6), 60.0),
        Spec("Add", "sum", reads=("norm1", "norm2")),
        conv("conv3", signs(RNG, 8, 8, 6, 10)),
        batch_norm("norm3", RNG.normal(size=10), 30.0),
    ]
    path = tmp_path_factory.mktemp("model") / "shortcut.h5"
    return crshare.load(write_h5(path, layers, (8, 8, 1), functional=True))


@pytest.mark.needs_package("sklearn")
def test_offsets_that_a_plan_moved_stay_where_it_has_them(
    shortcut: Model, images: ImageSet, tmp_path: Path
) -> None:
    network = shortcut.network
    offset = scale_of(network, "norm2").offset + np.linspace(-1, 1, 6)
    given = replace(small_plan(shortcut), offsets={"norm2": offset})
    as_keras_says(shortcut, given, images)
    course = replace(COURSE, first_rate=0.1, last_rate=0.02, batch=10)
    tuned = tuning.finetune(shortcut, given, images, course, tmp_path, silent)
    assert tuned.best["epoch"] > 0
    found = crshare.load_plan(shortcut, tuned.path)
    assert list(found.offsets) == ["norm2"] and np.array_equal(found.offsets["norm2"], offset)
    as_keras_says(shortcut, found, images)


class KilledError(Exception):
    """A run is killed."""


@pytest.mark.needs_package("sklearn")
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(
    model: Model,
    plan: SharingPlan,
    images: ImageSet,
    whole: Trained,
    tmp_path: Path,
) -> None:
    def cutting(what: str, done: float) -> None:
        if what.startswith("epoch 2"):
            raise KilledError

    with pytest.raises(KilledError):
        tuning.finetune(model, plan, images, COURSE, tmp_path, cutting)
    seen: list[str] = []
    resumed = tuning.finetune(
        model, plan, images, COURSE, tmp_path, lambda what, _: seen.append(what)
    )
    assert not any(what.startswith("epoch 1") for what in seen)
    assert resumed.curve == whole.curve
    assert resumed.path.read_text() == whole.path.read_text()


@pytest.mark.needs_package("sklearn")
def test_a_checkpoint_of_another_training_is_refused(
    little: Model, images: ImageSet, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.npz"
    np.savez(path, document=np.array(json.dumps({"key": "other", "curve": []})))
    with pytest.raises(CrshareError) as error:
        tuning.finetune(little, small_plan(little), images, COURSE, tmp_path, silent)
    assert str(error.value) == (
        f"{path}: is the checkpoint of another training (another model, plan, images or options); "
        "choose another folder, or remove it to train from the start"
    )


@pytest.mark.needs_package("sklearn")
def test_the_command_writes_a_plan_that_evaluate_runs(
    little: Model, images: ImageSet, tmp_path: Path
) -> None:
    data, given, out = tmp_path / "data.npz", tmp_path / "given.json", tmp_path / "out"
    np.savez(data, images=images.images, labels=images.labels)
    crshare.save_plan(small_plan(little), little, given)
    line = ["finetune", little.path, "--plan", given, "--data", data, "-o", out, "--epochs", 1]
    done = CliRunner().invoke(main, [str(word) for word in [*line, "--shift", 1, "--json", "-"]])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document == json.loads((out / "curve.json").read_text())
    assert write_json(read_json(done.stdout.encode(), FinetuneReport)) == done.stdout
    assert document["augmentation"] == "shift-1"
    assert document["n_training"] == 360
    assert document["judged_on"].startswith("40 held-out of ")
    line = ["evaluate", little.path, "--plan", out / "plan.json", "--data", data]
    assert CliRunner().invoke(main, [str(word) for word in line]).exit_code == 0
