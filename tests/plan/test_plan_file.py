"""plan.json: what was written is read back byte for byte, and spoiled plans are told."""

import json
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from crshare.errors import PlanError
from crshare.model.read import Model, read_model
from crshare.plan.file import dumps, load_plan_file, read_plan
from crshare.plan.plan import planned_network
from tests.hostile.spoil import spoil_json

N_SPOILED = 300


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return read_model(model)


def read(path: Path, loaded: Model) -> Any:
    return read_plan(path, loaded.network, loaded.weights_hash)


def test_a_plan_is_read_as_it_was_written(optimized: Path, loaded: Model) -> None:
    path = optimized / "plan.json"
    images = load_plan_file(path).images
    assert set(images) == {"calibration", "test"}
    assert dumps(read(path, loaded), loaded.path.name, images) == path.read_text("utf-8")


def test_a_plan_keeps_how_its_model_was_read(
    optimized: Path, loaded: Model, model: Path, tmp_path: Path
) -> None:
    plan = read(optimized / "plan.json", loaded)
    assert load_plan_file(optimized / "plan.json").model.read_with == loaded.read_with == ""
    other = read_model(model, rescale=(Fraction(2, 255), Fraction(-1)))
    assert other.read_with == "--rescale 2/255,-1"
    path = tmp_path / "plan.json"
    path.write_text(dumps(plan, "m", read_with=other.read_with))
    assert load_plan_file(path).model.read_with == "--rescale 2/255,-1"
    assert read(path, loaded).fingerprint == plan.fingerprint
    with pytest.raises(PlanError, match=r", or read it as the plan's was: --rescale 2/255,-1$"):
        read_plan(path, loaded.network, "0" * 64)


def test_a_plan_that_was_laid_out_anew_is_the_same(
    optimized: Path, loaded: Model, tmp_path: Path
) -> None:
    text = (optimized / "plan.json").read_text("utf-8")
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(text), indent=2))
    assert dumps(read(path, loaded), loaded.path.name, load_plan_file(path).images) == text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(version=3), "is no plan of version 1 or 2 (Invalid enum value 3"),
        (lambda d: d["layers"].reverse(), "plans layers dense, conv3"),
        (lambda d: d["thresholds"].append(d["thresholds"][0]), "changes one threshold or offset"),
        (lambda d: d["thresholds"][0].update(name="x"), "changes the threshold 'x'"),
        (lambda d: d["thresholds"][0].update(falling=[99]), "names filter 99"),
        (lambda d: d["layers"][0]["groups"][0]["use"].pop(), "layer conv1, group 0: 7 uses"),
        (lambda d: d["layers"][0]["groups"][0].update(use=[-(2**31)] * 8), "layer conv1, group 0"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(
    optimized: Path, loaded: Model, tmp_path: Path, change: Any, said: str
) -> None:
    document = json.loads((optimized / "plan.json").read_text("utf-8"))
    change(document)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    with pytest.raises(PlanError) as error:
        read(path, loaded)
    assert str(error.value).startswith(f"{path}: {said}")


def test_spoiled_plans_are_plans_or_a_sentence(
    optimized: Path, loaded: Model, tmp_path: Path
) -> None:
    whole = (optimized / "plan.json").read_bytes()
    ended: Counter[str] = Counter()
    path = tmp_path / "plan.json"
    for seed in range(N_SPOILED):
        path.write_bytes(spoil_json(random.Random(seed), whole))
        try:
            planned_network(loaded.network, read(path, loaded))
            ended["read"] += 1
        except PlanError as error:
            ended["refused"] += 1
            assert str(error).startswith(f"{path}: ")
    assert ended["refused"] > N_SPOILED / 2
    assert ended["read"] > 2
