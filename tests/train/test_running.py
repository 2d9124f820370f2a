"""The library's model, built from a blueprint in the sandbox, against the one that was saved."""

import subprocess
import sys
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from crshare.evaluation.library_check import bit_readers, compare
from crshare.model.read import read_model
from crshare.train import running
from tests.keras_files import write_h5
from tests.small_model import SHAPE, small

ROOT = Path(__file__).parents[2]
SAVING = """
import os, sys
dialect, folder, *seeds = sys.argv[1:]
if dialect != "keras":
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
from tests.library_models import build, keras_for
keras = keras_for(dialect)
for seed in seeds:
    model, images, _ = build(dialect, keras, int(seed))
    scores = np.asarray(model(images.astype(np.float32), training=False))
    np.savez(f"{folder}/{seed}.npz", images=images, scores=scores)
    for ending in (".h5", ".keras"):
        model.save(f"{folder}/{seed}{ending}")
"""


def saved(dialect: str, folder: Path, seeds: range) -> None:
    """Random models of a library, each in two containers, with images and its scores of them."""
    command = [sys.executable, "-c", SAVING, dialect, str(folder), *map(str, seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]


def assert_same_scores(folder: Path, dialect: str, seeds: range) -> None:
    """Each seed in the container after the last one's; only the reading of containers differs."""
    saved(dialect, folder, seeds)
    signs = frozenset({"Sign"} if dialect == "keras" else set())
    for seed, ending in zip(seeds, cycle((".h5", ".keras")), strict=False):
        with np.load(folder / f"{seed}.npz") as known:
            images, scores = known["images"], known["scores"]
        model = read_model(folder / f"{seed}{ending}", sign_layers=signs)
        _, found = running.run(model, images, [])
        np.testing.assert_array_equal(found, scores)


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
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
def test_larq_runs_what_was_saved(tmp_path: Path) -> None:
    assert_same_scores(tmp_path, "larq", range(2))


@pytest.mark.needs_package("tensorflow", "keras")
def test_keras_3_runs_what_was_saved(tmp_path: Path) -> None:
    assert_same_scores(tmp_path, "keras", range(2))


@pytest.mark.needs_package("qkeras")
def test_qkeras_runs_what_was_saved(tmp_path: Path) -> None:
    assert_same_scores(tmp_path, "qkeras", range(2))
