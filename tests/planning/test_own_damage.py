"""A similarity measure of the user's own: the example of docs/damage.md, through the API."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crshare
from crshare import jobs
from crshare.network.slices import decompose
from crshare.plan.plan import changed_layers
from crshare.planning.baseline import baseline_of
from crshare.planning.damage import DamageModel
from crshare.planning.layerwise import Method, plan_at
from crshare.planning.matched_variance import MatchedVariance

DOCS = Path(__file__).resolve().parents[2] / "docs" / "damage.md"


def example() -> DamageModel:
    (block,) = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text("utf-8"), re.M | re.S)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block, DOCS.name, "exec"), names)
    made: DamageModel = names["Hamming"]()
    return made


def test_a_measure_of_ones_own_plans_other_slices(model: Path, images: Path) -> None:
    loaded = crshare.load(model)
    network, pictures = loaded.network, crshare.load_images(loaded, images)
    baseline = baseline_of(network, pictures)
    own, default = (
        plan_at(baseline, loaded.weights_hash, 3e-2, Method("lagrangian", damage=damage))[0]
        for damage in (example(), MatchedVariance())
    )
    assert changed_layers(network, own)
    assert any(
        not np.array_equal(
            own.layer(table.layer).effective(table), default.layer(table.layer).effective(table)
        )
        for table in decompose(network)
    )


def test_the_api_hands_a_measure_on(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(jobs, "optimize", lambda *given: asked.append(given[3].method.damage))
    own = example()
    for damage in (own, None):
        crshare.optimize(crshare.load(model), max_loss_points=0, damage=damage)
    assert asked == [own, MatchedVariance()]
