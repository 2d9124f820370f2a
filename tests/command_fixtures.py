"""A small model, its images and a plan for it, which tests of the commands share."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crshare.model.read import read_model
from tests.keras_files import batch_norm, conv, dense, flatten, signs, write_h5

RNG = np.random.default_rng(3)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three binary convolutions and a dense layer, small enough that a search takes a second."""
    filters = 8
    layers = [
        conv("conv1", signs(RNG, 3, 3, 1, filters), input_quantizer=None),
        batch_norm("norm1", RNG.integers(-20, 20, filters)),
        conv("conv2", signs(RNG, 3, 3, filters, filters), padding="same"),
        batch_norm("norm2", RNG.integers(-5, 5, filters)),
        conv("conv3", signs(RNG, 3, 3, filters, filters)),
        batch_norm("norm3", RNG.integers(-5, 5, filters)),
        flatten(),
        dense("dense", signs(RNG, 4 * 4 * filters, 10)),
    ]
    return write_h5(tmp_path_factory.mktemp("model") / "small.h5", layers, (8, 8, 1))


@pytest.fixture(scope="session")
def images(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty random images; the network's own answers are their labels, but for every fifth."""
    from crshare.executor.execute import compile_network

    network = read_model(model).network
    pixels = RNG.integers(0, 256, (60, 8, 8, 1)).astype(np.uint8)
    labels = compile_network(network).classify(pixels)
    labels[::5] = (labels[::5] + 1) % 10
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, images=pixels, labels=labels)
    return path


@pytest.fixture(scope="session")
def optimized(model: Path, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `crshare optimize` wrote: a plan with similar slices."""
    from crshare.cli import main

    folder = tmp_path_factory.mktemp("optimized") / "out"
    arguments = [
        "optimize", model, "--max-acc-loss", 60, "--data", images, "--calib", images,
        "--solver", "lagrangian", "-o", folder,
    ]  # fmt: skip
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return folder
