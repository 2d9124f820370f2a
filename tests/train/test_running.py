"""The library's model, built from a blueprint in the sandbox, against the one that was saved."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from crshare.evaluation.library_check import bit_readers, compare
from crshare.model.read import read_model
from crshare.train import running
from tests.keras_files import write_h5
from tests.library_process import InLibrary
from tests.small_model import SHAPE, small


def assert_same_scores(in_library: InLibrary, folder: Path, dialect: str, seed: int) -> None:
    """One of both containers; only the reading of containers differs."""
    in_library("tests.library_models", "save", dialect, seed, folder)
    signs = frozenset({"Sign"} if dialect == "keras" else set())
    with np.load(folder / "known.npz") as known:
        images, scores = known["images"], known["scores"]
    model = read_model(folder / ("m.h5", "m.keras")[seed % 2], sign_layers=signs)
    _, found = running.run(model, images, [])
    np.testing.assert_array_equal(found, scores)


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
@pytest.mark.usefixtures("beside")
def test_verify_rescales_for_both_sides(tmp_path: Path) -> None:
    """The library gets the pixels as the model expects them, not as they are stored."""
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    images = np.random.default_rng(2).integers(0, 256, (40, *SHAPE), dtype=np.uint8)
    model = read_model(path, rescale=(Fraction(2, 255), Fraction(-1)))
    names = [model.linears[layer.name].stored[0] for layer in bit_readers(model)]
    theirs = running.run(model, images, names)
    assert compare(model, images, *theirs).holds
    assert not compare(read_model(path), images, *theirs).holds


def test_what_is_rescaled_is_the_nearest_float32_of_the_exact_value(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", small(), SHAPE)
    pixels = np.arange(6, dtype=np.uint8).reshape(1, 1, 6, 1)
    model = read_model(path, rescale=(Fraction(2, 255), Fraction(-1)))
    found = running.rescaled(model, pixels)
    exact = [Fraction(2 * pixel, 255) - 1 for pixel in range(6)]
    assert found.dtype == np.float32 and found.shape == pixels.shape
    for value, wanted in zip(found.reshape(-1).tolist(), exact, strict=True):
        assert abs(Fraction(value) - wanted) <= abs(wanted) * Fraction(1, 2**24)
    assert running.rescaled(read_model(path), pixels) is pixels


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.usefixtures("beside")
def test_larq_runs_what_was_saved(in_library: InLibrary, tmp_path: Path, seed: int) -> None:
    assert_same_scores(in_library, tmp_path, "larq", seed)


@pytest.mark.needs_package("tensorflow", "keras")
@pytest.mark.usefixtures("beside")
def test_keras_3_runs_what_was_saved(in_library: InLibrary, tmp_path: Path) -> None:
    assert_same_scores(in_library, tmp_path, "keras", 1)


@pytest.mark.needs_package("tensorflow", "keras")
def test_keras_3_runs_in_the_sandbox(in_library: InLibrary, tmp_path: Path) -> None:
    assert_same_scores(in_library, tmp_path, "keras", 0)


@pytest.mark.needs_package("qkeras")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.usefixtures("beside")
def test_qkeras_runs_what_was_saved(in_library: InLibrary, tmp_path: Path, seed: int) -> None:
    assert_same_scores(in_library, tmp_path, "qkeras", seed)
