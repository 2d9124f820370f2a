"""scripts/budget_promise.py: what is kept, what is measured again, and its table."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crshare.images.image_set import ImageSet
from crshare.model.read import Model

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from scripts import budget_promise  # noqa: E402 (it imports a script beside it)
from scripts.budget_promise import Experiment, Row, measure, table  # noqa: E402
from scripts.write_turned_digits import turned  # noqa: E402

ROW = Row(
    network="some",
    split=0,
    sure=True,
    multiplier=1e-4,
    saved=0.25,
    estimate=0.2,
    upper=0.9,
    lost=0.5,
    n_calibration=1000,
    n_test=9000,
    seconds=1.0,
)


def test_a_split_that_is_kept_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, bool]] = []

    def searched(
        experiment: Experiment, model: Model, images: ImageSet, split: int, *, sure: bool
    ) -> Row:
        asked.append((split, sure))
        return replace(ROW, split=split, sure=sure)

    monkeypatch.setattr(budget_promise, "searched", searched)
    path = tmp_path / "rows.jsonl"
    experiment = Experiment("some", lambda shared: None, lambda shared, model: None, (), 1000)  # type: ignore[arg-type, return-value]
    first = measure(tmp_path, path, [experiment], range(1))
    assert (asked, len(first)) == ([(0, True), (0, False)], 2)
    assert len(measure(tmp_path, path, [experiment], range(2))) == 4
    assert asked[2:] == [(1, True), (1, False)]


def test_the_table_counts_splits_within_the_budget() -> None:
    rows = [ROW, replace(ROW, lost=1.0, saved=0.35), replace(ROW, sure=False, lost=1.25)]
    assert table(rows).splitlines()[2:] == [
        "| `some` | 1,000, 9,000 | surely (the default) | 30.0 % | 0.75, 1.00 | 2 of 2 | 1 |",
        "| `some` | 1,000, 9,000 | on average | 25.0 % | 1.25, 1.25 | 0 of 1 | 1 |",
    ]


def test_turned_digits_are_smaller_turned_and_inverted_as_their_class_says() -> None:
    images = np.zeros((200, 28, 28, 1), np.uint8)
    images[:, :2, 26:] = 200
    labels = np.arange(200) % 10
    small, classes = turned(images, labels.astype(np.uint8), seed=0)
    assert small.shape == (200, 14, 14, 1)
    assert set(classes // 10) == {0, 1, 2, 3} and (classes % 10 == labels).all()
    corner = {0: (0, 13), 1: (0, 0), 2: (0, 13), 3: (0, 0)}
    for image, way in zip(small, classes // 10, strict=True):
        expected = np.zeros((14, 14, 1), np.uint8)
        expected[corner[int(way)]] = 200
        assert (image == (255 - expected if way >= 2 else expected)).all()
