"""Models as people build them, saved by their libraries, against what the library computes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crshare.evaluation.library_check import bit_readers, compare
from crshare.executor.execute import outputs
from crshare.model.read import read_model
from crshare.train import running

ROOT = Path(__file__).parents[2]
KINDS = ("nested", "operated", "reshaped", "gated")
SAVING = """
import os, sys
library, folder, kinds, seeds = sys.argv[1:]
if library == "larq":
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
from tests.field_models import build
for kind in kinds.split(","):
    for seed in range(int(seeds)):
        model, images = build(library, kind, seed)
        scores = np.asarray(model(images.astype(np.float32), training=False))
        np.savez(f"{folder}/{kind}{seed}.npz", images=images, scores=scores)
        for ending in (".h5", ".keras"):
            model.save(f"{folder}/{kind}{seed}{ending}")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models, each in two containers, with images and the library's scores."""
    folder = tmp_path_factory.mktemp("field")
    command = [sys.executable, "-c", SAVING, "larq", str(folder), ",".join(KINDS), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
def test_models_of_all_kinds_are_read_as_their_library_runs_them(saved: Path) -> None:
    for known in sorted(saved.glob("*.npz")):
        with np.load(known) as arrays:
            images, scores = arrays["images"], arrays["scores"]
        ours = []
        for ending in (".h5", ".keras"):
            model = read_model(known.with_suffix(ending))
            last = model.network.layers[-1].name
            ours.append(outputs(model.network, images, [last])[last])
        np.testing.assert_array_equal(ours[0], ours[1])
        same = np.abs(ours[0].reshape(scores.shape) - scores) <= 1e-3 * np.abs(scores).max()
        assert same.all(axis=1).mean() >= 0.5, known.name  # the others lie at ties, as verify tells


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
def test_verify_runs_what_is_unfolded(saved: Path) -> None:
    model = read_model(saved / "reshaped0.h5")
    with np.load(saved / "reshaped0.npz") as arrays:
        images, scores = arrays["images"], arrays["scores"]
    names = [model.linears[layer.name].stored[0] for layer in bit_readers(model)]
    theirs = running.run(model, images, names)
    np.testing.assert_allclose(theirs[1], scores, rtol=1e-4, atol=1e-4 * np.abs(scores).max())
    assert compare(model, images, *theirs).holds
