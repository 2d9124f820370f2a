"""LUT networks over another number of frames than their file's own."""

from pathlib import Path

import numpy as np
import pytest

from crshare.errors import ModelFormatError
from crshare.executor.execute import compile_network
from crshare.frontend.lut_container import write_lut_network
from crshare.model.read import read_model
from crshare.network.graph import ClassSums, Flatten, Input, Modulate
from crshare.network.lut_ops import class_sums, even_thresholds
from tests.lut_networks import chain

DIGITS = Path(__file__).parents[2] / "data" / "digits_bnn.h5"


def test_a_trained_network_runs_over_another_number_of_frames(tmp_path: Path) -> None:
    ops = (Modulate(even_thresholds(5, 3, 2)), Flatten(), class_sums(4, 5))
    write_lut_network(chain(Input((2, 3, 2)), *ops), tmp_path / "a.npz")
    images = np.arange(0, 252, 7, dtype=np.int32).reshape(3, 2, 3, 2)
    for frames in (1, 5, 7):
        network = read_model(tmp_path / "a.npz", frames=frames).network
        bits = [
            [int(255 * (2 * (d * frames + f) + 1) < 2 * 3 * frames * value) for d in range(3)]
            for value in images.reshape(-1)
            for f in range(frames)
        ]
        found = compile_network(network).scores(images)
        assert found.sum() == np.sum(bits)
    assert read_model(tmp_path / "a.npz").network.signals[network.layers[0].name].frames == 5


def test_frames_are_refused_where_thresholds_or_scores_are_those_of_a_number_of_them(
    tmp_path: Path,
) -> None:
    uneven = even_thresholds(5, 1, 1)
    uneven[2] += 1
    offsets = ClassSums(np.ones(4, np.int32), np.arange(4, dtype=np.int32), 5)
    even = Modulate(even_thresholds(5, 1, 1))
    for name, ops, reason in (
        ("uneven", (Modulate(uneven), Flatten(), class_sums(4, 5)), "has no even thresholds"),
        ("offsets", (even, Flatten(), offsets), "adds offsets that are those of 5 frames"),
    ):
        path = tmp_path / f"{name}.npz"
        write_lut_network(chain(Input((2, 2, 1)), *ops), path)
        assert read_model(path, frames=5).network.signals
        with pytest.raises(ModelFormatError, match=reason):
            read_model(path, frames=6)
    with pytest.raises(ModelFormatError, match="is no LUT network; leave --frames out"):
        read_model(DIGITS, frames=3)
