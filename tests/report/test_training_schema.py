"""What train and finetune write: epochs as they went, and files of trainings that are there."""

from math import inf, nan
from pathlib import Path

import pytest

from crshare.report.training_schema import Epoch, FinetuneReport, TrainReport
from crshare.typed_json import read_json, write_json
from scripts.write_schemas import KINDS

DATA = Path(__file__).parents[2] / "data"
BEGUN, GONE_ON = {"epoch": 0, "held_out": 0.1}, {"epoch": 1, "rate": 0.01, "held_out": 0.5}


@pytest.mark.parametrize("loss", [nan, inf])
def test_a_loss_that_is_no_number_is_none(loss: float) -> None:
    assert Epoch.of({**GONE_ON, "loss": loss, "training": 0.4}) == Epoch(
        epoch=1, rate=0.01, loss=None, training=0.4, held_out=0.5
    )


def test_a_report_is_read_as_it_was_written() -> None:
    curve = (Epoch.of(BEGUN), Epoch.of(GONE_ON))
    written = FinetuneReport(
        command="crshare finetune", augmentation="none", n_training=9, judged_on="1 held-out",
        best=curve[1], curve=curve, model="m.h5", seed=0, distilled=0.5,
    )  # fmt: skip
    assert read_json(write_json(written).encode(), KINDS["finetune"]) == written


@pytest.mark.parametrize("name", ["sfc-mnist", "turned-digits", "binarynet-cifar10"])
def test_trainings_that_come_with_crshare_are_of_the_schema(name: str) -> None:
    report = read_json((DATA / f"{name}.json").read_bytes(), TrainReport)
    assert report.recipe == name
    assert report.best in report.curve
