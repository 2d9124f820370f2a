"""A checkpoint is read as it was written; a spoiled or foreign one is told in one sentence."""

import os
from pathlib import Path
from random import Random

import numpy as np
import pytest

from crshare.train.saved_state import Checkpoint, CheckpointError, load, save

KEPT = Checkpoint((np.arange(6.0).reshape(2, 3), np.array(7)), ({"loss": 1.5}, {"loss": 0.5}))
ANEW = "remove it to train from the start"


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    assert load(path, "key") is None
    save(path, "key", KEPT)
    found = load(path, "key")
    assert found is not None
    assert found.curve == KEPT.curve
    assert all(map(np.array_equal, found.values, KEPT.values))
    with pytest.raises(CheckpointError, match="is the checkpoint of another training"):
        load(path, "other")


def test_a_spoiled_checkpoint_is_told_in_one_sentence(tmp_path: Path) -> None:
    path, rng = tmp_path / "checkpoint.npz", Random(0)
    save(path, "key", KEPT)
    good = path.read_bytes()
    n_told = 0
    for _ in range(200):
        spoiled = bytearray(good)
        for _ in range(rng.choice((1, 30))):
            spoiled[rng.randrange(len(good))] = rng.randrange(256)
        path.write_bytes(spoiled)
        try:
            load(path, "key")
        except CheckpointError as error:
            n_told += 1
            assert str(error).startswith(f"{path}: is ")
            assert str(error).endswith(ANEW)
            assert "\n" not in str(error)
    assert n_told > 100


def test_a_pipe_is_no_checkpoint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="is no regular file; remove it to train"):
        load(tmp_path / "pipe", "key")
