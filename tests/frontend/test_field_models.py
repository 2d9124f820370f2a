"""Models as people build them, saved by their libraries, against what the library computes."""

from pathlib import Path

import numpy as np
import pytest

from crshare.evaluation.library_check import bit_readers, compare
from crshare.executor.execute import outputs
from crshare.model.read import read_model
from crshare.train import running
from tests.library_process import InLibrary

KINDS = ("nested", "operated", "reshaped", "gated", "two_bits", "improved")


@pytest.fixture(scope="module")
def saved(in_library: InLibrary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models, each in two containers, with images and the library's scores."""
    folder = tmp_path_factory.mktemp("field")
    in_library("tests.field_models", "save", "larq", KINDS, folder)
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
@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("kind", ["reshaped", "improved"])
def test_verify_runs_what_is_unfolded(saved: Path, kind: str) -> None:
    model = read_model(saved / f"{kind}0.h5")
    with np.load(saved / f"{kind}0.npz") as arrays:
        images, scores = arrays["images"], arrays["scores"]
    names = [model.linears[layer.name].stored[0] for layer in bit_readers(model)]
    theirs = running.run(model, images, names)
    np.testing.assert_allclose(theirs[1], scores, rtol=1e-4, atol=1e-4 * np.abs(scores).max())
    assert compare(model, images, *theirs).holds
