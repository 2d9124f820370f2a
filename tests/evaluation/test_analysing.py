"""Layers that several processes analyse are those that one does."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from crshare.errors import ArgumentError
from crshare.evaluation.analysing import analyze_model
from crshare.model.read import read_model
from tests.keras_files import batch_norm, conv, dense, flatten, signs, write_h5

RNG = np.random.default_rng(3)


@pytest.mark.slow
def test_processes_share_the_layers_and_change_no_figure(tmp_path: Path) -> None:
    layers = [
        conv("c1", signs(RNG, 3, 3, 2, 4), input_quantizer=None),
        batch_norm("b1", np.zeros(4)),
        conv("c2", signs(RNG, 3, 3, 4, 12)),
        batch_norm("b2", np.zeros(12)),
        flatten(),
        dense("d", signs(RNG, 48, 9)),
    ]
    model = read_model(write_h5(tmp_path / "m.h5", layers, (6, 6, 2)))
    said: list[tuple[str, float]] = []
    alone = analyze_model(model, lambda *_: None)
    shared = analyze_model(model, lambda what, done: said.append((what, done)), n_workers=2)
    assert [layer.layer for layer in shared.layers] == ["c1", "c2", "d"]
    for one, other in zip(shared.layers, alone.layers, strict=True):
        assert asdict(one) == asdict(other)
    assert all(layer.counts.graph.additions > 0 for layer in shared.layers)
    assert [what for what, _ in said] == ["counting adders of 3 layers"] * 3
    with pytest.raises(ArgumentError):
        analyze_model(model, lambda *_: None, n_workers=0)
