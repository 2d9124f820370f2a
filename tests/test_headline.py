"""The CNV at a multiplier of scripts/headline.py, which measures what is claimed of it.

The claims rest on 10,000 calibration images and take minutes; here 600 choose, so the bounds are
wider. Searches themselves are tested on small networks (planning/test_search, cli).
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.cli import main

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
MODEL = SHARED / "models" / "cnv_w1a1_cifar10.h5"
CALIB = SHARED / "data" / "cifar10_train10k.npz"
DATA = SHARED / "data" / "cifar10_test.npz"
CLAIM = "three tenths of a point"
N_IMAGES = 2000  # of the test images, for scores that are compared
LAYERS = [f"conv{i}" for i in range(2, 7)]
NEEDED = ("models/cnv_w1a1_cifar10.h5", "data/cifar10_train10k.npz", "data/cifar10_test.npz")
pytestmark = [pytest.mark.slow, pytest.mark.needs_shared(*NEEDED)]


def test_600_images_find_a_plan_of_less_than_a_third_within_a_point(tmp_path: Path) -> None:
    found = tmp_path / "rows.json"
    command = [
        sys.executable,
        str(ROOT / "scripts" / "headline.py"),
        "--only",
        CLAIM,
        "--images",
        "600",
    ]
    done = subprocess.run(
        [*command, "--json", str(found)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.exists(), done.stdout + done.stderr
    (row,) = json.loads(found.read_text())
    assert row["left"] <= 1 / 3 and row["exact"] >= 0.6
    assert row["validation_points"] <= 2.0 and row["test_points"] <= 1.0
    assert row["gap"] <= 0.01


def test_no_loss_allowed_means_equal_scores_on_every_image(tmp_path: Path) -> None:
    data = tmp_path / "some.npz"
    with np.load(DATA) as file:
        np.savez(data, images=file["images"][:N_IMAGES], labels=file["labels"][:N_IMAGES])
    arguments = ["optimize", MODEL, "--calib", CALIB, "--data", data, "--max-acc-loss", 0]
    done = CliRunner().invoke(main, [str(word) for word in [*arguments, "-o", tmp_path / "out"]])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["lossless"]
    assert report["images_with_equal_scores"] == N_IMAGES
    layers = [layer for layer in report["layers"] if layer["layer"] in LAYERS]
    before, after = (
        sum(layer[when]["slice_operations"] for layer in layers) for when in ("before", "after")
    )
    assert 1 - after / before >= 0.31
