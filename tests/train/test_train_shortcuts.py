"""scripts/train_shortcuts.py in a quarter of its width: what it saves is read, verified, shared."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main
from crshare.model.read import read_model
from crshare.network.graph import Add, Concatenate, Conv, RealConv
from tests.library_process import InLibrary


def crshare(*words: object) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.needs_package("tensorflow", "tf_keras", "larq")
@pytest.mark.usefixtures("beside")
def test_trained_networks_with_shortcuts_go_all_the_way(
    in_library: InLibrary, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (100, 32, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(100) % 10)
    given = tmp_path / "images.npz", tmp_path, "1", "8"
    in_library("tests.library_process", "printed", "scripts.train_shortcuts", "main", *given)
    for name, n_real in (("bireal", 2), ("blend", 6)):
        path = tmp_path / f"{name}.h5"
        model = read_model(path)
        ops = [type(layer.op) for layer in model.network.layers]
        wanted = {Conv: 4, RealConv: n_real, Add: 4, Concatenate: 1}
        assert {kind: ops.count(kind) for kind in wanted} == wanted
        shown = crshare("verify", path, "--data", tmp_path / "images.npz")
        assert "100 images" in shown and "block1_main" in shown
        assert "4 binary layers" in crshare("analyze", path)
        lossless = crshare(
            *("optimize", path, "--max-acc-loss", 0),
            *("--data", tmp_path / "images.npz", "-o", tmp_path / name),
        )
        assert re.search(r"bit for bit equal on (\d+) of \1 images", lossless)
    linears = read_model(tmp_path / "blend.h5").linears.values()
    skips = [la.weights for la in linears if la.signs is None and la.owner.endswith("_skip")]
    skips = [weights for weights in skips if weights.shape[:2] == (1, 1)]
    assert len(skips) == 4
    assert all(np.array_equal(weights * 16, np.rint(weights * 16)) for weights in skips)
