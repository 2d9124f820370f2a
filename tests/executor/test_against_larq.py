"""The network that was read against the libraries that wrote the file: every bit of every layer.

TensorFlow runs in a process of its own; without larq, tf_keras or keras these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pytest

from crshare.executor.execute import compile_network
from crshare.model.read import fingerprint, read_model
from crshare.model.write import apply_network
from crshare.network.graph import Conv, Network, Op, Threshold
from tests.keras_run import Case
from tests.library_process import InLibrary
from tests.library_runs import (
    assert_equal_to_library,
    declared,
    differences,
    readers,
    run,
    shared,
)

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow]

LARQ_SEEDS = range(14)
KERAS_SEEDS = range(4)
N_TRAINED = 200  # images through each trained model


needs_larq = pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
needs_keras = pytest.mark.needs_package("tensorflow", "keras")


@pytest.fixture(scope="module")
def larq_models(in_library: InLibrary, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return built(in_library, "larq", LARQ_SEEDS, tmp_path_factory.mktemp("larq"))


@pytest.fixture(scope="module")
def keras_models(in_library: InLibrary, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    return built(in_library, "keras", KERAS_SEEDS, tmp_path_factory.mktemp("keras"))


def built(in_library: InLibrary, library: str, seeds: range, folder: Path) -> list[Case]:
    found: list[Case] = in_library("tests.keras_run", "build", library, folder, seeds)
    return found


@needs_larq
@pytest.mark.parametrize("seed", LARQ_SEEDS)
def test_generated_larq_models_agree(larq_models: list[Case], seed: int) -> None:
    assert_equal_to_library(larq_models[seed], n_most=10)


@needs_keras
@pytest.mark.parametrize("seed", KERAS_SEEDS)
def test_generated_keras_3_models_agree(keras_models: list[Case], seed: int) -> None:
    assert_equal_to_library(keras_models[seed], n_most=10)


@needs_larq
def test_written_larq_models_load_and_agree(
    in_library: InLibrary, larq_models: list[Case], tmp_path: Path
) -> None:
    written_models_agree(in_library, "larq", larq_models[::2], tmp_path)


@needs_keras
def test_written_keras_3_models_load_and_agree(
    in_library: InLibrary, keras_models: list[Case], tmp_path: Path
) -> None:
    written_models_agree(in_library, "keras", keras_models, tmp_path)


def written_models_agree(
    in_library: InLibrary, library: str, cases: list[Case], folder: Path
) -> None:
    """Change signs and thresholds, write, let the library run the file, and compare all bits."""
    written = []
    for seed, case in enumerate(cases):
        path = folder / f"{seed}.h5"
        network = read_model(case.model, sign_layers=declared(case.model)).network
        wanted = changed(network, np.random.default_rng(seed))
        apply_network(case.model, wanted, path, sign_layers=declared(case.model))
        assert fingerprint(wanted) != fingerprint(network)
        written.append(Case(path, case.images, path.with_suffix(".npz")))
    in_library("tests.keras_run", "run_cases", library, written, False)
    for case in written:
        assert_equal_to_library(case, n_most=10)


def changed(network: Network, rng: np.random.Generator) -> Network:
    """Some signs flipped, and every threshold that can be moved moved a little."""
    ops: dict[str, Op] = {}
    for layer in network.layers:
        match layer.op:
            case Conv(kernel, strides, pad_value):
                flips = rng.choice(np.array([1, 1, 1, -1], np.int8), kernel.shape)
                ops[layer.name] = Conv(kernel * flips, strides, pad_value)
            case Threshold(at, rising, merged, adjustable) if adjustable:
                real = np.abs(at) <= network.input_of(layer).bound
                moved = np.where(real, at + rng.integers(-3, 4, len(at)), at).astype(np.int32)
                ops[layer.name] = Threshold(moved, rising, merged, adjustable)
            case _:
                pass
    return network.replace(ops)


TRAINED = {
    "lfc_w1a1_mnist": "mnist_test",
    "larq_gtsrb_30x30": "cifar10_test",
    "cnv_w1a1_cifar10": "cifar10_test",
}


@pytest.fixture(scope="module")
def trained(in_library: InLibrary, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """The trained models, each with 200 images: the traffic signs get random ones and photos."""
    folder = tmp_path_factory.mktemp("trained")
    cases = {}
    for model, data in TRAINED.items():
        path = shared(f"models/{model}.h5")
        with np.load(shared(f"data/{data}.npz")) as file:
            images = file["images"][:N_TRAINED]
        if model == "larq_gtsrb_30x30":
            noise = np.random.default_rng(7).integers(0, 256, (N_TRAINED // 2, 30, 30, 3), np.uint8)
            images = np.concatenate([images[: N_TRAINED // 2, 1:31, 1:31], noise])
        np.save(folder / f"{model}.npy", images)
        cases[model] = Case(path, folder / f"{model}.npy", folder / f"{model}.npz")
    in_library("tests.keras_run", "run_cases", "larq", list(cases.values()), True)
    return cases


@needs_larq
@pytest.mark.parametrize(
    ("model", "bits_per_image"),
    [
        ("lfc_w1a1_mnist", 784 + 3 * 1024),
        ("larq_gtsrb_30x30", 14 * 14 * 16 + 1152),
        ("cnv_w1a1_cifar10", 95_360),
    ],
)
def test_the_trained_models_agree_in_every_bit(
    trained: dict[str, Case], model: str, bits_per_image: int
) -> None:
    case = trained[model]
    network = read_model(case.model).network
    images = np.load(case.images)
    compared = 0
    with np.load(case.out) as file:
        out = dict(file)
    for start in range(0, len(images), 100):
        values = run(network, images[start : start + 100])
        theirs = {name: value[start : start + 100] for name, value in out.items()}
        assert differences(network, values, theirs) == []
        compared += sum(values[la.source].size for la in readers(network))
        scores = values[network.layers[-1].name].reshape(-1, network.output.shape[2])
        # Of equal scores a softmax in float32 may round either up.
        named = scores[np.arange(len(scores)), theirs["scores"].argmax(1)]
        np.testing.assert_allclose(named, scores.max(1), rtol=2.0**-22, atol=0)
    assert compared == N_TRAINED * bits_per_image


@pytest.mark.parametrize(
    ("model", "n_right"), [("lfc_w1a1_mnist", 9834), ("cnv_w1a1_cifar10", 7939)]
)
def test_the_trained_models_are_as_accurate_as_in_keras(model: str, n_right: int) -> None:
    """All 10,000 test images; tf_keras 2.21 counts the same, the first of equal scores winning."""
    executor = compile_network(read_model(shared(f"models/{model}.h5")).network)
    with np.load(shared(f"data/{TRAINED[model]}.npz")) as file:
        assert int((executor.classify(file["images"]) == file["labels"]).sum()) == n_right
